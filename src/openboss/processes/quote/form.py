"""The public form of a quote: its fields once, for the JSON Schema and for the checks of what comes in.

A field is (kind, what it says). A kind ending in "!" must be given, one beginning with "[" is a list of what follows.
"""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from openboss.kernel.usage import ClosedGroup, LdType, OtherNet, RecordType, RoamType

FORMAT = 1
Field = tuple[str, str]
MOST_PROBLEMS = 50

ENUMS: dict[str, list[str]] = {
    "record": [kind.name for kind in RecordType],
    "roam": [kind.name for kind in RoamType],
    "ld": [kind.name for kind in LdType],
    "net": [kind.name for kind in OtherNet],
    "group kind": [ClosedGroup.FAMILY.name, ClosedGroup.VPMN.name],
    "first month": ["PRORATE", "FULL", "HALF", "PAY_AS_YOU_GO"],
    "pay mode": ["FULL", "RATIO", "LIMIT", "REST"],
}

FORMS: dict[str, dict[str, Field]] = {
    "quote": {
        "format": ("format!", "The version of this form: 1."),
        "name": ("text", "What the case shows, in a few words."),
        "source": ("text", "Where the case comes from."),
        "tariffs": ("[tariff!", "Tariff documents: a file, a folder of files, or the document itself."),
        "reference": ("text", "Folder of the operator's reference tables; without it those of the example operator."),
        "user": ("user", "The user, where there is only one."),
        "users": ("[user", "The users, where several share or call each other."),
        "cycle": ("cycle", "The month of the bill; without it the month of the first event."),
        "events": ("[event", "What happens, in this order."),
        "bill": ("yes or no", "Whether the bill of the month is asked for."),
        "expect": ("expectation", "What the answer must say; compared by `openboss quote --check`."),
    },
    "user": {
        "user": ("text", "What the user is called in this case."),
        "number": ("number", "The phone number in E.164 digits; without it one is made up."),
        "products": ("[product", "The offers held."),
        "groups": ("[membership", "The closed groups the user belongs to; members draw on one pool."),
        "friends": ("[number", "Numbers of the user's own choice, in E.164 digits."),
        "opening": ("opening", "What stands at the beginning of the first month."),
        "customer": ("text", "Whose user this is; users of one customer count together. Without it the user's own."),
        "account": (
            "text",
            "Who pays the rest; users of one account draw on one pool. Without it the user's own.",
        ),
        "pays": ("[payment", "Who else pays a part."),
        "charges": ("[charge", "One-time fees of the month."),
        "past": ("[past", "What items came to on bills of months before."),
        "certificates": ("[text", "Certificates of the customer that are valid at the end of the month."),
        "stops": ("[stop", "Times in which the service was stopped."),
        "born_on": ("day", "Day of birth."),
        "opened_on": ("day", "When the user joined; without it 2000-01-01."),
        "closed_on": ("day", "When the user left."),
        "class": ("text", "Customer class."),
        "vip_level": ("text", "VIP level."),
        "star": ("count", "Stars."),
        "brand": ("text", "Brand; without it the main offer's."),
    },
    "product": {
        "offer": ("text!", "The offer's code."),
        "from": ("moment", "From when it is held; without it since 2000-01-01."),
        "to": ("moment", "Until when, that moment not included."),
        "first_month": ("first month", "What was chosen for a first month that is not whole."),
    },
    "membership": {
        "group": ("text!", "What the group is called in this case."),
        "kind": ("group kind!", "What kind of group it is."),
        "short_number": ("number", "The short number under which the group's members call the user."),
        "from": ("moment", "From when."),
        "to": ("moment", "Until when."),
    },
    "opening": {
        "free": ("[opening free", "Free resources that are not as fresh as at the first of the month."),
        "totals": ("[opening total", "What the month's running totals (accumulators) begin with."),
        "balance": ("yuan", "Money on the prepaid balance; events take their charge from it."),
    },
    "opening free": {
        "rule": ("rule!", "The free resource as OFFER/RULE."),
        "left": ("count!", "Units left, in the resource's own unit."),
        "carried": ("yes or no", "Whether it is what last month left over."),
    },
    "opening total": {
        "item": ("text!", "The bill item."),
        "rule": ("rule!", "The price as OFFER/RULE."),
        "units": ("count", "Units charged for."),
        "free_units": ("count", "Units covered by free resources."),
        "standard": ("yuan", "Standard fee."),
        "actual": ("yuan", "Actual fee."),
    },
    "payment": {
        "account": ("text!", "Who pays."),
        "mode": ("pay mode!", "FULL all, RATIO a percentage, LIMIT up to an amount a month."),
        "items": ("text", "One item, one item group, or ALL."),
        "percent": ("yuan", "With RATIO: percent."),
        "limit": ("yuan", "With LIMIT: yuan a month."),
        "priority": ("count", "Which is asked first: the lower."),
    },
    "past": {
        "cycle": ("cycle!", "The month of the bill."),
        "item": ("text!", "The bill item."),
        "due": ("yuan!", "What it came to."),
    },
    "gift": {
        "rule": ("rule!", "The free resource as OFFER/RULE."),
        "units": ("count!", "How many of its own unit."),
        "to": ("text!", "The user who is given it, by name."),
    },
    "charge": {"item": ("text!", "The bill item."), "fee": ("yuan!", "The fee.")},
    "stop": {
        "reason": ("text!", "Why: REQ_HOLD, OPERATOR, PRETERM, ARREARS_2 ..."),
        "from": ("day!", "First day."),
        "to": ("day", "First day after it."),
    },
    "event": {
        "user": ("text", "Who; the only user need not be named."),
        "at": ("moment!", "When it began, on the operator's wall clock."),
        "record": ("record", "What kind of use."),
        "duration_s": ("count", "Seconds."),
        "up_bytes": ("count", "Bytes sent."),
        "down_bytes": ("count", "Bytes received."),
        "volume": ("volume", "Volume in place of bytes: 10 KB, 20 MB, 1 GB."),
        "messages": ("count", "Pieces of a long message; 1 if not said."),
        "roam": ("roam", "Where the user was; HOME if not said."),
        "ld": ("ld", "How far the call went; LOCAL if not said."),
        "net": ("net", "Whose network the other party is on; OWN_MOBILE if not said."),
        "to": ("text", "The user called, by name; groups in common count."),
        "number": ("number", "The number called, or a short number of a group."),
        "free_number": ("yes or no", "A number that costs nothing, such as 110."),
        "band_shift_s": ("count", "Seconds by which the time bands begin later in that area."),
        "home": ("number", "Area code of the user's home."),
        "area": ("number", "Area code of the other party."),
        "visited": ("number", "Area code where the user was."),
        "country": ("number", "Country code of the other party, if abroad."),
        "visited_country": ("number", "Country code where the user was, if abroad."),
        "partner": ("text", "Visited network, MCC and MNC."),
        "apn": ("text", "Access point."),
        "rating_group": ("count", "Data rating group."),
        "sp": ("number", "Provider."),
        "service": ("text", "The provider's service."),
        "info_fee": ("yuan", "A fee that a provider or the network has worked out."),
        "close": ("cycle", "In place of use: this month is closed now, what is left is carried over."),
        "give": ("gift", "In place of use: the user gives what is left of a free resource to another."),
    },
}

