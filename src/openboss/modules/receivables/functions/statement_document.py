"""An account's statement as PDF, in the customer's language: what was billed and paid, with the balance after each."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from openboss.modules.billing.functions.bill_document import FOOTER, operator_names, print_paper, yuan
from openboss.modules.customers.atomic import account_view, customer_of_account, name_on_bill
from openboss.modules.receivables.functions.statements import StatementLine, statement

DOCUMENT = Path(__file__).resolve().parent.parent / "documents" / "statement.typ"
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
FACTS = (("客户", "Customer"), ("账户号", "Account"), ("期间", "Period"))


def statement_pdf(
    *, account_id: int, from_on: date, to_on: date, causes: Mapping[str, tuple[str, str]], language: str | None = None
) -> bytes:
    """Print an account's statement of some days (both included) for its customer. Raises CustomerUnknown.

    causes  what each cause of an entry is called, in Chinese and English
    """
    content = statement_content(account_id=account_id, from_on=from_on, to_on=to_on, causes=causes, language=language)
    return print_paper(DOCUMENT, statement=content)


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
        "operator": operator_names().of(language),
        "words": {key: both[tongue] for key, both in WORDS.items()},
        "facts": [{"name": both[tongue], "value": value} for both, value in zip(FACTS, values, strict=True)],
        "from": from_on.isoformat(),
        "opening": yuan(opening_fen),
        "closing": yuan(shown[-1].balance_fen if shown else opening_fen),
        "rows": [_row(line, causes, tongue) for line in shown],
        "footer": FOOTER.of(language),
    }


def _row(line: StatementLine, causes: Mapping[str, tuple[str, str]], tongue: int) -> dict[str, str]:
    return {
        "when": line.at.astimezone(timezone.get_default_timezone()).strftime("%Y-%m-%d %H:%M"),
        "what": causes.get(line.cause, (line.cause, line.cause))[tongue],
        "bill": str(line.bill_id or ""),
        "change": yuan(line.amount_fen),
        "after": yuan(line.balance_fen),
    }
