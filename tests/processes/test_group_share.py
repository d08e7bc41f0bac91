"""Of a user for whom a group pays a part, the own part counts against the own credit, the rest against the group's
(D9.10)."""

from datetime import datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.db.backends.postgresql.psycopg_any import NumericRange

from openboss.modules.catalog.models import BillItemType
from openboss.modules.charging.functions.engine import answering, rate_waiting, recover_engine
from openboss.modules.customers.models import PaymentRelation
from openboss.modules.receivables.functions import credit
from openboss.modules.receivables.functions.credit_records import set_credit, steps_of
from openboss.processes import collect_debt, keep_limits, keep_wallets, tell_balance, unbilled
from tests.modules.charging.engine.test_owner import world
from tests.modules.receivables.conftest import LONG_AGO, Desk, desk, on
from tests.processes.test_collect_debt import state, user_of
from tests.processes.test_credit_events import USER, call, left_li, watch

__all__ = ["desk", "world"]
pytestmark = pytest.mark.django_db(transaction=True)
AT = on(10, 12, 12)


def shared_user(desk: Desk) -> tuple[int, int]:
    """The engine's user, whose employer pays the rent and the first 100.00 of calls: own account, group account."""
    _number_items_as_the_engine_of_the_test_does()
    own, group = desk.account(), desk.account()
    user_of(own, subscriber_id=USER)
    for scope, mode, value in (("RENT", "FULL", 0), ("G2_VOICE", "LIMIT", 10_000)):
        PaymentRelation.objects.create(
            subscriber_id=USER, account_id=group, item_scope=scope, mode=mode, value=value,
            cycles=NumericRange(202001, None),
        )  # fmt: skip
    set_credit(account_id=group, limit_fen=50_000, at=LONG_AGO, staff_id=None)
    return own, group


def _number_items_as_the_engine_of_the_test_does() -> None:
    """Its calls are charged to item 1, which is the rent at the desk: the two change places."""
    rent, calls = (BillItemType.objects.get(code=code) for code in ("RENT", "LOCAL"))
    own = {"code": calls.code, "group_code": calls.group_code}
    BillItemType.objects.filter(pk=calls.pk).update(code="-")
    for item, other in ((rent, own), (calls, {"code": rent.code, "group_code": rent.group_code})):
        BillItemType.objects.filter(pk=item.pk).update(**other)


def credit_used(account_id: int, at: datetime) -> int:
    """What of an account's credit is used, in fen, while the engine answers."""
    used = {"unbilled_fen": unbilled.now([account_id], at=at), "shared_fen": unbilled.shared([account_id], at=at)}
    return credit.credit_of(account_id=account_id, at=at, **used).used_fen


@pytest.mark.usefixtures("world")
def test_of_130_of_calls_30_count_for_the_user_and_100_for_the_group_before_the_bill_and_after_it(desk: Desk) -> None:
    own, group = shared_user(desk)
    call(9, 325, day=12)  # 130.00
    keep_wallets.run(at=AT)
    with answering(recover_engine(), Path(settings.DATA_DIR)):
        assert (unbilled.now([own], at=AT), unbilled.shared([own], at=AT)) == ({USER: 3_000}, {})
        assert (unbilled.now([group], at=AT), unbilled.shared([group], at=AT)) == ({}, {group: 10_000})
        assert unbilled.of_users([USER], at=AT) == {USER: 13_000}, "all of it is the user's for high use"
        assert [credit_used(one, AT) for one in (own, group)] == [3_000, 10_000]
        assert [tell_balance.of_account(one, at=AT).balance_li for one in (own, group)] == [-30_000, -100_000]
        collect_debt.run_with_use(at=AT)
        assert (state(USER, AT), steps_of(account_id=own)) == ("ACTIVE", []), "30.00 of 50.00 are no 80 %"
        set_credit(account_id=group, limit_fen=12_500, at=AT, staff_id=None)
        collect_debt.run_with_use(at=AT)
        assert [one.step for one in steps_of(account_id=group)] == ["WARN"], "100.00 of 125.00"
        set_credit(account_id=own, limit_fen=3_000, at=AT, staff_id=None)
        collect_debt.run_with_use(at=AT)
        assert state(USER, on(10, 12, 13)) == "ONE_WAY_STOP"
    desk.bills(202610, [(own, USER, {"LOCAL": 3_000}), (group, USER, {"RENT": 5_000, "LOCAL": 10_000})])
    later = on(11, 9)
    known = {"at": later, "unbilled_fen": {}}
    assert [credit.credit_of(account_id=one, **known).used_fen for one in (own, group)] == [3_000, 15_000]


@pytest.mark.usefixtures("world")
def test_the_engine_stops_nobody_for_what_the_group_pays(desk: Desk) -> None:
    shared_user(desk)
    keep_wallets.run(at=on(10, 12, 8))
    keep_limits.run(at=on(10, 12, 8))
    rate_waiting()
    assert left_li() == 50_000 + 100_000 * 2, "September is not billed yet: it may hold a share as well"
    call(9, 325, day=12)  # 130.00
    watch(on(10, 12, 10))
    assert state(USER, on(10, 12, 11)) == "ACTIVE"
    call(11, 50, day=12)  # 150.00: 50.00 of one's own
    keep_wallets.run(at=on(10, 12, 12))
    with answering(recover_engine(), Path(settings.DATA_DIR)):
        collect_debt.run_with_use(at=on(10, 12, 12))
    assert state(USER, on(10, 12, 13)) == "ONE_WAY_STOP"
