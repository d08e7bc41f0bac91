"""A transfer and a change of payer reach sessions that run: what was used is its owner's or payer's, what follows is
granted out of the new one's wallet (HAL-10, D1.3, D8.1). In the engine's own loop, over Diameter, by the hall."""

from datetime import datetime, timedelta

import pytest

from openboss.access.jobs import clock
from openboss.modules.charging.functions.engine import engine_lock
from openboss.modules.charging.functions.online import announce_wallets
from openboss.modules.charging.models import EngineCommand
from openboss.modules.customers.functions import Proof
from openboss.modules.receivables.functions import wallets
from openboss.modules.receivables.models import Bucket
from openboss.processes import assure_money, hall, keep_wallets
from tests.access.network.diameter_mutations import data_request
from tests.access.network.online_door import waited_for
from tests.modules.receivables.conftest import desk
from tests.processes.hall_office import AT, ORDINARY, Office, office
from tests.processes.test_hall_changes import DECEMBER, LATER, other_customer
from tests.processes.test_running_sessions import (
    ABORTED,
    ASKED_AGAIN,
    DENIED,
    GRANTED,
    INITIAL,
    MB,
    NO_CREDIT,
    TERMINATION,
    UPDATE,
    Running,
    played,
)

__all__ = ["desk", "office", "played"]
pytestmark = pytest.mark.django_db(transaction=True)


def with_money(office: Office, fen: int) -> tuple[int, int]:  # noqa: F811
    """Another customer, whose account has so much."""
    customer_id, account_id = other_customer(office)
    office.desk.pay(account_id, fen, AT)
    return customer_id, account_id


def wallet(session: Running, account_id: int) -> tuple[int, int]:
    """Balance and reserved money of an account in the engine."""
    state = session.loop.owner.state
    purse = state.desk.wallets[state.accounts.get(account_id)]
    return int(purse["balance_li"]), int(purse["reserved_li"])


def transfer(office: Office, user: int, customer_id: int, account_id: int, at: datetime) -> int:  # noqa: F811
    """Transfer a user; return the new one."""
    request = {"to_customer_id": customer_id, "to_account_id": account_id, "main_offer_id": 102}
    order = office.place("TRANSFER", user=user, at=at, **request)
    office.fill_in(order, documents=("HOLDER_ID", "NEW_HOLDER_ID"), at=at)
    fresh = office.confirm(order, at=at, service_password="903817").subscriber_id
    assert fresh is not None
    return fresh


def cash(account_id: int) -> dict[str, int]:
    return dict(Bucket.objects.filter(account_id=account_id).values_list("kind", "balance_fen"))


def post_use() -> None:
    """Post what wallets were used for, while the loop holds the engine as a process does."""
    with engine_lock() as mine:
        assert mine
        keep_wallets.run(at=clock.now())


def differences() -> list[dict[str, int]]:
    return wallets.wallet_differences()[0].to_dicts()


def test_a_transfer_ends_what_runs_on_the_old_owners_money_and_the_new_owner_uses_no_more_than_its_own(played) -> None:
    def part(session: Running) -> None:
        office, old = session.office, session.office.account_id  # noqa: F811
        customer_id, account_id = with_money(office, 319)
        assert session.report(INITIAL) == (GRANTED, 10 * MB)
        assert session.report(used=2 * MB) == (GRANTED, 10 * MB)
        session.let_the_second_end()
        transfer(office, session.user, customer_id, account_id, clock.now().replace(microsecond=0))
        assert session.told() == (ABORTED, "gw;1")
        assert session.report(used=MB) == (DENIED, 0)
        assert wallet(session, old) == (100_000 - 3 * 290, 0)

        def ask(kind: int, number: int, used: int = 0) -> tuple[int, int]:
            session.wire.send(data_request("gw;2", kind, number, user=str(ORDINARY), octets=used))
            service = session.wire.answer().multiple_services_credit_control[0]
            granted = service.granted_service_unit
            return service.result_code, (granted.cc_total_octets or 0) if granted else 0

        assert ask(INITIAL, 0) == (GRANTED, 10 * MB)
        assert wallet(session, account_id) == (3_190, 2_900)
        assert ask(UPDATE, 1, 10 * MB) == (GRANTED, MB)
        assert ask(UPDATE, 2, MB) == (NO_CREDIT, 0)
        assert wallet(session, account_id) == (0, 0)
        ask(TERMINATION, 3)
        assert wallet(session, old) == (100_000 - 3 * 290, 0)

    played(part)


