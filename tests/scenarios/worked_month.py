"""A month of a handful of users whose every record and every fen is written by hand, through the whole product.

The example operator's tables and tariffs, a few offers more, usage as a file in an inbox; rated, asked about while the
month is open, and closed to trial bills.
"""

import textwrap
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from django.conf import settings

from openboss.access.network.collector import Place, collect_once
from openboss.modules.billing import functions as billing
from openboss.modules.catalog.functions import import_tariffs, offers, publish
from openboss.modules.charging.canonical import FIELDS
from openboss.modules.charging.functions.engine import load_users, publish_tariffs, rate_waiting
from openboss.modules.charging.functions.live import LiveUsage, live_usage
from openboss.modules.customers import functions as customers
from openboss.modules.customers.schema import FRAMES
from openboss.processes import close_month
from openboss.processes.open_operator import open_operator, take_customers_over
from openboss.processes.open_user import open_user

EXAMPLE = Path(__file__).parents[2] / "example"
CYCLE = 202610
OPENED_AT = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 1, 1, 0, tzinfo=UTC)  # nine in the morning of the first, in Shanghai

SERVICES, LINE, HOUSE, PROMOTED, COUNTED, KILOBYTES, BOTH_NETS, LISTENER, NETWORK_PRICED = range(1, 10)
ASKING, MINIMUM, NEW_RULE, VIDEO, ROAMER, PACKED, WORKER = range(10, 17)
NEWCOMER_NUMBER = 8613571000777
UNIT = 900  # the customer and the account of the employer of WORKER
NAME = "欧阳望月"
OWN, OTHER_OPERATOR, BEIJING, SHANGHAI = "13571000099", "13002700001", "01062345678", "02162345678"

OFFERS = """
- offer: ROAM_PROMOTION
  offer_id: 901
  kind: ADDON
  prices: [{rule: ROAM, component: basic, when: {record: [MOC], roam: [INTER_PROV_OUT]}, item: ROAM_CALL,
            unit: 60 s, price: "0.20", names: {zh: 漫游优惠, en: Roaming}}]
- offer: HALF_A_YUAN
  offer_id: 902
  kind: MAIN
  prices: [{rule: CALL, component: basic, when: {record: [MOC], roam: [HOME]}, item: LOCAL, unit: 60 s,
            price: "0.50", names: {zh: 通话, en: Calls}}]
- offer: PLAN_3G
  offer_id: 903
  kind: MAIN
  recurring: [{rule: RENT, item: RENT, fee: "46.00", first_month: PRORATE, names: {zh: 月费, en: Rent}}]
  prices: [{rule: VIDEO, component: basic, when: {record: [VIDEO_CALL]}, item: VIDEO, unit: 60 s, price: "0.60",
            names: {zh: 可视电话, en: Video calls}}]
- offer: MINIMUM_50
  offer_id: 904
  kind: ADDON
  discounts: [{rule: MINIMUM, phase: P7, when: {}, items: [MIN_SUPPLEMENT], effect: {minimum: "50.00"}, priority: 10,
               exclusion_group: null, names: {zh: 最低消费, en: At least 50}}]
"""
RULE_OF_TODAY = """
- offer: TENTH_OFF
  offer_id: 905
  kind: ADDON
  discounts: [{rule: TENTH, phase: P3, when: {}, items: [LOCAL], effect: {percent: "10"}, priority: 10,
               exclusion_group: null, names: {zh: 九折, en: A tenth off}}]
"""
HOLDINGS = {
    SERVICES: ["UNIT_LINE_50"],
    LINE: ["BROADBAND_50"],
    HOUSE: ["UNIT_LINE_50"],
    PROMOTED: ["EASYOWN_STANDARD", "ROAM_PROMOTION"],
    COUNTED: ["EASYOWN_STANDARD"],
    KILOBYTES: ["EASYOWN_STANDARD"],
    BOTH_NETS: ["HALF_A_YUAN"],
    LISTENER: ["HALF_A_YUAN", "UNLIMITED_INCOMING"],
    NETWORK_PRICED: ["HALF_A_YUAN"],
    ASKING: ["UNIT_LINE_50"],
    MINIMUM: ["HALF_A_YUAN", "MINIMUM_50"],
    NEW_RULE: ["HALF_A_YUAN"],
    VIDEO: ["PLAN_3G"],
    ROAMER: ["EASYOWN_STANDARD"],
    PACKED: ["GOTONE_LOCAL_58", "DATA_PACK_10"],
    WORKER: ["UNIT_LINE_50"],
}


