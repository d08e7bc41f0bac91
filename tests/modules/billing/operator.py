"""A small operator for billing tests: its bill items, offers written as documents, users and their usage."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from openboss.modules.charging.schema import FREE_USE, TOTALS
from openboss.modules.customers.atomic import BillingImage

CYCLE = 202611
ITEMS = [
    # item_id, code, group, sort order, third, no discount
    (1, "RENT", "G1_FIXED", 101, False, False),
    (2, "PACK_FEE", "G1_FIXED", 102, False, False),
    (5, "KEEP_NO", "G1_FIXED", 105, False, False),
    (6, "BB_FEE", "G1_FIXED", 106, False, False),
    (11, "LOCAL", "G2_VOICE", 201, False, False),
    (12, "LD_DOM", "G2_VOICE", 202, False, False),
    (31, "DATA_DOM", "G3_DATA", 301, False, False),
    (61, "SP_INFO", "G6_THIRD", 701, True, True),
    (71, "MIN_SUPPLEMENT", "G7_OTHER", 601, False, False),
    (73, "LATE_FEE", "G7_OTHER", 10, False, True),
    (75, "ONE_TIME", "G7_OTHER", 605, False, False),
    (76, "ADJUST", "G7_OTHER", 606, False, True),
]
ITEM_ID = {code: item_id for item_id, code, *_ in ITEMS}


@dataclass(frozen=True)
class ItemType:
    """The part of catalog's BillItemTypeView that billing reads."""

    item_id: int
    code: str
    group_code: str
    sort_order: int
    is_third: bool
    no_discount: bool


ITEM_TYPES = [ItemType(*row) for row in ITEMS]


@dataclass(frozen=True)
class Version:
    """The part of catalog's OfferVersionView that billing reads."""

    offer_id: int
    code: str
    kind: str
    from_on: date
    document: dict[str, Any]
    rule_ids: dict[str, int]


def offer(offer_id: int, kind: str = "MAIN", **document: Any) -> Version:
    """An offer whose rules have the ids offer_id * 10, + 1, ... in the order of the document."""
    rules = [rule["rule"] for section in document.values() for rule in section]
    ids = {rule: offer_id * 10 + place for place, rule in enumerate(rules)}
    return Version(offer_id, f"OFFER_{offer_id}", kind, date(2010, 1, 1), document, ids)


def rent(fee: str, item: str = "RENT", first_month: str = "PRORATE") -> dict[str, Any]:
    """A monthly fee."""
    return {"rule": "RENT", "item": item, "fee": fee, "first_month": first_month}


