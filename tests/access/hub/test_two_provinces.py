"""Two provinces, each an installation of its own with its own keys: a hall of 09 serves a user of 17 (HAL-14)."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.test import Client
from tests.access.console.small_operator import SmallOperator, _create, at_work
from tests.database_template import migrated_template
from tests.modules.charging.collection.test_normalise import CALL, run
from tests.modules.receivables.conftest import Desk, _fill, check_books
from tests.processes.hall_office import AT, HALL, ORDINARY, Office, furnish
from tests.processes.test_collect_debt import user_of

from openboss.access.hub import asking
from openboss.access.hub.asking import Peer
from openboss.access.hub.envelope import SIGNATURE
from openboss.access.jobs import clock
from openboss.modules.charging.atomic.visitors import add_visitor_use
from openboss.modules.charging.functions.visitors import together, use_of_visitors
from openboss.modules.charging.models import RoamerReport
from openboss.modules.customers import functions as customers
from openboss.modules.customers.models import Password
from openboss.modules.orders import functions as orders
from openboss.modules.orders.models import HubOrder
from openboss.modules.receivables.functions import direct_debit, elsewhere, pay_out
from openboss.modules.receivables.functions.owed import owed
from openboss.modules.receivables.functions.remote import OwnProvince, mirror_differences, remote_collections
from openboss.modules.receivables.models import Payment
from openboss.modules.resources import functions as resources
from openboss.modules.system.atomic import put_parameter
from openboss.modules.system.keys import key_for
from openboss.modules.system.models import Outbox
from openboss.modules.system.signing import sign
from openboss.processes import ask_province, pay_elsewhere, roaming_use, serve_province
from openboss.processes.provision import NotDelivered
from openboss.processes.roaming_use import Reported
from openboss.processes.serve_province import Shown

CERT_NO = "11010519491231002X"
MINUTE = timedelta(minutes=1)


@dataclass
class Provinces:
    """Home 17 with one user, and 09 that asks: only one of them is at work at a time."""

    home: Callable[[], AbstractContextManager[None]]
    asks: Callable[[], AbstractContextManager[None]]
    office: Office
    user: int
    clerk: int
    peers: dict[str, Peer]
    serial: int = 0

    def send(self, _url: str, body: bytes, signature: str) -> tuple[int, bytes, str]:
        """The way from 09 to 17."""
        with self.home():
            headers = {SIGNATURE: signature}
            answer = Client(headers=headers).post("/hub/", body, content_type="application/json")
        return answer.status_code, answer.content, answer.headers.get(SIGNATURE, "")

    def ask(self, activity: str, *, send: asking.Post | None = None, at=AT, **more: Any) -> orders.HubOrderView:
        """Ask from a hall of 09, let the hub bring it, and give the order as it then is."""
        self.serial += 1
        trans_id = more.pop("trans_id", f"T{self.serial}")
        about = {"home": "17", "number": ORDINARY, "staff_id": self.clerk, "org_code": "P", "at": at}
        with self.asks():
            ask_province.ask(trans_id=trans_id, activity=activity, **{**about, **more})
            self.deliver(at, send)
            return orders.hub_order(trans_id=trans_id)

    def deliver(self, at, send: asking.Post | None = None) -> None:
        asking.deliver(peers=self.peers, now=lambda: at, send=send or self.send)


@contextmanager
def _at_work_later(folder: Path, database: str) -> Iterator[None]:
    """Work in a tenant, a second later each time: its clock never goes back."""
    with at_work(folder, database):
        clock.pin(AT + timedelta(seconds=next(_SECONDS)))
        yield


_SECONDS = itertools.count(1)


@pytest.fixture(scope="module")
def tenants(
    database_fields: dict[str, Any], django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[Provinces]:
    """Two databases, two folders, two rings of keys."""
    del django_db_setup
    made: dict[str, tuple[Path, str]] = {}
    with django_db_blocker.unblock():
        for code in ("17", "09"):
            name = f"test_openboss_{os.getpid()}_hub{code}"
            _create(database_fields, name, migrated_template(database_fields))
            made[code] = tmp_path_factory.mktemp(f"province{code}"), name
        home, asks = (partial(_at_work_later, *made[code]) for code in ("17", "09"))
        try:
            with home():
                office = furnish(Desk(_fill()))
                user = office.open_user(at=AT - MINUTE)
                put_parameter(key="hall.remote_card_places", value=[HALL], from_on=AT.date(), at=AT)
                peers = {"17": Peer("https://home.invalid/hub/", key_for("hub 09"))}
            with asks():
                clerk = _fill()["clerk"]
                put_parameter(key="money.own_province", value="09", from_on=AT.date().replace(year=2020), at=AT)
            yield Provinces(home, asks, office, user, clerk, peers)
        finally:
            for _folder, name in made.values():
                SmallOperator(database_fields, name, Path()).drop(name)


@pytest.fixture
def provinces(tenants: Provinces, django_db_blocker: Any) -> Iterator[Provinces]:
    with django_db_blocker.unblock():
        yield tenants


def _state(provinces: Provinces) -> str:
    with provinces.home():
        return customers.effective_state(subscriber_id=provinces.user, at=AT + MINUTE)


def _owed(provinces: Provinces) -> tuple[int, int]:
    with provinces.home():
        found = owed(account_id=provinces.office.account_id, at=AT)
        check_books()
        return found.owed_fen, found.advance_fen


@pytest.mark.requirement("HAL-14")
def test_status_suspension_and_resumption_ask_a_proof_that_the_home_province_checks(provinces: Provinces) -> None:
    wrong = provinces.ask("SUSPEND", reason="LOST", shown={"CertNo": "110105194912310021"})
    assert (wrong.state, wrong.code, _state(provinces)) == ("REFUSED", "2006", "ACTIVE")
    nothing = provinces.ask("STATUS")
    assert (nothing.state, nothing.code) == ("REFUSED", "2006")
    known = provinces.ask("STATUS", shown={"CertNo": CERT_NO})
    assert known.answer == {"State": "ACTIVE", "Stops": [], "Plans": ["OFFER_102"], "Name": "李*"}
    stopped = provinces.ask("SUSPEND", reason="LOST", shown={"CertNo": CERT_NO}, trans_id="S1")
    assert (stopped.state, stopped.answer, _state(provinces)) == ("DONE", {"State": "COMPLETED"}, "TWO_WAY_STOP")
    assert stopped.their_id.isdecimal()
    assert provinces.ask("SUSPEND", reason="LOST", trans_id="S1") == stopped
    twice = provinces.ask("SUSPEND", reason="LOST", shown={"CertNo": CERT_NO})
    assert (twice.state, twice.code, "ReasonActive" in twice.words) == ("REFUSED", "2008", True)
    resumed = provinces.ask("RESUME", reason="LOST", shown={"Password": "258014"})
    assert (resumed.state, _state(provinces)) == ("DONE", "ACTIVE")
    with provinces.asks():
        kept = str(list(HubOrder.objects.values())) + str(list(Outbox.objects.filter(topic="hub").values("payload")))
        assert (CERT_NO in kept, "258014" in kept) == (False, False)
    with pytest.raises(OwnProvince):
        provinces.ask("STATUS", home="09")


@pytest.mark.requirement("PWD-02")
def test_a_wrong_password_that_was_said_elsewhere_is_counted_at_home(provinces: Provinces) -> None:
    wrong = provinces.ask("SUSPEND", reason="LOST", shown={"Password": "000001"})
    assert (wrong.state, wrong.code, _state(provinces)) == ("REFUSED", "2006", "ACTIVE")
    with provinces.home():
        assert Password.objects.get(subscriber_id=provinces.user, kind="SERVICE").wrong_that_day == 1


@pytest.mark.requirement("HAL-14")
def test_another_card_comes_from_those_kept_at_home_and_its_price_stands_on_the_bill(provinces: Provinces) -> None:
    done = provinces.ask("REPLACE_SIM", shown={"CertNo": CERT_NO})
    assert done.state == "DONE"
    with provinces.home():
        card = resources.sim_view(iccid=(done.answer or {})["Iccid"])
        line = customers.line_of(subscriber_id=provinces.user, at=AT + MINUTE)
        order = orders.order_by_serial(serial_no=f"HUB 09 {done.trans_id}")
        payments = Payment.objects.filter(note__startswith="SIM").count()
    assert order is not None
    assert (card.subscriber_id, str(card.imsi)) == (provinces.user, (done.answer or {})["Imsi"])
    assert (line.iccid, line.number) == (card.iccid, ORDINARY)
    assert [(one.code, one.booking, one.fee_fen) for one in order.fees] == [
        ("SIM_CARD", "BILL", 5000), ("SIM_REPLACEMENT", "BILL", 1000)
    ]  # fmt: skip
    assert (order.channel, order.unpaid_fen, payments) == ("REMOTE", 0, 1)  # the one of the opening


@pytest.mark.requirement("HAL-14")
def test_a_payment_elsewhere_stands_in_both_books_and_one_without_answer_in_none(provinces: Provinces) -> None:
    with provinces.home():
        provinces.office.desk.bill(provinces.office.account_id, 202610, RENT=18_000, user=provinces.user)
    owed_fen, advance_fen = _owed(provinces)
    assert provinces.ask("QUERY").answer == {"OwedFen": owed_fen, "AdvanceFen": advance_fen}
    paid = provinces.ask("PAY", paid_fen=3000, means="CASH")
    assert (paid.state, _owed(provinces)[0]) == ("DONE", owed_fen - 3000)
    about = {"from_on": AT.date(), "to_on": AT.date() + timedelta(days=1), "at": AT}
    with provinces.asks():
        (ours,) = Payment.objects.all()
        assert (ours.purpose, ours.paid_fen, ours.note) == ("REMOTE", 3000, f"17 {ORDINARY}")
        collected = remote_collections(**about)
        check_books()
    with provinces.home():
        assert mirror_differences(collected, remote_collections(**about)) == []

    def lost(*message: Any) -> Any:
        provinces.send(*message)
        raise NotDelivered("the answer was lost")

    waits = provinces.ask("PAY", paid_fen=2000, means="CASH", send=lost)
    assert (waits.state, _owed(provinces)[0]) == ("ASKED", owed_fen - 5000)  # home has it, nobody knows
    with provinces.asks():
        provinces.deliver(AT + 2 * MINUTE, lost)  # a minute is over: taken back
        provinces.deliver(AT + 2 * MINUTE)
        ended = orders.hub_order(trans_id=waits.trans_id)
        assert (ended.state, Payment.objects.count()) == ("REVERSED", 1)
        check_books()
    assert _owed(provinces)[0] == owed_fen - 3000


def test_a_number_of_another_province_that_stands_for_one_service_brings_no_other(provinces: Provinces) -> None:
    about = {"province": "09", "trans_id": "TWICE", "number": ORDINARY, "shown": Shown(cert_no=CERT_NO), "at": AT}
    with provinces.home():
        done = serve_province.serve(activity="ADD_SERVICE", offer="OFFER_305", **about)
        assert serve_province.serve(activity="ADD_SERVICE", offer="OFFER_305", **about) == done
        held = customers.offers_held(subscriber_id=provinces.user, at=AT + MINUTE)
        for other in ({"activity": "ADD_SERVICE", "offer": "OFFER_306"}, {"activity": "SUSPEND", "reason": "LOST"}):
            with pytest.raises(orders.OrderDifferent):
                serve_province.serve(**other, **about)
        assert customers.offers_held(subscriber_id=provinces.user, at=AT + MINUTE) == held


def test_a_province_that_never_answers_is_left_to_a_person_after_three_tries(provinces: Provinces) -> None:
    def silent(*_message: Any) -> Any:
        raise NotDelivered("no line")

    order = provinces.ask("PAY", paid_fen=700, means="CASH", send=silent)
    with provinces.asks():
        for minutes in (2, 4, 6, 8):
            provinces.deliver(AT + minutes * MINUTE, silent)
        assert (orders.hub_order(trans_id=order.trans_id).state, Payment.objects.filter(paid_fen=700).count()) == (
            "MANUAL", 0
        )  # fmt: skip
        foreign = Peer("https://home.invalid/hub/", b"x" * 32)
        provinces.peers["17"], kept = foreign, provinces.peers["17"]
        refused = provinces.ask("STATUS", shown={"CertNo": CERT_NO})
        provinces.peers["17"] = kept
        assert refused.state == "ASKED"  # home did not believe the signature and did nothing


def test_an_answer_that_is_signed_and_cannot_be_kept_is_no_answer(provinces: Provinces) -> None:
    def spoilt(**changes: Any) -> asking.Post:
        def send(url: str, body: bytes, signature: str) -> tuple[int, bytes, str]:
            said = json.loads(provinces.send(url, body, signature)[1]) | changes
            told = json.dumps(said).encode()
            with provinces.asks():
                return 200, told, sign(told, key=provinces.peers["17"].key, at=AT)

        return send

    numbers = iter(range(8613700000001, 8613700000004))  # one that waits holds back the next of its number
    kept = provinces.ask("QUERY", number=next(numbers), send=spoilt(Response={"RspCode": "2001", "RspDesc": "n\0o"}))
    assert (kept.state, kept.words) == ("REFUSED", "no")
    too_long = {"TransInfo": {"TransIDO": f"T{provinces.serial + 1}", "TransIDH": "1" * 41}}
    for changes in (too_long, {"SvcCont": ["no", "object"]}):
        assert provinces.ask("QUERY", number=next(numbers), send=spoilt(**changes)).state == "ASKED"


def test_without_a_peer_a_simulator_answers_and_says_so(provinces: Provinces) -> None:
    with provinces.asks():
        ask_province.ask(
            trans_id="SIM1", activity="STATUS", home="19", number=8613900000001, staff_id=1, org_code="P", at=AT
        )
        assert asking.read_peers(Path("/nowhere/hub_peers.json")) is None
        asking.deliver(peers=None, now=lambda: AT + 10 * MINUTE)
        order = orders.hub_order(trans_id="SIM1")
    assert (order.state, order.code, order.words.startswith("SIMULATOR")) == ("REFUSED", "2006", True)
    with pytest.raises(NotDelivered):
        asking.post("http://127.0.0.1:9/hub/", b"{}", "x")


@pytest.mark.requirement("CHG-33")
def test_a_visitor_s_high_use_is_told_to_the_home_province_within_four_hours_of_the_use(provinces: Provinces) -> None:
    """200.00 a day by the visited province's rule: 5 h 33 min 20 s of calls are 334 minutes, 200.40."""
    begun_s = int((AT - timedelta(hours=6)).timestamp())

    def used(duration_s: int, from_s: int) -> None:
        call = run({**CALL, "served_number": "13900270001", "visited_area": 21, "call_ref": from_s}).usage
        moved = {"served_number": ORDINARY, "duration_s": duration_s, "start_at_s": from_s}
        local = {"start_local_s": from_s + 8 * 3600}
        call = call.with_columns(**{name: pl.lit(one, call.schema[name]) for name, one in (moved | local).items()})
        add_visitor_use(together([use_of_visitors(call)]))

    def heard() -> list[tuple[int, int]]:
        with provinces.home():
            alerts = Outbox.objects.filter(topic="manager.alert", payload__kind="HIGH_USE_ROAMING").order_by(
                "outbox_id"
            )
            told = Outbox.objects.filter(topic="sms", payload__template="HIGH_USE_ROAMING", payload__number=ORDINARY)
            assert told.count() == alerts.count() == RoamerReport.objects.count()
            return [(one.payload["subscriber_id"], one.payload["used_fen"]) for one in alerts]

    def report(at: datetime) -> Reported:
        with provinces.asks():
            done = roaming_use.report(at=at)
            provinces.deliver(at)
            return done

    with provinces.asks():
        used(19_980, begun_s)  # 333 minutes, 199.80
    assert (report(AT), heard()) == (Reported(0, 0), [])
    with provinces.asks():
        used(20, begun_s + 19_980)
    use_ended_at = AT - timedelta(hours=6) + timedelta(seconds=20_000)
    assert AT - use_ended_at < timedelta(hours=4)
    assert (report(AT), report(AT), heard()) == (Reported(1, 0), Reported(0, 0), [(provinces.user, 20_040)])
    with provinces.asks():
        order = HubOrder.objects.get(activity="HIGH_USE")
        assert (order.state, order.home, order.staff_id) == ("DONE", "17", None)
        assert datetime.fromisoformat(order.content["To"]) == use_ended_at
        used(20_100, begun_s + 1)
        rule = {"minute_fen": 60, "mb_fen": 29, "message_fen": 10, "above_fen": 20_000, "within_h": 0}
        put_parameter(key="money.visitor_use", value=rule, from_on=AT.date(), at=AT)
    assert (report(AT), heard()[1:]) == (Reported(1, 1), [(provinces.user, 40_140)])  # late by this rule


