"""An account's statement as PDF, in the customer's language: what was billed and paid, with the balance after each."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import typst
from django.utils import timezone

from openboss.modules.customers.atomic import account_view, customer_of_account, name_on_bill
from openboss.modules.receivables.functions.statements import StatementLine, statement
from openboss.modules.system.atomic import org_nodes

DOCUMENTS = Path(__file__).resolve().parent.parent / "documents"
FONTS = Path(__file__).resolve().parents[2] / "billing" / "fonts"
ZH, EN = 0, 1
WORDS = {
    "balance": ("期末应付", "Owed at the end"),
    "yuan": ("元", "yuan"),
    "page": ("第", "Page"),
    "when": ("时间", "When"),
    "what": ("摘要", "What"),
    "bill": ("账单号", "Bill"),
    "change": ("应付增减", "More or less"),
    "after": ("余额", "Owed after it"),
    "opening": ("期初", "Owed before"),
    "note": (
        "金额单位为人民币元。余额为负表示账户上有预存款。",
        "Amounts are in yuan (CNY). A balance below zero is money you have with us.",
    ),
}
TITLE = ("账户对账单", "Statement of account")
FOOTER = ("客户服务热线 10086", "Customer service 10086")
FACTS = (("客户", "Customer"), ("账户号", "Account"), ("期间", "Period"))
_compiling = Lock()


@cache
def _compiler() -> typst.Compiler:
    fonts = typst.Fonts(include_system_fonts=True, include_embedded_fonts=False, font_paths=[str(FONTS)])
    return typst.Compiler(str(DOCUMENTS / "statement.typ"), root=str(DOCUMENTS), font_paths=fonts)


def statement_pdf(
    *, account_id: int, from_on: date, to_on: date, causes: Mapping[str, tuple[str, str]], language: str | None = None
) -> bytes:
    """Print an account's statement of some days (both included) for its customer. Raises CustomerUnknown.

    causes  what each cause of an entry is called, in Chinese and English
    """
    content = statement_content(account_id=account_id, from_on=from_on, to_on=to_on, causes=causes, language=language)
    with _compiling:  # one compiler, one document at a time
        made = _compiler().compile(
            format="pdf", sys_inputs={"statement": json.dumps(content, ensure_ascii=False)}, timestamp=0
        )
    assert isinstance(made, bytes)
    return made


def statement_content(
    *, account_id: int, from_on: date, to_on: date, causes: Mapping[str, tuple[str, str]], language: str | None = None
) -> dict[str, Any]:
    """What a statement says, as the words and figures printed on it. Raises CustomerUnknown."""
    language = (language or account_view(account_id=account_id).language)[:2]
    tongue = ZH if language == "zh" else EN
    lines = statement(account_id=account_id, to_on=to_on + timedelta(days=1))
    before = [line for line in lines if line.business_on < from_on]
    shown = [line for line in lines if line.business_on >= from_on]
    opening_fen = before[-1].balance_fen if before else 0
    name = name_on_bill(customer_id=customer_of_account(account_id=account_id))
    values = (name, str(account_id), f"{from_on.isoformat()} – {to_on.isoformat()}")
    return {
        "language": language,
        "title": TITLE[tongue],
        "operator": _operator(tongue),
        "words": {key: both[tongue] for key, both in WORDS.items()},
        "facts": [{"name": both[tongue], "value": value} for both, value in zip(FACTS, values, strict=True)],
        "from": from_on.isoformat(),
        "opening": _yuan(opening_fen),
        "closing": _yuan(shown[-1].balance_fen if shown else opening_fen),
        "rows": [_row(line, causes, tongue) for line in shown],
        "footer": FOOTER[tongue],
    }


def _row(line: StatementLine, causes: Mapping[str, tuple[str, str]], tongue: int) -> dict[str, str]:
    return {
        "when": line.at.astimezone(timezone.get_default_timezone()).strftime("%Y-%m-%d %H:%M"),
        "what": causes.get(line.cause, (line.cause, line.cause))[tongue],
        "bill": str(line.bill_id or ""),
        "change": _yuan(line.amount_fen),
        "after": _yuan(line.balance_fen),
    }


def _operator(tongue: int) -> str:
    nodes = {node.kind: node for node in reversed(org_nodes())}
    node = nodes.get("PROVINCE") or nodes.get("GROUP")
    return (node.name_zh, node.name_en)[tongue] if node else "OpenBOSS"


def _yuan(fen: int) -> str:
    """Fen as yuan with a real minus sign and thousands in groups."""
    return f"{'−' if fen < 0 else ''}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"