@dataclass
class Operator:
    """Users, what they hold and used, who pays; becomes the frames a bill run is given."""

    versions: list[Version] = field(default_factory=list)
    users: list[dict[str, Any]] = field(default_factory=list)
    holdings: list[dict[str, Any]] = field(default_factory=list)
    stops: list[dict[str, Any]] = field(default_factory=list)
    relations: list[dict[str, Any]] = field(default_factory=list)
    accounts: dict[int, dict[str, Any]] = field(default_factory=dict)
    totals: list[dict[str, Any]] = field(default_factory=list)
    free: list[dict[str, Any]] = field(default_factory=list)
    members: list[tuple[int, int, str]] = field(default_factory=list)  # user, group, kind
    past: list[tuple[int, int, int, int]] = field(default_factory=list)  # user, cycle, item, fen

    def user(self, subscriber_id: int, *, customer_id: int = 0, account_id: int = 0, **attributes: Any) -> None:
        """Add a user; its default account has the same id as the user unless said otherwise."""
        known = {
            "born_on": date(1980, 1, 1),
            "opened_on": date(2020, 1, 1),
            "closed_on": None,
            "customer_class": "ORDINARY",
            "vip_level": "NONE",
            "brand": "GOTONE",
            "star": 0,
            "home_area": 571,
            "certificates": "",
        }
        customer_id = customer_id or subscriber_id
        self.users.append({"subscriber_id": subscriber_id, "customer_id": customer_id, **known, **attributes})
        self.pays(account_id or subscriber_id, subscriber_id, "REST", customer_id=customer_id, priority=100)

    def pays(
        self,
        account_id: int,
        subscriber_id: int,
        mode: str,
        value: int = 0,
        *,
        scope: str = "ALL",
        customer_id: int = 0,
        priority: int = 10,
    ) -> None:
        """Add a payment relation, and the account if it is new."""
        account = {"account_id": account_id, "language": "zh", "layout": "STANDARD", "pay_method": "CASH"}
        self.accounts.setdefault(account_id, {**account, "customer_id": customer_id or account_id})
        self.relations.append(
            {
                "relation_id": len(self.relations) + 1,
                "subscriber_id": subscriber_id,
                "account_id": account_id,
                "item_scope": scope,
                "mode": mode,
                "value": value,
                "priority": priority,
            }
        )

    def holds(
        self,
        subscriber_id: int,
        offer_id: int,
        *,
        from_on: date = date(2020, 1, 1),
        to_on: date | None = None,
        first_month: str = "PRORATE",
    ) -> None:
        """Give a user a product."""
        self.holdings.append(
            {
                "holding_id": len(self.holdings) + 1,
                "subscriber_id": subscriber_id,
                "offer_id": offer_id,
                "first_month": first_month,
                "from_on": from_on,
                "to_on": to_on,
            }
        )

    def used(self, subscriber_id: int, item: str, act_li: int, *, rule_id: int = 1, **figures: int) -> None:
        """Add usage of a month."""
        row = {"calls": 1, "seconds": 60, "units": 1, "free_units": 0, "std_li": act_li, **figures}
        self.totals.append(
            {"subscriber_id": subscriber_id, "item_id": ITEM_ID[item], "rule_id": rule_id, "act_li": act_li, **row}
        )

    def stopped(self, subscriber_id: int, reason: str, from_on: date, to_on: date | None = None) -> None:
        """Stop a user's service."""
        self.stops.append({"subscriber_id": subscriber_id, "reason": reason, "from_on": from_on, "to_on": to_on})

    def image(self) -> BillingImage:
        """The customer side of a bill run."""
        return BillingImage(
            attributes=pl.DataFrame(self.users, schema=_USERS),
            holdings=pl.DataFrame(self.holdings, schema=_HOLDINGS),
            stops=pl.DataFrame(self.stops, schema=_STOPS),
            relations=pl.DataFrame(self.relations, schema=_RELATIONS),
            accounts=pl.DataFrame(list(self.accounts.values()), schema=_ACCOUNTS),
            members=pl.DataFrame(self.members, schema=_MEMBERS, orient="row"),
        )

    def inputs(self, **changes: Any) -> dict[str, Any]:
        """The arguments of collect_inputs."""
        return {
            "cycle": CYCLE,
            "versions": self.versions,
            "item_types": ITEM_TYPES,
            "totals": pl.DataFrame(self.totals, schema=TOTALS),
            "free_use": pl.DataFrame(self.free, schema=FREE_USE),
            "image": self.image(),
            **changes,
        }


_USERS = {
    "subscriber_id": pl.Int64,
    "customer_id": pl.Int64,
    "born_on": pl.Date,
    "opened_on": pl.Date,
    "closed_on": pl.Date,
    "customer_class": pl.String,
    "vip_level": pl.String,
    "brand": pl.String,
    "star": pl.Int8,
    "home_area": pl.Int32,
    "certificates": pl.String,
}
_MEMBERS = {"subscriber_id": pl.Int64, "group_id": pl.Int64, "kind": pl.String}
_HOLDINGS = {
    "holding_id": pl.Int64,
    "subscriber_id": pl.Int64,
    "offer_id": pl.Int64,
    "first_month": pl.String,
    "from_on": pl.Date,
    "to_on": pl.Date,
}
_STOPS = {"subscriber_id": pl.Int64, "reason": pl.String, "from_on": pl.Date, "to_on": pl.Date}
_RELATIONS = {
    "relation_id": pl.Int64,
    "subscriber_id": pl.Int64,
    "account_id": pl.Int64,
    "item_scope": pl.String,
    "mode": pl.String,
    "value": pl.Int64,
    "priority": pl.Int32,
}
_ACCOUNTS = {
    "account_id": pl.Int64,
    "customer_id": pl.Int64,
    "language": pl.String,
    "layout": pl.String,
    "pay_method": pl.String,
}