def number_of(user: int) -> int:
    """The number of a user: a mobile of Wuhan, for the broadband line a fixed one."""
    return 862787650000 + user if user == LINE else 8613571000000 + user


@dataclass
class UsageFile:
    """A usage file in the making."""

    sequence: int
    lines: list[str] = field(default_factory=list)
    seconds: int = 0

    def add(self, user: int, record_type: str, day: int = 5, **known: Any) -> None:
        """Write one record, each a minute after the one before; user 0 is the newcomer."""
        minute = len(self.lines)
        fields = {
            "record_type": record_type,
            "served_number": number_of(user) if user else NEWCOMER_NUMBER,
            "start_time": f"2026-10-{day:02}T{9 + minute // 60:02}:{minute % 60:02}:00",
            "call_ref": 1000 * self.sequence + minute,
            **known,
        }
        self.seconds += int(fields.get("duration_s", 0))
        self.lines.append("|".join(str(fields.get(name, "")) for name in FIELDS))

    def repeat_last(self) -> None:
        """Write the last record once more."""
        self.lines.append(self.lines[-1])
        self.seconds += int(self.lines[-1].split("|")[7])

    def drop(self, inbox_dir: Path) -> None:
        """Put the file into the inbox of a switch."""
        head = f"H|OPENBOSS-USAGE|1|GMSC01|{self.sequence:06}|2026-10-31T23:00:00+08:00"
        text = "\n".join([head, *self.lines, f"T|{len(self.lines)}|{self.seconds}"]) + "\n"
        folder = inbox_dir / "GMSC01"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"GMSC01_{self.sequence:06}.txt").write_text(text, encoding="utf-8")


def usage() -> UsageFile:
    """What everybody used in October."""
    file = UsageFile(1)
    _all_services(file)
    file.add(HOUSE, "MOC", other_party=OWN, duration_s=31 * 60)
    file.add(HOUSE, "MOC", other_party=BEIJING, duration_s=270)
    file.add(PROMOTED, "MOC", other_party=BEIJING, duration_s=60, visited_area=10)
    for _ in range(7):
        file.add(COUNTED, "MOC", other_party=OWN, duration_s=60)
    file.repeat_last()
    file.add(COUNTED, "MOC", other_party="10086", duration_s=300)
    file.add(COUNTED, "MOC", other_party=BEIJING, duration_s=2)
    file.add(KILOBYTES, "DATA", up_bytes=1025, down_bytes=10)
    file.add(BOTH_NETS, "MOC", other_party=OWN, duration_s=600)
    file.add(BOTH_NETS, "MOC", other_party=OTHER_OPERATOR, duration_s=360)
    for day in range(1, 16):
        file.add(LISTENER, "MTC", day, other_party=OTHER_OPERATOR, duration_s=3600)
    file.add(NETWORK_PRICED, "IN_PRERATED", other_party=OWN, duration_s=30, info_fee=900)
    file.add(NETWORK_PRICED, "MOC", other_party=OWN, duration_s=1200)
    file.add(NETWORK_PRICED, "SMS_MO", other_party=OWN)
    file.add(MINIMUM, "MOC", other_party=OWN, duration_s=64 * 60)
    file.add(MINIMUM, "SMS_MO", other_party=OWN)
    file.add(NEW_RULE, "MOC", other_party=OWN, duration_s=600)
    file.add(VIDEO, "VIDEO_CALL", other_party=OWN, duration_s=61)
    file.add(ROAMER, "MOC", other_party=SHANGHAI, duration_s=61, visited_area=10)
    file.add(WORKER, "MOC", other_party=OWN, duration_s=3600)
    return file


