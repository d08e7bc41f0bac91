"""A user gives what is left of a free resource to another: a present, or moved between users of one customer.

Only what the tariff document lets go (`gift: true`). What is given keeps its time; what the other then uses of it is
counted there. The charging engine answers at once whether there was so much. Source: issue 3 section 1.
"""

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from openboss.modules.catalog.atomic import offers_at
from openboss.modules.charging.functions.online import give_free
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Proof
from openboss.modules.system.functions import record_audit


class NotForGiving(Exception):
    """The tariff does not let this free resource be given to somebody else."""


def give(
    *,
    subscriber_id: int,
    to_number: int,
    rule_id: int,
    units: int,
    proofs: Collection[Proof],
    serial_no: str,
    at: datetime,
    staff_id: int | None,
) -> int:
    """Give units of a free resource to the user of a number; return the units that are left.

    units  of the resource's own unit; under the same serial number they are given once
    Not in a transaction. Raises NotEntitled, NotForGiving, SubscriberUnknown, EngineSilent, and EngineRefused where
    there is not so much left.
    """
    customers.refuse_unproved("CHANGE_PRODUCTS", proofs)
    to_id = customers.subscriber_of_number(number=to_number, at=at)
    if not may_be_given(rule_id, at):
        raise NotForGiving(rule_id)
    wall = at.astimezone(ZoneInfo(settings.TIME_ZONE)).replace(tzinfo=None)
    answer = give_free(
        subscriber_id=subscriber_id,
        to_id=to_id,
        rule_id=rule_id,
        units=units,
        at_local_s=int((wall - datetime(1970, 1, 1)).total_seconds()),  # noqa: DTZ001 -- the wall clock has no zone
        serial_no=serial_no,
    )
    record_audit(
        staff_id=staff_id,
        action="charging.give_free",
        object_kind="subscriber",
        object_id=subscriber_id,
        at=at,
        after={"to_id": to_id, "rule_id": rule_id, "units": units, "serial_no": serial_no},
    )
    return int(answer["left"])


def may_be_given(rule_id: int, at: datetime) -> bool:
    """Whether a free resource of a tariff version in force may be given away."""
    return any(
        version.rule_ids.get(rule["rule"]) == rule_id and rule.get("gift", False)
        for version in offers_at(customers.operator_day(at))
        for rule in version.document.get("free") or []
    )
