"""The users of a quote as the engine and the bill run know users: numbers, offers, groups, customers, accounts."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from openboss.kernel.proration import FirstMonth
from openboss.kernel.state import short_number_key
from openboss.kernel.usage import ClosedGroup
from openboss.modules.charging.functions import what_if
from openboss.processes.quote.form import Problem, QuoteRefused
from openboss.processes.quote.tariffs import Tariffs

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- the operator's wall clock has no zone
LONG_AGO = datetime(2000, 1, 1)  # noqa: DTZ001
FOREVER_S = 2**62
MADE_UP_NUMBER = 8_613_500_000_000


def moment(value: Any) -> datetime:
    """Read a moment of the form: text, or what YAML made of it; a day is its first second."""
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=None)
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001


def local_s(value: Any, absent: int) -> int:
    """Turn a moment of the form into local seconds; `absent` if it is not given."""
    return absent if value is None else int((moment(value) - EPOCH).total_seconds())


@dataclass
class Parties:
    """Users by name with the ids they have in this quote."""

    users: list[dict[str, Any]]
    ids: dict[str, int]
    numbers: dict[str, int]
    groups: dict[str, int]
    payers: dict[str, int]  # accounts
    customers: dict[str, int]
    offer_ids: dict[str, int]
    names: dict[int, str] = field(default_factory=dict)

    def user_of(self, event: dict[str, Any], place: str) -> str:
        """Name the user an event is for. Raises QuoteRefused."""
        name = event.get("user") or (self.names[1] if len(self.users) == 1 else "")
        if name not in self.ids:
            raise self.nobody(f"{place}.user", name)
        return name

    def nobody(self, place: str, name: str) -> QuoteRefused:
        """Refuse a name that is no user's."""
        known = ", ".join(self.ids)
        said = f"{place}: {name!r} is none of the users {known}"
        return QuoteRefused([Problem(said, f"{place}：{name!r} 不是用户 {known} 之一")])


def parties_of(quote: dict[str, Any], tariffs: Tariffs) -> Parties:
    """Number the users, groups, customers and accounts of a quote. Raises QuoteRefused."""
    users = [*(quote.get("users") or []), *([quote["user"]] if quote.get("user") is not None else [])] or [{}]
    named = [user | {"user": user.get("user") or f"user {number}"} for number, user in enumerate(users, 1)]
    ids = {user["user"]: number for number, user in enumerate(named, 1)}
    twice = Problem("users: a name is given twice; name every user", "users：名称重复；请给每个用户命名")
    problems = [] if len(ids) == len(named) else [twice]
    held = {product["offer"] for user in named for product in user.get("products") or []}
    problems += [
        Problem(f"offer {code}: no tariff document of the quote is for it", f"产品 {code}：报价中没有它的资费文件")
        for code in held - tariffs.offer_ids.keys()
    ]
    if problems:
        raise QuoteRefused(sorted(problems))
    groups = _numbered(one["group"] for user in named for one in user.get("groups") or [])
    payers = _numbered(
        [user.get("account") or user["user"] for user in named]
        + [one["account"] for user in named for one in user.get("pays") or []]
    )
    customers = _numbered(user.get("customer") or user["user"] for user in named)
    numbers = {user["user"]: user.get("number") or MADE_UP_NUMBER + ids[user["user"]] for user in named}
    names = {number: name for name, number in ids.items()}
    return Parties(named, ids, numbers, groups, payers, customers, tariffs.offer_ids, names)


def _numbered(names: Any) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names), 1)}


def engine_rows(parties: Parties) -> dict[str, list[dict[str, int]]]:
    """Give the users as rows of charging's what-if image."""
    rows: dict[str, list[dict[str, int]]] = {name: [] for name in what_if.IMAGE_SCHEMAS}
    accounts = Counter(user["account"] for user in parties.users if user.get("account"))
    always = {"from_local_s": -FOREVER_S, "to_local_s": FOREVER_S}
    for user in parties.users:
        own = {"subscriber_id": parties.ids[user["user"]]}
        rows["subscribers"].append(own)
        rows["numbers"].append(own | always | {"number": parties.numbers[user["user"]]})
        rows["friends"] += [own | always | {"number": number} for number in user.get("friends") or []]
        for product in user.get("products") or []:
            rows["holdings"].append(
                own
                | {
                    "offer_id": parties.offer_ids[product["offer"]],
                    "first_month": int(FirstMonth[product.get("first_month") or "PRORATE"]),
                    "from_local_s": local_s(product.get("from"), local_s(LONG_AGO, 0)),
                    "to_local_s": local_s(product.get("to"), FOREVER_S),
                }
            )
        for member in user.get("groups") or []:
            group_id = parties.groups[member["group"]]
            span = {
                "from_local_s": local_s(member.get("from"), local_s(LONG_AGO, 0)),
                "to_local_s": local_s(member.get("to"), FOREVER_S),
            }
            rows["groups"].append(own | span | {"group_id": group_id, "kind": int(ClosedGroup[member["kind"]])})
            if member.get("short_number"):
                key = short_number_key(group_id, member["short_number"])
                rows["numbers"].append(own | span | {"number": key})
        if accounts[user.get("account")] > 1:  # they draw on one pool, as customers.atomic.bulk tells the engine
            since = {"from_local_s": local_s(LONG_AGO, 0), "to_local_s": FOREVER_S}
            account = {"group_id": parties.payers[user["account"]], "kind": int(ClosedGroup.ACCOUNT)}
            rows["groups"].append(own | since | account)
    return rows


def day(value: Any) -> date | None:
    """Read a day of the form."""
    return None if value is None else moment(value).date()