_TEXTS: dict[str, dict[str, Any]] = {
    "text": {"type": "string", "minLength": 1},
    "yuan": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,6})?$"},
    "rule": {"type": "string", "pattern": "^[A-Z0-9_]+/[A-Z0-9_]+$"},
    "moment": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d:\d\d)?$"},
    "day": {"type": "string", "format": "date"},
    "volume": {"type": "string", "pattern": "^[0-9]+ (B|KB|MB|GB)$"},
    "count": {"type": "integer", "minimum": 0},
    "number": {"type": "integer", "minimum": 1},
    "cycle": {"type": "integer", "minimum": 190001, "maximum": 299912},
    "yes or no": {"type": "boolean"},
    "format": {"const": FORMAT},
    "tariff": {"type": ["string", "object"]},
    "expectation": {"type": "object"},
}
VOLUME_BYTES = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}


class Problem(str):
    """What is wrong, in English as answers give it, with the same in Chinese for who reads Chinese."""

    zh: str

    def __new__(cls, en: str, zh: str) -> "Problem":
        """Join both sentences."""
        made = super().__new__(cls, en)
        made.zh = zh
        return made

    def of(self, language: str) -> str:
        """Say it, for zh or en."""
        return self.zh if language == "zh" else str(self)


class QuoteRefused(ValueError):
    """The quote cannot be worked out; each line says where in it, what stands there and what would be right."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems

    def of(self, language: str) -> str:
        """Say everything that is wrong, for zh or en."""
        return "\n".join(problem.of(language) for problem in self.problems)


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of a quote, for editors and for other people's programs."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "OpenBOSS quote, format 1",
        "$ref": "#/$defs/quote",
        "$defs": {name: _schema_of_form(form) for name, form in FORMS.items()},
    }


def _schema_of_form(form: dict[str, Field]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name, (kind, _) in form.items() if kind.endswith("!")],
        "properties": {name: {"description": words, **_schema_of_kind(kind)} for name, (kind, words) in form.items()},
    }


def _schema_of_kind(kind: str) -> dict[str, Any]:
    kind = kind.rstrip("!")
    if kind.startswith("["):
        return {"type": "array", "items": _schema_of_kind(kind[1:])}
    if kind in FORMS:
        return {"$ref": f"#/$defs/{kind}"}
    return {"enum": ENUMS[kind]} if kind in ENUMS else _TEXTS[kind]


def check(value: Any, form: str = "quote") -> None:
    """Check a quote, or an event, as it came in against its form. Raises QuoteRefused with everything that is wrong."""
    problems: list[Problem] = []
    _check_kind(value, form, form, problems)
    if problems:
        raise QuoteRefused(problems[:MOST_PROBLEMS])


def _check_kind(value: Any, kind: str, place: str, problems: list[Problem]) -> None:
    kind = kind.rstrip("!")
    if kind.startswith("["):
        if not isinstance(value, list):
            problems.append(
                Problem(f"{place}: {value!r:.60} stands where a list belongs", f"{place}：{value!r:.60} 处应为列表")
            )
            return
        for number, one in enumerate(value):
            _check_kind(one, kind[1:], f"{place}[{number}]", problems)
    elif kind in FORMS:
        _check_form(value, kind, place, problems)
    elif remedy := _wrong(value, kind):
        told = f"{value!r:.60}"
        problems.append(Problem(f"{place}: {told} is wrong; {remedy}", f"{place}：{told} 有误；{remedy.zh}"))


def _check_form(value: Any, kind: str, place: str, problems: list[Problem]) -> None:
    form = FORMS[kind]
    if not isinstance(value, dict):
        told, fields = f"{value!r:.60}", ", ".join(form)
        said = f"{place}: {told} stands where a {kind} with {fields} belongs"
        problems.append(Problem(said, f"{place}：{told} 处应为含 {fields} 的 {kind}"))
        return
    inside = "" if place == "quote" else f"{place}."
    known = ", ".join(form)
    problems += [
        Problem(
            f"{inside}{name}: a {kind} has no such field; it has {known}",
            f"{inside}{name}：{kind} 没有这个字段；可用的字段有 {known}",
        )
        for name in value
        if name not in form
    ]
    for name, (own, _) in form.items():
        if name in value and value[name] is not None:
            _check_kind(value[name], own, inside + name, problems)
        elif own.endswith("!"):
            problems.append(Problem(f"{place}: {name} is missing", f"{place}：缺少 {name}"))


def _wrong(value: Any, kind: str) -> Problem | None:
    """Say what would be right; nothing if the value is."""
    if kind in ENUMS:
        known = ", ".join(ENUMS[kind])
        return None if value in ENUMS[kind] else Problem(f"write one of {known}", f"请写 {known} 之一")
    test, en, zh = _CHECKS[kind]
    return None if test(value) else Problem(en, zh)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _is_yuan(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        micro = Decimal(value) * 1_000_000
    except InvalidOperation:
        return False
    return micro.is_finite() and micro == micro.to_integral_value() and abs(micro) < 2**62


def _is_moment(value: Any) -> bool:
    if isinstance(value, date | datetime):
        return True
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return isinstance(value, str)


def _is_rule(value: Any) -> bool:
    return isinstance(value, str) and value.count("/") == 1 and all(value.split("/"))


def _is_volume(value: Any) -> bool:
    count, _, unit = value.partition(" ") if isinstance(value, str) else ("", "", "")
    return count.isdigit() and unit in VOLUME_BYTES


def _is_cycle(value: Any) -> bool:
    return type(value) is int and 190001 <= value <= 299912 and 1 <= value % 100 <= 12


_CHECKS = {
    "text": (lambda value: isinstance(value, str) and value != "", "write some text", "请写文字"),
    "yuan": (
        _is_yuan,
        'write yuan in quotes with at most 6 decimals, such as "0.40"',
        '请把金额（元）写在引号里，最多 6 位小数，例如 "0.40"',
    ),
    "rule": (_is_rule, "write OFFER/RULE, such as GOTONE_98/MIN", "请写 产品/规则，例如 GOTONE_98/MIN"),
    "moment": (_is_moment, "write a moment such as 2026-10-05T10:00:00", "请写时刻，例如 2026-10-05T10:00:00"),
    "day": (
        lambda value: _is_moment(value) and len(str(value)) == 10,
        "write a day such as 2026-10-05",
        "请写日期，例如 2026-10-05",
    ),
    "volume": (_is_volume, "write a volume such as 10 KB, 20 MB or 1 GB", "请写流量，例如 10 KB、20 MB 或 1 GB"),
    "count": (_is_count, "write a whole number, 0 or more", "请写不小于 0 的整数"),
    "number": (
        lambda value: _is_count(value) and value > 0,
        "write a whole number, 1 or more",
        "请写不小于 1 的整数",
    ),
    "cycle": (_is_cycle, "write a month such as 202610", "请写月份，例如 202610"),
    "yes or no": (lambda value: isinstance(value, bool), "write true or false", "请写 true 或 false"),
    "format": (
        lambda value: value == FORMAT,
        f"this version reads format {FORMAT}",
        f"本版本读取格式 {FORMAT}",
    ),
    "tariff": (
        lambda value: isinstance(value, str | dict),
        "write the path of a document or folder, or the document",
        "请写文件或文件夹的路径，或资费文件本身",
    ),
    "expectation": (
        lambda value: isinstance(value, dict),
        "write what the answer must say, in the answer's own form",
        "请按答复的格式写出答复应有的内容",
    ),
}
