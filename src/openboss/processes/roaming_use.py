"""High use of users who are in another province. Read from top to bottom.

    report  a visitor used much here within a day: their province is told through the hub, and again for as much more;
            whoever is told later than the operator's hours after the use is counted as late
    hear    another province says so of a user of ours: kept once, an alert to staff, an SMS to the user

What a visitor used is worth what the operator's rule says of a minute, a megabyte and a message: it is a warning, not
a charge; the records themselves go home with the settlement. Source: CHG-33, D4.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from openboss.modules.catalog import functions as catalog
from openboss.modules.charging.functions import visitors
from openboss.modules.charging.functions.visitors import VisitorDay
from openboss.modules.customers import functions as customers
from openboss.modules.receivables.functions.credit import told_from
from openboss.modules.receivables.functions.rules import day_of, rules_at
from openboss.modules.system.functions import send_out
from openboss.processes import ask_province

PLAN = "HIGH_USE_ROAMING"
LOOKED_BACK = timedelta(days=2)  # files of a day come until the next one
MINUTE_S, MB_KB = 60, 1024


@dataclass(frozen=True)
class Reported:
    """How many reports went to other provinces, and how many of them later than the operator's hours."""

    reports: int
    late: int


def report(*, at: datetime) -> Reported:
    """Tell provinces of their users who used much here. Repeating it tells nothing twice."""
    rule = rules_at(at).values.get("money.visitor_use")
    if rule is None:
        return Reported(0, 0)
    homes, late, reports = _homes(), 0, 0
    for one in visitors.visitor_days(from_on=day_of(at - LOOKED_BACK)):
        used_fen = worth_fen(one, rule)
        if used_fen > one.told_fen + rule["above_fen"] and _tell(one, homes[one.home_area], used_fen, at):
            reports += 1
            late += at - one.to_at > timedelta(hours=rule["within_h"])
    return Reported(reports, late)


def worth_fen(use: VisitorDay, rule: dict[str, int]) -> int:
    """What use is worth by the operator's rule, begun minutes and megabytes as whole ones, in fen."""
    minutes, megabytes = -(-use.calls_s // MINUTE_S), -(-use.data_kb // MB_KB)
    return minutes * rule["minute_fen"] + megabytes * rule["mb_fen"] + use.messages * rule["message_fen"]


@transaction.atomic
def _tell(one: VisitorDay, home: str, used_fen: int, at: datetime) -> bool:
    if not visitors.note_told(visitor_use_id=one.visitor_use_id, told_fen=used_fen, at=at):
        return False
    used = {"UsedFen": used_fen, "From": one.from_at.isoformat(), "To": one.to_at.isoformat()}
    ask_province.ask(
        trans_id=f"U{one.visitor_use_id}-{used_fen}",
        home=home,
        number=one.number,
        activity=ask_province.HIGH_USE,
        about=used,
        at=at,
    )
    return True


def _homes() -> dict[int, str]:
    """Provinces of areas, by their code of two digits."""
    areas = catalog.reference_frames()["areas"].select("area", "province")
    return {int(area): province.zfill(2) for area, province in areas.iter_rows()}


@transaction.atomic
def hear(
    *, province: str, trans_id: str, number: int, used_fen: int, from_at: datetime, to_at: datetime, at: datetime
) -> None:
    """Take another province's word of high use; the same number again changes nothing. Raises SubscriberUnknown."""
    user = customers.subscriber_of_number(number=number, at=at)
    about: dict[str, Any] = {"subscriber_id": user, "used_fen": used_fen}
    if not visitors.note_roamer_use(province=province, trans_id=trans_id, from_at=from_at, to_at=to_at, at=at, **about):
        return
    alert = {"kind": PLAN, "province": province, "from": from_at.isoformat(), "to": to_at.isoformat(), **about}
    send_out(topic="manager.alert", payload=alert, at=at)
    sms = {"number": number, "template": PLAN, "values": {"used_fen": used_fen}}
    send_out(topic="sms", payload=sms, at=told_from(at=at, rules=rules_at(at)))