def _all_services(file: UsageFile) -> None:
    file.add(SERVICES, "MOC", other_party=OWN, duration_s=60)
    for _ in range(8):
        file.add(SERVICES, "SMS_MO", other_party=OWN)
    file.add(SERVICES, "MMS", other_party=OWN)
    file.add(SERVICES, "DATA", down_bytes=1024 * 1024)
    file.add(SERVICES, "WLAN", duration_s=600, down_bytes=10_000)
    file.add(SERVICES, "SP_FEE", sp_code=901001, service_code=1201, info_fee=2000)
    file.add(LINE, "BROADBAND", duration_s=7200, down_bytes=10**9)


def put_offers(text: str, folder: Path, *, at: datetime) -> None:
    """Write offers as documents and have the catalog read and publish them."""
    folder.mkdir()
    for offer in yaml.safe_load(text):
        sections = {name: offer.pop(name) for name in ("recurring", "prices", "discounts") if name in offer}
        version = {"from": date(2020, 1, 1), **sections}
        names = {"zh": "手写", "en": offer["offer"]}
        document = {**offer, "names": names, "brand": None, "source": textwrap.shorten(__doc__ or "", 60)}
        path = folder / f"{offer['offer'].lower()}.yaml"
        path.write_text(yaml.safe_dump({**document, "versions": [version]}, allow_unicode=True), encoding="utf-8")
    import_tariffs(folder, at=at)


def base() -> dict[str, pl.DataFrame]:
    """The users above; the broadband line belongs to the first customer, one user's rent is paid by the employer."""
    ids = {offer.code: offer.offer_id for offer in offers()}
    people = [user for user in HOLDINGS if user != LINE]
    since = {"from_at": OPENED_AT, "to_at": None}
    relation = {"value": 0, "from_cycle": 202601, "to_cycle": None}
    rows: dict[str, list[dict[str, Any]]] = {
        "customers": [_customer(one) for one in [*people, UNIT]],
        "subscribers": [_subscriber(user) for user in HOLDINGS],
        "numbers": [{"subscriber_id": user, "number": number_of(user), **since} for user in HOLDINGS],
        "accounts": [
            {"account_id": one, "customer_id": one, "pay_method": "CASH", "language": "zh", "layout": "STANDARD"}
            for one in [*people, UNIT]
        ],
        "relations": [
            {"subscriber_id": user, "account_id": SERVICES if user == LINE else user, "item_scope": "ALL",
             "mode": "REST", "priority": 100, **relation}
            for user in HOLDINGS
        ] + [
            {"subscriber_id": WORKER, "account_id": UNIT, "item_scope": "RENT", "mode": "FULL", "priority": 10,
             **relation},
            {"subscriber_id": HOUSE, "account_id": UNIT, "item_scope": "LD_INTL", "mode": "FULL", "priority": 10,
             **relation},
        ],
        "holdings": [
            {"subscriber_id": user, "offer_id": ids[code], "first_month": "PRORATE", **since}
            for user, codes in HOLDINGS.items() for code in codes
        ],
    }  # fmt: skip
    for name, key in (("relations", "relation_id"), ("holdings", "holding_id")):
        rows[name] = [{key: place, **row} for place, row in enumerate(rows[name], 1)]
    return {name: pl.DataFrame(found, schema=FRAMES[name]) for name, found in rows.items()}


