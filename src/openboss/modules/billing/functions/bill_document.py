"""A bill as PDF, in the customer's language and layout (ACP-16).

Layouts: BRIEF = the summary only; STANDARD = summary, then each user's items, free resources and discounts;
DETAILED = summary and the list of long-distance calls. typst keeps one compiler with its fonts: about 50 bills/s.
"""

import json
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import typst
from django.utils import timezone

from openboss.kernel import periods
from openboss.kernel.usage import Unit
from openboss.modules.billing import atomic
from openboss.modules.billing.functions.views import BillView, FreeView, GroupView, Names, UserPart, bill
from openboss.modules.catalog.atomic import bill_item_types, offers_in_force
from openboss.modules.charging.functions.detail import detail_list
from openboss.modules.customers import functions as customers
from openboss.modules.system.atomic import org_nodes, parameters_under

HERE = Path(__file__).resolve().parent.parent
LAYOUTS = ("BRIEF", "STANDARD", "DETAILED")
LONG_DISTANCE = ("LD_DOM", "LD_HMT", "LD_INTL", "IP_LD", "ROAM_LD")
DETAIL_ROWS = 500  # a user; the rest is in self-care and on the detail list
KB_IN_MB = 1024
WORDS = {
    "total": Names("本期应付", "Amount due"),
    "yuan": Names("元", "yuan"),
    "page": Names("第", "Page"),
    "summary": Names("费用汇总", "Summary"),
    "group": Names("费用类别", "Kind of fee"),
    "item": Names("费用项目", "Fee"),
    "standard": Names("标准资费", "Standard"),
    "saved": Names("优惠", "Saved"),
    "due": Names("应付", "Due"),
    "sum": Names("合计", "Total"),
    "free": Names("套餐内资源使用情况", "Included in your plans"),
    "discounts": Names("优惠明细", "Discounts"),
    "details": Names("长途通话清单", "Long-distance calls"),
    "no_details": Names("本月没有长途通话。", "No long-distance calls this month."),
    "time": Names("时间", "Time"),
    "other": Names("对方号码", "Number"),
    "duration": Names("时长", "Duration"),
    "kind": Names("类型", "Kind"),
    "fee": Names("费用", "Fee"),
}
TITLE = Names("客户账单", "Bill")
TRIAL = Names("试算账单，尚未发布，金额可能变化。", "A trial bill, not released: amounts may change.")
FOOTER = Names("客户服务热线 10086", "Customer service 10086")
NOTES = (
    Names("金额单位为人民币元，均为含税价。", "Amounts are in yuan (CNY) and include value-added tax."),
    Names(
        "“标准资费”为国家标准价格下的费用，“优惠”为套餐、免费资源和各项优惠为您节省的金额。",
        "Standard is the fee at national standard prices; Saved is what plans, free resources and discounts take off.",
    ),
)
_compiling = Lock()


@cache
def _compiler(document: Path) -> typst.Compiler:
    fonts = typst.Fonts(include_system_fonts=True, include_embedded_fonts=False, font_paths=[str(HERE / "fonts")])
    return typst.Compiler(str(document), root=str(document.parent), font_paths=fonts)


def bill_pdf(bill_id: int, language: str | None = None, layout: str | None = None) -> bytes:
    """Print a bill as PDF for its customer; language (zh, en) and layout are the account's unless given.

    Raises BillNotFound.
    """
    return print_paper(HERE / "documents" / "bill.typ", bill=bill_content(bill_id, language, layout))


def bill_content(bill_id: int, language: str | None = None, layout: str | None = None) -> dict[str, Any]:
    """What a bill says, as the words and figures printed on it. Raises BillNotFound."""
    view = bill(bill_id)
    account = customers.account_view(account_id=view.row.account_id)
    language = (language or account.language)[:2]
    layout = layout or account.layout
    assert layout in LAYOUTS, layout
    row = view.row
    # An account that pays a part for somebody else's user sees its part, not that user's calls and allowances.
    own = {
        user.subscriber_id
        for user in view.users
        if customers.customer_of_subscriber(subscriber_id=user.subscriber_id) == row.customer_id
    }
    return {
        "language": language,
        "title": TITLE.of(language),
        "operator": operator_names().of(language),
        "words": {name: text.of(language) for name, text in WORDS.items()},
        "total": yuan(row.total_fen),
        "standard": yuan(row.std_fen),
        "saved": yuan(-row.discount_fen),
        "facts": _facts(view, language),
        "notice": "" if view.released else TRIAL.of(language),
        "summary": [_group(group, language) for group in view.groups],
        "users": [_user(user, row.cycle, language, own=user.subscriber_id in own) for user in view.users]
        if layout == "STANDARD"
        else [],
        "details": [_details(user, row.cycle, language) for user in view.users if user.subscriber_id in own]
        if layout == "DETAILED"
        else [],
        "notes": [note.of(language) for note in NOTES],
        "footer": FOOTER.of(language),
    }


def print_paper(document: Path, **contents: dict[str, Any]) -> bytes:
    """Print a paper for a customer as PDF: a document of typst, and what stands in it by the name it has there."""
    said = {name: json.dumps(content, ensure_ascii=False) for name, content in contents.items()}
    with _compiling:  # one compiler, one paper at a time
        made = _compiler(document).compile(format="pdf", sys_inputs=said, timestamp=0)
    assert isinstance(made, bytes)
    return made


def operator_names() -> Names:
    """What the operator is called on papers for customers."""
    nodes = {node.kind: node for node in reversed(org_nodes())}
    node = nodes.get("PROVINCE") or nodes.get("GROUP")
    return Names(node.name_zh, node.name_en) if node else Names("OpenBOSS", "OpenBOSS")


