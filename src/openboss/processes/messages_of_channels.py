"""What came in and went out over every means of contact and to every system outside, as one log. Read from the top.

    said      what customers and we said: short messages, menus, the voice menu, the hotline, notes at the counter
    ordered   orders of any channel came in
    paid      money came in over a channel, or went out
    banks     files of payments came in; requests to banks went out, their answers came in
    provinces what we asked other provinces, and what they answered
    files     usage came in from network elements
    sent      what left by the outbox: to handsets, staff, registers of the network, access servers

Nothing is written twice for it: each row stands where it belongs, this reads them together. What networks ask before
use is counted by the engine and not here: a row for each would be a second journal. Source: ARC-14.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge

from openboss.modules.charging.functions import monitor
from openboss.modules.customers.atomic.interactions import newest_interactions
from openboss.modules.orders import functions as orders
from openboss.modules.receivables.atomic.collector_files import newest_files
from openboss.modules.receivables.atomic.payments import newest_payments
from openboss.modules.receivables.functions.direct_debit import list_runs
from openboss.modules.system import functions as system

IN, OUT = "IN", "OUT"
MOST = 500  # of each kind


@dataclass(frozen=True)
class Passed:
    """One message that passed the border.

    adapter  which brought it (access.console.adapters)
    what     a code of `words` (order_kind, means, topic ...), or a name with `words` empty
    """

    at: datetime
    adapter: str
    direction: str
    words: str
    what: str
    reference: str


def passed(*, since_at: datetime) -> list[Passed]:
    """All that passed since a moment, the newest first; of each kind the newest MOST."""
    kinds = [_said(since_at), _ordered(since_at), _paid(since_at), _banks(since_at), _provinces(since_at),
             _files(since_at), _sent(since_at)]  # fmt: skip
    found = [sorted((one for one in kind if one.at >= since_at), key=_when, reverse=True) for kind in kinds]
    return list(merge(*found, key=_when, reverse=True))


def _when(one: Passed) -> datetime:
    return one.at


def _said(since_at: datetime) -> Iterator[Passed]:
    for row in newest_interactions(since_at=since_at, limit=MOST):
        yield Passed(row.at, row.channel, row.direction, "interaction_reason", row.reason, str(row.interaction_id))


def _ordered(_since_at: datetime) -> Iterator[Passed]:
    for row in orders.list_orders(page_size=MOST)[0]:
        yield Passed(row.created_at, row.channel, IN, "order_kind", row.kind, row.serial_no)


def _paid(since_at: datetime) -> Iterator[Passed]:
    for row in newest_payments(since_at=since_at, limit=MOST):
        yield Passed(row.at, row.channel, IN if row.paid_fen > 0 else OUT, "means", row.means, row.serial_no)


def _banks(since_at: datetime) -> Iterator[Passed]:
    for file in newest_files(since_at=since_at, limit=MOST):
        yield Passed(file.admitted_at, "BANK", IN, "", file.collector, str(file.sequence))
    for run in list_runs(limit=MOST):
        yield Passed(run.made_at, "BANK", OUT, "", run.bank, str(run.sequence))
        if run.answered_at is not None:
            yield Passed(run.answered_at, "BANK", IN, "", run.bank, str(run.sequence))


def _provinces(_since_at: datetime) -> Iterator[Passed]:
    for row in orders.list_hub_orders(page_size=MOST)[0]:
        yield Passed(row.at, "REMOTE", OUT, "hub_activity", row.activity, row.trans_id)
        if row.answered_at is not None:
            yield Passed(row.answered_at, "REMOTE", IN, "hub_activity", row.activity, row.their_id or row.trans_id)


def _files(since_at: datetime) -> Iterator[Passed]:
    for row in monitor.list_files(filters={"since": since_at}, page_size=MOST)[0]:
        yield Passed(row["arrived_at"], "USAGE_FILES", IN, "", row["name"], str(row["file_id"]))


_OF_TOPIC = {"sms": "SMS", "network.hlr": "HLR", "network.radius": "RADIUS", "staff": "STAFF", "manager.alert": "STAFF"}


def _sent(_since_at: datetime) -> Iterator[Passed]:
    for row in system.list_messages(state="SENT", page_size=MOST)[0]:
        if row.topic in _OF_TOPIC and row.sent_at is not None:
            yield Passed(row.sent_at, _OF_TOPIC[row.topic], OUT, "topic", row.topic, str(row.outbox_id))