def test_a_report_of_use_that_came_before_or_is_of_nobody_here_changes_nothing(provinces: Provinces) -> None:
    used = {"UsedFen": 30_000, "From": "2026-11-02T08:00:00+08:00", "To": "2026-11-02T09:00:00+08:00"}
    first = provinces.ask("HIGH_USE", about=used, trans_id="U9", staff_id=None, org_code="")
    with provinces.home():
        before = RoamerReport.objects.count(), Outbox.objects.count()
        about = {"province": "09", "trans_id": "U9", "number": ORDINARY, "used_fen": 30_000, "at": AT}
        roaming_use.hear(**about, from_at=AT, to_at=AT)
        assert (RoamerReport.objects.count(), Outbox.objects.count()) == before
    nobody = provinces.ask("HIGH_USE", about=used, number=8613900001291)
    bare = provinces.ask("HIGH_USE", about={"UsedFen": 1})
    assert (first.state, nobody.code, bare.state) == ("DONE", "2001", "ASKED")  # a broken envelope is no answer


def test_a_user_of_09_pays_october_of_a_number_of_17_in_november_and_what_is_too_much_is_whose_number_it_is(
    provinces: Provinces,
) -> None:
    october, number, hall = AT - timedelta(days=20), ORDINARY + 5, {"staff_id": provinces.clerk, "org_code": "P"}

    def collected() -> int:
        day = {"from_on": AT.date(), "to_on": AT.date() + timedelta(days=1), "at": AT}
        return int(remote_collections(**day).filter(collected_by="09", home="17")["collected_fen"].sum())

    with provinces.home():
        office, there = provinces.office, collected()
        account = customers.open_account(
            customer_id=office.customer_id, pay_method="CASH", language="zh", layout="STANDARD", at=AT, staff_id=None
        )
        user = office.open_user(at=AT - MINUTE, number=number, account_id=account)
        advance_fen = office.desk.cash(account)  # paid at the opening
        office.desk.bill(account, 202610, RENT=advance_fen + 6800, user=user, at=AT)
    with provinces.asks():
        desk, here = Desk({"clerk": provinces.clerk}), collected()
        mine = desk.account()
        payer = user_of(mine)
        desk.pay(mine, 10_000, AT, serial_no="E-1")
        known = {"subscriber_id": payer, "province": "17", "number": number, "at": october}
        pay_elsewhere.order(trans_id="PF1", **known, **hall)
        provinces.deliver(AT)
        assert [one.state for one in elsewhere.relations()] == ["ACTIVE"]
    with provinces.home():
        (paid,) = elsewhere.relations(side=elsewhere.PAID)
        assert (paid.province, paid.number, paid.subscriber_id, paid.from_cycle) == (
            "09", 8613900000000 + payer, user, 202610,
        )  # fmt: skip
    with provinces.asks():
        assert pay_elsewhere.run(at=AT) == 0
        provinces.deliver(AT)
        assert [(one.state, one.due_fen) for one in elsewhere.months()] == [("DUE", 6800)]
    with provinces.home():
        office.desk.pay(account, 6800, AT, serial_no="E-2")  # meanwhile the user pays, too
    with provinces.asks():
        assert pay_elsewhere.run(at=AT) == 1
        provinces.deliver(AT)
        assert ([one.state for one in elsewhere.months()], desk.cash(mine)) == (["PAID"], 3200)
        assert collected() - here == 6800
        check_books()
    with provinces.home():
        assert (collected() - there, office.desk.cash(account)) == (6800, 6800)
        pay_out(account_id=account, paid_fen=6800, means="CASH", serial_no="E-4", at=AT, staff_id=office.clerk,
                approved_by=office.desk.staff["chief"])  # fmt: skip
        check_books()
    with provinces.asks():
        (relation,) = elsewhere.relations()
        pay_elsewhere.end(relation_id=relation.relation_id, at=AT, **hall)
        provinces.deliver(AT)
        assert desk.cash(mine) == 3200, "what was paid there is not given back here"
    with provinces.home():
        assert [(one.state, one.to_cycle) for one in elsewhere.relations(side=elsewhere.PAID)] == [("ENDED", 202611)]
        direct_debit.open_mandate(
            account_id=account, contract_no="E1", bank="ICBC", bank_account="6222", holder="李明", at=AT,
            staff_id=office.clerk,
        )  # fmt: skip
    with provinces.asks():
        pay_elsewhere.order(trans_id="PF2", **known, **hall)
        provinces.deliver(AT)
        refused = elsewhere.relations()[0]
        assert (refused.state, refused.code) == ("REFUSED", "2014")