def _facts(view: BillView, language: str) -> list[dict[str, str]]:
    year, month = divmod(view.row.cycle, 100)
    payable_at = atomic.calendar_of(view.row.cycle).payable_at
    facts = (
        (Names("客户", "Customer"), view.customer_name),
        (Names("账期", "Month"), f"{year}-{month:02d}"),
        (Names("账户号", "Account"), str(view.row.account_id)),
        (Names("账单号", "Bill number"), view.row.bill_no),
        (
            Names("付费号码", "Numbers"),
            ", ".join(_number(user) for user in view.users[:3]) + (" ..." if len(view.users) > 3 else "") or "-",
        ),
        (Names("出账日期", "Issued"), payable_at.date().isoformat()),
        (Names("缴费截止", "Pay until"), view.row.due_on.isoformat()),
        (Names("用户数", "Lines"), str(len(view.users))),
    )
    return [{"name": name.of(language), "value": value} for name, value in facts]


def _number(user: UserPart) -> str:
    return customers.national_number(user.number) if user.number else f"#{user.subscriber_id}"


def _group(group: GroupView, language: str) -> dict[str, str]:
    return {
        "name": group.names.of(language),
        "standard": yuan(sum(item.std_fen for item in group.items)),
        "saved": yuan(-sum(item.discount_fen for item in group.items)),
        "due": yuan(group.due_fen),
    }


def _plan(subscriber_id: int, cycle: int, language: str) -> str:
    """The brand and the plan a user had at the end of a month; both are data, a new one needs nothing here (ACP-20)."""
    end_on = date(cycle // 100, cycle % 100, periods.days_in(cycle))
    at = timezone.make_aware(datetime.combine(end_on, time(23, 59, 59)))
    held = set(customers.offers_held(subscriber_id=subscriber_id, at=at).values())
    plans = [one for one in offers_in_force(cycle) if one.kind == "MAIN" and one.offer_id in held]
    names = parameters_under(prefix="brand.", on=end_on)
    brands = [Names(**names.get(f"brand.{one.brand}", {"zh": one.brand, "en": one.brand})) for one in plans]
    parts = [part for brand, one in zip(brands, plans, strict=True) for part in (brand, Names(**one.names))]
    return " · ".join(part.of(language) for part in parts if part.zh)


def _user(user: UserPart, cycle: int, language: str, *, own: bool) -> dict[str, Any]:
    plan = _plan(user.subscriber_id, cycle, language) if own else ""
    return {
        "title": f"{_number(user)}  {plan}".strip(),
        "due": yuan(user.due_fen),
        "groups": [
            {
                "name": group.names.of(language),
                "due": yuan(group.due_fen),
                "items": [
                    {
                        "name": item.names.of(language),
                        "standard": yuan(item.std_fen),
                        "saved": yuan(-item.discount_fen) if item.discount_fen else "",
                        "due": yuan(item.due_fen),
                    }
                    for item in group.items
                ],
            }
            for group in user.groups
        ],
        "free": [_free(free, language) for free in user.free if own and free.granted],
        "discounts": [
            {"name": f"{one.names.of(language)}（{one.offer.of(language)}）" if language == "zh"
             else f"{one.names.of(language)} ({one.offer.of(language)})", "effect": yuan(one.effect_li // 10)}
            for one in user.discounts
            if own and one.chosen
        ],
    }  # fmt: skip


def _free(free: FreeView, language: str) -> dict[str, Any]:
    whole = free.granted
    used, of = _amount(free.used, free.unit, language), _amount(whole, free.unit, language)
    return {
        "name": free.names.of(language),
        "percent": min(100, free.used * 100 // whole),
        "text": f"{used} / {of}",
    }


def _amount(units: int, unit: int, language: str) -> str:
    if unit == Unit.KB:
        return f"{units // KB_IN_MB}.{units % KB_IN_MB * 10 // KB_IN_MB} MB"
    names = {Unit.MIN: Names("分钟", "min"), Unit.MSG: Names("条", "messages"), Unit.SECOND: Names("秒", "s")}
    return f"{units} {names.get(Unit(unit), Names('次', 'times')).of(language)}"


def _details(user: UserPart, cycle: int, language: str) -> dict[str, Any]:
    """The long-distance calls of a user, in the order in which they were made."""
    kinds = {one.item_id: Names(one.name_zh, one.name_en) for one in bill_item_types() if one.code in LONG_DISTANCE}
    rows: list[dict[str, Any]] = []
    for item_id in kinds:
        found, _, _ = detail_list(
            user.subscriber_id, cycle, {"item": item_id}, sort="start_at_s", page=1, page_size=DETAIL_ROWS
        )
        rows += [{**row, "kind": kinds[item_id].of(language)} for row in found]
    rows.sort(key=lambda row: row["start_local_s"])
    return {
        "title": _number(user),
        "rows": [
            {
                # Local seconds are the operator's wall clock already.
                "time": datetime.fromtimestamp(row["start_local_s"], UTC).strftime("%m-%d %H:%M:%S"),
                "other": str(row["other_number"]),
                "duration": f"{row['duration_s'] // 60}:{row['duration_s'] % 60:02d}",
                "kind": row["kind"],
                "fee": yuan((row["act_ld_li"] + 5) // 10),
            }
            for row in rows[:DETAIL_ROWS]
        ],
    }


def yuan(fen: int) -> str:
    """Fen as yuan with a real minus sign and thousands in groups."""
    return f"{'−' if fen < 0 else ''}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"
