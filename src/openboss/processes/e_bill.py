"""The electronic bill of a group (账务信息电子化): one file with a line a member, and who downloaded it when.

The members are the users on the bills of the group's account. Source: ACP-18, BBS-24.
"""

import csv
import io
from datetime import datetime

from openboss.modules.customers import functions as customers
from openboss.modules.customers.messages import yuan
from openboss.modules.receivables.functions.statements import member_sums
from openboss.modules.system.atomic import record_audit

ACTION = "receivables.e_bill"
COLUMNS = ("cycle", "number", "subscriber_id", "due_yuan", "paid_yuan", "open_yuan")


class NothingBilled(LookupError):
    """The account has no bill of this month."""


def download(*, account_id: int, cycle: int, at: datetime, staff_id: int | None) -> str:
    """The file of an account's month as CSV, a line a member; that it was fetched is written down.

    Raises NothingBilled.
    """
    sums = member_sums(account_id=account_id, cycle=cycle)
    if sums.is_empty():
        raise NothingBilled(f"{account_id} {cycle}")
    members = [one for one in sums["subscriber_id"] if one]
    numbers = customers.numbers_of_subscribers(subscriber_ids=members, at=at)
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    for member, due_fen, paid_fen in sums.iter_rows():
        amounts = [yuan(fen) for fen in (due_fen, paid_fen, due_fen - paid_fen)]
        lines.writerow([cycle, numbers.get(member, ""), member or "", *amounts])
    after = {"cycle": cycle, "members": len(members)}
    record_audit(
        staff_id=staff_id, action=ACTION, object_kind="account", object_id=account_id, at=at, after=after
    )  # fmt: skip
    return text.getvalue()
