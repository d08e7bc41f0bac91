"""The electronic bill of a group: a line a member, every download written down."""

import pytest

from openboss.modules.receivables.models import OpenItem
from openboss.modules.system.models import AuditEntry
from openboss.processes.e_bill import ACTION, NothingBilled, download
from tests.modules.receivables.conftest import Desk, desk, on
from tests.processes.test_collect_debt import user_of

__all__ = ["desk"]


@pytest.mark.requirement("ACP-18")
def test_a_group_downloads_one_file_with_a_line_a_member_and_each_download_is_written_down(desk: Desk) -> None:
    account, other = desk.account(), desk.account()
    members = [user_of(account) for _ in range(3)]
    desk.bill(account, 202610, user=members[0], RENT=1000)
    for place, member in enumerate(members[1:], 2):
        OpenItem.objects.create(
            bill_id=202610 * 10**10 + account, subscriber_id=member, item_id=1, rank=1, is_late_exempt=False,
            due_fen=1000 * place, paid_fen=0,
        )  # fmt: skip
    lines = download(account_id=account, cycle=202610, at=on(11, 5), staff_id=desk.staff["clerk"]).splitlines()
    assert lines[1:] == [
        f"202610,{8613900000000 + member},{member},{place}0.00,0.00,{place}0.00"
        for place, member in enumerate(members, 1)
    ]
    download(account_id=account, cycle=202610, at=on(11, 6), staff_id=desk.staff["chief"])
    with pytest.raises(NothingBilled):
        download(account_id=other, cycle=202610, at=on(11, 6), staff_id=None)
    assert AuditEntry.objects.filter(action=ACTION, object_id=str(account)).count() == 2