def _customer(customer_id: int) -> dict[str, Any]:
    is_unit = customer_id == UNIT
    return {
        "customer_id": customer_id, "kind": "UNIT" if is_unit else "INDIVIDUAL",
        "name": NAME if customer_id == SERVICES else "李明", "pinyin": "li ming", "initials": "lm",
        "cert_type": "ID_CARD", "cert_no": f"99000019900101{customer_id:04}", "born_on": date(1990, 1, 1),
        "customer_class": "A" if is_unit else "ORDINARY", "vip_level": "NONE", "org_code": "17",
        "created_on": date(2026, 1, 1),
    }  # fmt: skip


def _subscriber(user: int) -> dict[str, Any]:
    return {
        "subscriber_id": user, "customer_id": SERVICES if user == LINE else user,
        "service_type": "BROADBAND" if user == LINE else "MOBILE", "brand": "GOTONE", "home_area": 27,
        "pay_type": "POSTPAID", "opened_at": OPENED_AT, "closed_at": None, "star": 0,
    }  # fmt: skip


@dataclass
class WorkedMonth:
    """The month, closed to audited bills, with what one user was told before and after a call."""

    before: LiveUsage | None
    after: LiveUsage | None
    newcomer: int  # a user opened at the counter on 30 October

    def bill(self, account_id: int) -> billing.BillView:
        """The bill of an account."""
        return billing.bill(CYCLE * 10**10 + account_id)

    def items(self, account_id: int) -> dict[str, int]:
        """What an account owes, in fen by kind of fee."""
        return {item.code: item.due_fen for group in self.bill(account_id).groups for item in group.items}


def live_through(folder: Path) -> WorkedMonth:
    """Open the operator, use, ask, and close the month; settings name the folder already."""
    open_operator(EXAMPLE, at=OPENED_AT)
    put_offers(OFFERS, folder / "offers", at=OPENED_AT)
    _publish(OPENED_AT)
    (folder / "base").mkdir()
    for name, frame in base().items():
        frame.write_parquet(folder / "base" / f"{name}.parquet")
    take_customers_over(folder / "base", first_cycle=CYCLE, at=OPENED_AT)
    place = Place(data_dir=folder, lake_dir=settings.LAKE_DIR, timezone=settings.TIME_ZONE)
    _use(usage(), place)
    before = live_usage(ASKING)
    one_more = UsageFile(2)
    one_more.add(ASKING, "MOC", 30, other_party=OWN, duration_s=61)
    newcomer = _open_at_the_counter()
    one_more.add(0, "MOC", 30, start_time="2026-10-30T10:00:05", other_party=OWN, duration_s=60)
    _use(one_more, place)
    after = live_usage(ASKING)
    _take_the_rule_of_today(folder)
    close_month.run(CYCLE, at=NOW)
    return WorkedMonth(before, after, newcomer)


def _use(file: UsageFile, place: Place) -> None:
    file.drop(place.inbox_dir)
    collect_once(place=place, now=lambda: NOW)
    rate_waiting()


def _open_at_the_counter() -> int:
    return open_user(
        customer_id=KILOBYTES, account_id=KILOBYTES, service_type="MOBILE", brand="EASYOWN", home_area=27,
        pay_type="POSTPAID", number=NEWCOMER_NUMBER, iccid="89860000000000000777", imsi=460000000000777,
        main_offer_id=202, first_month="FULL", at=datetime(2026, 10, 30, 2, 0, tzinfo=UTC), staff_id=None,
    )  # fmt: skip


def _publish(at: datetime) -> None:
    publication = publish(at=at)
    publish_tariffs(publication.path, publication.sha256)


def _take_the_rule_of_today(folder: Path) -> None:
    """While everything runs, the catalog learns a new discount and a user takes it."""
    put_offers(RULE_OF_TODAY, folder / "today", at=NOW)
    _publish(NOW)
    customers.hold_product(
        subscriber_id=NEW_RULE, offer_id=905, first_month="FULL", from_at=OPENED_AT, at=NOW, staff_id=None
    )
    load_users(customers.engine_image(subscriber_ids=[NEW_RULE]))