def test_a_payer_of_the_open_bill_pays_the_session_that_runs_from_its_beginning(played) -> None:
    def part(session: Running) -> None:
        old = session.office.account_id
        _, payer = with_money(session.office, 500)
        session.report(INITIAL)
        assert session.report(used=2 * MB) == (GRANTED, 10 * MB)
        assert wallet(session, old) == (100_000 - 2 * 290, 2_900)
        session.order("CHANGE_PAYER", account_id=payer, mode="REST", effective="NOW", proofs=[Proof.SERVICE])
        assert session.told() == (ASKED_AGAIN, "gw;1")
        assert (wallet(session, old), wallet(session, payer)) == ((100_000, 0), (5_000 - 2 * 290, 2_900))
        assert session.report(used=MB) == (GRANTED, 10 * MB)
        post_use()
        assert (cash(old)["CASH"], cash(payer)) == (10_000, {"CASH": 413, "CHARGED": 87})
        assert differences() == []
        session.report(TERMINATION, used=15 * MB)
        assert (wallet(session, old), wallet(session, payer)) == ((100_000, 0), (5_000 - 18 * 290, 0))

    played(part)


def test_a_payer_from_the_next_cycle_on_pays_what_a_session_uses_from_its_first_second_on(played) -> None:
    def part(session: Running) -> None:
        old = session.office.account_id
        _, payer = with_money(session.office, 500)
        order = session.office.do("CHANGE_PAYER", session.user, at=LATER, account_id=payer, mode="REST",
                                  proofs=[Proof.SERVICE])  # fmt: skip
        assert (order.state, order.effective_at) == ("PENDING", DECEMBER)
        assert waited_for(lambda: not EngineCommand.objects.filter(state="WAITING").exists())
        session.report(INITIAL)
        session.report(used=2 * MB)
        clock.pin(DECEMBER + timedelta(seconds=1))
        assert session.report(used=MB) == (GRANTED, 10 * MB)
        assert session.report(used=3 * MB) == (GRANTED, 10 * MB)  # December's, and nobody has told the engine yet
        assert wallet(session, old)[0] == 100_000 - 6 * 290
        assert hall.run_due(at=clock.now()) == {"COMPLETED": 1, "FAILED": 0}
        assert session.told() == (ASKED_AGAIN, "gw;1")
        assert (wallet(session, old), wallet(session, payer)) == ((100_000 - 3 * 290, 0), (5_000 - 3 * 290, 2_900))
        assert session.report(TERMINATION, used=MB) == (GRANTED, 0)
        post_use()
        assert (cash(old), cash(payer)) == ({"CASH": 9_913, "CHARGED": 87}, {"CASH": 384, "CHARGED": 116})
        assert (wallet(session, payer), differences()) == ((5_000 - 4 * 290, 0), [])

    clock.pin(DECEMBER - timedelta(seconds=10))
    played(part)


def test_a_prepaid_user_whom_nothing_limits_is_found_by_assurance_and_has_the_payers_wallet_within_the_hour(
    played,
) -> None:
    def part(session: Running) -> None:
        account_id = session.office.account_id
        announce_wallets([{"account_id": account_id, "balance_li": 100_000, "subscriber_ids": [], "anew": True}])
        assert waited_for(lambda: not EngineCommand.objects.filter(state="WAITING").exists())
        session.report(INITIAL)
        assert session.report(used=MB) == (GRANTED, 10 * MB)
        assert wallet(session, account_id) == (100_000, 0)
        post_use()
        found = [("PAYER", str(session.user), account_id, 0, "NO")]
        assure_money.run(on=clock.today(), at=clock.now(), checks=["WALLETS"])
        assert [
            (one.kind, one.object_id, one.expected_fen, one.found_fen, one.unit) for one in assure_money.differences()
        ] == found
        assert session.told() == (ASKED_AGAIN, "gw;1")
        assert session.report(used=MB) == (GRANTED, 10 * MB)
        assert wallet(session, account_id) == (100_000 - 290, 2_900)
        post_use()
        assure_money.run(on=clock.today(), at=clock.now(), checks=["WALLETS"])
        assert assure_money.differences() == []
        assert cash(account_id) == {"CASH": 9_971, "CHARGED": 29}  # what was used before is the bill's

    played(part)
