"""What happens by itself when a waiting time is over (D2.3, D9.5, D12.1). A job calls this once an hour.

    180 days     a number pre-opened and never used is taken back
    30 days      stopped both ways for arrears: waits for cancellation
    60 days      is cancelled; the debt stays and goes to collection
    numbers      locks, reservations and rests that ended are free again

Each user is one transaction: broken off and started again, nothing is done twice.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from openboss.modules.customers import functions as customers
from openboss.modules.resources import functions as resources
from openboss.processes.cancel_user import end_user
from openboss.processes.offer_fees import early_end_fees, put_on_bill
from openboss.processes.order_flow import bar_in_engine, offers_of, tell_engine


@dataclass(frozen=True)
class WaitingOver:
    """How many waiting times were over, by what followed."""

    openings_reversed: int
    pre_terminated: int
    terminated: int
    numbers_freed: int


def run(*, at: datetime) -> WaitingOver:
    """Let everything happen whose waiting time is over at a moment."""
    reversed_now = [_reverse_opening(one, at) for one in customers.unused_preopenings(at=at)]
    pre_terminated = [_pre_terminate(one, at) for one in customers.long_stopped_for_arrears(at=at)]
    terminated = [_terminate(one, at) for one in customers.long_waiting_for_arrears(at=at)]
    freed = sum(resources.free_numbers_due(at=at).values())
    return WaitingOver(len(reversed_now), len(pre_terminated), len(terminated), freed)


@transaction.atomic
def _reverse_opening(subscriber_id: int, at: datetime) -> None:
    """Take a pre-opened number and card back into stock: they never served."""
    line = customers.line_of(subscriber_id=subscriber_id, at=at)
    customers.terminate(subscriber_id=subscriber_id, remove_tag=5, at=at, staff_id=None)
    if line.number is not None:
        resources.give_reserved_number_back(number=line.number, at=at, staff_id=None)
    if line.iccid is not None:
        resources.unpair_sim(iccid=line.iccid, at=at, staff_id=None)


@transaction.atomic
def _pre_terminate(subscriber_id: int, at: datetime) -> None:
    customers.pre_terminate(subscriber_id=subscriber_id, remove_tag=3, at=at, staff_id=None)
    bar_in_engine({subscriber_id: "PRE_TERMINATED"})
    tell_engine(subscriber_id)


@transaction.atomic
def _terminate(subscriber_id: int, at: datetime) -> None:
    fees = early_end_fees(offers_of(subscriber_id, at), end_at=at)
    key = f"ENDED-{subscriber_id}"
    put_on_bill(fees, key=key, subscriber_id=subscriber_id, due_at=at, at=at, staff="")
    end_user(subscriber_id, remove_tag=4, at=at, staff_id=None)
