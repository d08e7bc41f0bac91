"""A play: the networks, business and the files of some users, and what must come of them.

`Play` keeps the networks' own books of what was used, apart from the engine's. Two others read them: the slow desk step
by step (tests/reference/slow_desk.py), and the engine itself rating the same use as files (test_online_equality).
What happens is drawn in drawn_play.py; every step says in `story` what it did.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from openboss.kernel.tariffs import TariffTables
from openboss.kernel.usage import LdType, OtherNet, RecordType, RoamType, Status
from openboss.modules.charging.engine.online import arriving, orders
from openboss.modules.charging.engine.online.closed import CLOSED
from openboss.modules.charging.engine.online.desk import Life
from openboss.modules.charging.engine.online.group import Rules
from openboss.modules.charging.engine.online.images import Changed, Imager, Images
from openboss.modules.charging.engine.online.moving import PLACE
from openboss.modules.charging.engine.online.requests import Action, Kind, Result, empty_requests
from openboss.modules.charging.engine.online.turns import Decided, Moment, Turns
from openboss.modules.charging.engine.pieces import debit_usage
from openboss.modules.charging.engine.rating import detail_of_closed, rate_chunk
from openboss.modules.charging.engine.snapshots import load_snapshot, save_snapshot
from openboss.modules.charging.engine.state import EngineState, month_start_s, next_cycle
from openboss.modules.charging.engine.twins import RINGS_S, remember
from openboss.modules.charging.functions import what_if
from openboss.modules.charging.normalise import operator_clock
from openboss.modules.charging.numbering import ZEROS, build_numbering
from openboss.modules.charging.schema import NORMALISED
from openboss.processes.quote.events import FOREIGN_AREA, columns_of
from openboss.processes.quote.parties import EPOCH, engine_rows, local_s
from openboss.processes.warm_up import _numbering_frames
from tests.reference.slow_desk import SlowDesk
from tests.reference.slow_purse import SlowPurse, is_rightly_granted

PLENTY_LI = 10**12
SILENCE_S = 7_200
RULES = Rules(slices_of_silence=1, events_open=3)
OFFSET_S = 28_800
PLAN = _numbering_frames()
PLAN["areas"] = pl.DataFrame(
    {"area": [571, 10], "province": ["ZJ", "BJ"], "is_home": [1, 0], "band_shift_s": [0, 7200]}
)
PLAN["cells"] = pl.DataFrame({"msc_id": ["46000"] * 2, "lac": [5710, 100], "area": [571, 10]})
PLAN["number_prefixes"] = PLAN["number_prefixes"].with_columns(pl.col("prefix").str.replace("^139", "135"))
NUMBERING = build_numbering(PLAN)  # of the numbers that users of a quote are given
CLOCK = operator_clock("Asia/Shanghai", int(datetime(2026, 11, 15, tzinfo=UTC).timestamp()))
CALLS, MESSAGES, DATA = ("MOC", "MTC"), ("SMS_MO", "MMS"), "DATA"
COUNTED_AS = {DATA: "up", **dict.fromkeys(MESSAGES, "units")}  # others in seconds
MEASURED = ("served_number", "start_local_s", "duration_s", "up_bytes", "down_bytes", "message_count", "info_fee_li")
ELSEWHERE = ((46000, 5710, 571), (46000, 100, 10), (45400, 0, 1_000_852))  # network, tracking area, area
REFUSALS = (Result.RATING_FAILED, Result.CREDIT_LIMIT_REACHED, Result.END_USER_SERVICE_DENIED)
Key = tuple[int, int, int]  # of a record: number of its session, which of its services, local second it begins


Place = tuple[dict[str, int], dict[str, Any]]  # as records have it: columns, and what the slow calculator reads


def column_of(record: str) -> str:
    """Where a record of files counts its use."""
    return {"units": "message_count", "up": "up_bytes"}.get(COUNTED_AS.get(record, ""), "duration_s")


def _might_be(columns: dict[str, int], others: dict[str, int]) -> bool:
    """Say whether a record could be of what was charged online: to the same party, about when it began."""
    same = all(columns[name] == others[name] for name in ("served_number", "record_type", "other_number"))
    return same and abs(columns["start_local_s"] - others["start_local_s"]) <= RINGS_S


def said(local: int) -> str:
    """A moment as a story tells it."""
    return (EPOCH + timedelta(seconds=local)).isoformat()


@dataclass
class Session:
    """One session, or event, as its network knows it."""

    number: int
    event: dict[str, Any]
    columns: dict[str, int]
    asks: int = 1
    step: int = 0
    starts: dict[int, int] = field(default_factory=dict)  # ask: start of its running record
    told_s: dict[int, int] = field(default_factory=dict)  # ask: when the engine says that other prices begin
    place: Place = field(default_factory=lambda: ({}, {}))  # where it is now, if it has moved
    sent: list[tuple[Any, ...]] = field(default_factory=list)  # request, asks, answer and quotas, the last at the end

    @property
    def is_data(self) -> bool:
        return self.event["record"] == DATA

    @property
    def is_volume(self) -> bool:
        """Whether its records are cut where other prices begin."""
        return self.event["record"] not in (*CALLS, *MESSAGES)

    @property
    def is_event(self) -> bool:
        return bool(self.sent and self.sent[0][0]["kind"] == Kind.EVENT)


@dataclass(frozen=True)
class Report:
    """What one service of a session used: before and after the change it was told of, and money the network priced."""

    used: int
    after: int = 0
    fee_li: int = 0
    is_final: bool = False


@dataclass(frozen=True)
class Sent:
    """A request on its way."""

    session: Session
    kind: Kind
    reports: dict[int, Report] = field(default_factory=dict)
    action: Action = Action.DEBIT
    want: int = 0
    where: tuple[int, int] = (0, 0)  # network and tracking area, if it says so
    is_changed: bool = False  # circumstances are others from now on

    @property
    def is_asking_once(self) -> bool:
        """Whether one service that goes on wants more."""
        is_final = any(one.is_final for one in self.reports.values())
        return self.kind == Kind.UPDATE and self.session.asks == 1 and not is_final


class Play:
    """One play of a market. `slow` is None where it has nothing to say: it knows no change of plans.

    coming   documents of which nobody knows the newest version yet, with it
    compile  gives the tables of what is published; by when the newest version of each of these offers begins
    """

    def __init__(
        self, opened: Any, market: dict[str, Any], folder: Path, *, slow: SlowDesk | None,
        coming: list[dict[str, Any]], compile: Callable[[dict[str, date]], TariffTables],
    ) -> None:  # fmt: skip
        self.market, self.parties, self.slow = market, opened.parties, slow
        self.folder, self.saves, self.position = folder, 0, 0
        self.state: EngineState = opened.state
        self.tables = self.saved_tables = opened.state.tables
        self.coming, self._compile = coming, compile
        self.begin_on: dict[str, date] = {}  # published: offer and when its newest version begins
        self.turns = Turns(RULES)
        self._now_s, self.newest_month = local_s("2026-09-01", 0), 202609
        self.sessions: list[Session] = []
        self.books: dict[Key, list[int]] = {}  # of every record: what was used, and money that the network priced
        self.places: dict[Key, Place] = {}  # of every record
        self.ended: list[Session] = []
        self.inputs: list[tuple[str, Any]] = []  # what files and commands would make of it, in order
        self.detail: list[pl.DataFrame] = []
        self.filed: list[pl.DataFrame] = []
        self.closed_months: list[int] = []
        self.story: list[str] = []
        self.purses: list[SlowPurse] = []
        self.files = count(1)
        self.barred: dict[str, int] = {}
        self._save()

    def open_wallets(self, balances_li: tuple[int, int], limits_li: tuple[int, int] = (0, 0)) -> None:
        """The first two users pay from one wallet, the others from another."""
        users = list(self.parties.ids)
        for part in zip((1, 2), (users[:2], users[2:]), balances_li, limits_li, strict=True):
            self.open_wallet(SlowPurse(*part))

    def open_wallet(self, purse: SlowPurse) -> None:
        """Users pay from a wallet of their own."""
        self.purses.append(purse)
        self.order("WALLETS", {"wallets": [self._wallet_of(purse) | {"balance_li": purse.paid_in_li}]})

    def _wallet_of(self, purse: SlowPurse) -> dict[str, Any]:
        users = [self.parties.ids[user] for user in purse.users]
        return {"account_id": purse.account_id, "limit_li": purse.limit_li, "subscriber_ids": users}

    def purse(self, user: str) -> SlowPurse:
        """The money that a user pays from."""
        return next(one for one in self.purses if user in one.users)

    def _money(self, purse: SlowPurse) -> Any:
        """The wallet that the engine has for it (desk.WALLET)."""
        return self.state.desk.wallets[self.state.accounts.get(purse.account_id)]

    @property
    def now_s(self) -> int:
        """The local second."""
        return self._now_s

    @now_s.setter
    def now_s(self, value: int) -> None:
        self._now_s = value
        while value >= month_start_s(following := next_cycle(self.newest_month)):
            self.newest_month = following
            self.inputs.append(("ORDER", (EngineState.open_cycle, following)))
            self._carry_out(EngineState.open_cycle, following)
            if self.slow:
                self.slow.open_month(following)

    def publish(self, document: dict[str, Any], days: int) -> None:
        """The newest version of an offer is published; it begins in so many days."""
        begins_at = EPOCH + timedelta(seconds=self.now_s, days=days)
        self._publish([document], {document["offer"]: begins_at.date()})

    def publish_all(self) -> None:
        """The newest versions of all offers are published; they begin when they say."""
        if self.coming:
            newest = {one["offer"]: str(one["versions"][-1]["from"]) for one in self.coming}
            self._publish(self.coming, {offer: date.fromisoformat(day) for offer, day in newest.items()})

    def _publish(self, documents: list[dict[str, Any]], begin_on: dict[str, date]) -> None:
        self.tell(f"published: versions that begin on {begin_on}")
        self.coming = [one for one in self.coming if one not in documents]
        self.begin_on |= begin_on
        dated = {one["offer"]: _dated(one, begin_on[one["offer"]]) for one in documents}
        known = [dated.get(one["offer"], one) for one in self.market["documents"]]
        self.market = {**self.market, "documents": known}
        tables = self._compile(self.begin_on)
        self.inputs.append(("ORDER", (_publish, tables)))
        self._carry_out(_publish, tables)
        self.tables = tables
        if self.slow:
            self.slow.publish(known)

    def user(self, who: int) -> str:
        return list(self.parties.ids)[who % len(self.parties.ids)]

    def tell(self, line: str) -> None:
        self.story.append(f"{said(self.now_s)}  {line}")

    # --- crashes -----------------------------------------------------------------------------------------------------

    def _save(self) -> None:
        self.saves, self.saved_tables = self.saves + 1, self.tables
        save_snapshot(self.state, self.folder / str(self.saves), self.position)
        self.journal: list[tuple[Callable[..., Any], Any]] = []

    def save(self) -> None:
        """A snapshot is taken."""
        self.tell("snapshot")
        self._save()

    def crash(self) -> None:
        """Another process takes over: from the snapshot, and what was journalled behind it."""
        self.tell("crash")
        before = self.state.digest()
        self._recover()
        assert self.state.digest() == before

    def _recover(self) -> None:
        self.state = load_snapshot(self.folder / str(self.saves))
        self.state.tables = self.saved_tables
        for carry_out, what in self.journal:
            carry_out(self.state, what)
        self.state.settle_desk()
        self.turns = Turns(RULES)

    def _keep(self, decided: Decided | None) -> None:
        if decided is None or not decided.images:
            return
        self.position += 1
        self.journal.append((_put, decided.images))
        if len(decided.closed):
            remember(self.state, decided.closed)
            self.journal.append((remember, decided.closed))
            self.detail.append(detail_of_closed([(np.full(len(decided.closed), self.position), decided.closed)]))
            kept = decided.closed[decided.closed["status"] != Status.FILTERED]  # else all of it was given back
            self.inputs += [("RECORD", key) for key in self._keys_of(kept["use"])]

    def _keys_of(self, uses: np.ndarray) -> Iterator[Key]:
        for one in uses:
            session = self.sessions[int(one["call_ref"]) - 1]
            is_asked = session.is_data and not session.is_event
            yield session.number, int(one["rating_group"]) - 1 if is_asked else 0, int(one["start_local_s"])

    # --- sessions ----------------------------------------------------------------------------------------------------

    def going(self) -> list[Session]:
        """Sessions that have not ended, or were settled in silence and can go on.

        A call that was settled at no second would have two records that begin at once: no key here tells them apart.
        """
        known = [one for one in self.sessions if one not in self.ended and not one.is_event and self._is_known(one)]
        return [one for one in known if one.starts or one.event["record"] not in CALLS or any(self._newest(one, 0)[0])]

    def _newest(self, session: Session, ask: int) -> tuple[list[int], int]:
        """The books of a service's newest record, and when it began."""
        key = max(key for key in self.books if key[:2] == (session.number, ask))
        return self.books[key], key[2]

    def _is_known(self, session: Session) -> bool:
        return int(arriving.find_session(self.state.desk, np.uint64(session.number), np.uint64(77))) >= 0

    def begin(self, event: dict[str, Any], asks: int) -> None:
        """A session begins, with one or more services, classified as the market draws it."""
        session = self._new(event, asks if event["record"] == DATA else 1)
        self._send([Sent(session, Kind.INITIAL)])
        mine = self._places(session)
        self.tell(f"session {session.number}: {session.event}, {session.asks} services, {len(mine)} granted")
        if not len(mine):
            self._refused(session)
            return
        for place in mine:  # a plan of one city cannot say it
            for name in set(session.columns) - set(MEASURED) - {"rating_group"}:
                self.state.desk.uses[name][place] = session.columns[name]
        changed = Changed(self.state.desk.services["session"][mine], mine, mine[:0], np.zeros((0, 5), np.int64),
                          np.zeros(0, CLOSED))  # fmt: skip
        self.journal.append((_put, Imager().write(self.state.desk, self.state.lanes, changed)))
        self._begin_records(session)
        session.step += 1
        self._send([Sent(session, Kind.UPDATE, dict.fromkeys(range(session.asks), Report(0)))])

    def _refused(self, session: Session) -> None:
        self.ended.append(session)
        if self.slow and session.sent[-1][2]["place"] >= 0:  # else its user was not looked at
            self.slow.ask_in_vain(session.event["user"])

    def _new(self, event: dict[str, Any], asks: int = 1) -> Session:
        event = {name: value for name, value in event.items() if name not in ("duration_s", "messages", "up_bytes")}
        event |= {"at": said(self.now_s)}
        session = Session(len(self.sessions) + 1, event, columns_of(event, self.parties, "event"), asks)
        self.sessions.append(session)
        return session

    def _begin_records(self, session: Session) -> None:
        for ask in range(session.asks):
            self._begin_record(session, ask, self.now_s)

    def _begin_record(self, session: Session, ask: int, start_s: int) -> None:
        session.starts[ask] = start_s
        key = (session.number, ask, start_s)
        self.books[key], self.places[key] = [0, 0], session.place
        if self.slow:
            self.slow.begin(key, self.event_of(key))

    def _places(self, session: Session) -> np.ndarray:
        services = self.state.desk.services
        mine = np.flatnonzero(self.state.desk.sessions["key_hi"] == session.number)
        return np.flatnonzero((services["life"] == Life.OPEN) & np.isin(services["session"], mine))

    def use(self, wanted: list[tuple[Session, list[Report], bool]], fault: str, change: int = 0) -> None:
        """Sessions report in one group what they used; those that end do so.

        change  number of a place to which those that can have moved, from 1; behind the last one only of circumstances
        """
        sent = []
        for session, reports, ends in wanted:
            is_moving = change > 0 and not ends and self._can_move(session, reports)
            self.tell(
                f"session {session.number}: {reports}{', ends' if ends else ''}{', changed' if is_moving else ''}"
            )
            session.step += 1
            is_elsewhere = is_moving and change <= len(ELSEWHERE)
            where = ELSEWHERE[change - 1][:2] if is_elsewhere else (0, 0)
            sent.append(Sent(session, Kind.TERMINATION if ends else Kind.UPDATE, self._split(session, reports),
                             where=where, is_changed=is_moving and not is_elsewhere))  # fmt: skip
        if fault == "LOST":  # the process dies before the commit: nobody was answered, all is sent again
            self.tell("... and the engine dies before it can commit that")
            before = self.state.digest()
            self._decide(*self._written(sent))
            self._recover()
            assert self.state.digest() == before
        self._send(sent, is_repeated=fault == "LOST")
        if fault == "UNHEARD":  # it dies after the commit: no answer arrived, all is sent again
            self.crash()
            for one in sent:
                self._again(one.session, 1)
        self.ended += [session for session, _, ends in wanted if ends]

    def _can_move(self, session: Session, reports: list[Report]) -> bool:
        """Say whether a change closes records that began before, and nothing else happens to them at this second."""
        if not session.is_volume or any(one.is_final for one in reports):
            return False
        starts = [session.starts.get(ask, self.now_s) for ask in range(session.asks)]
        return all(start < self.now_s != self._last_change_s(session, start) for start in starts)

    def _last_change_s(self, session: Session, start_s: int) -> int:
        """When the newest of the prices began that a record meets by now."""
        while (following := self.next_change_s(session, start_s)) <= self.now_s:
            start_s = following
        return start_s

    def _moves(self, sent: Sent) -> bool:
        """Say whether a request tells of a place that is not its records', or of other circumstances."""
        network, tracking_area = sent.where
        if network == 0:
            return sent.is_changed
        columns = {**sent.session.columns, **sent.session.place[0]}
        area = next(one[2] for one in ELSEWHERE if one[:2] == (network, tracking_area))
        return network != columns["partner"] or (area < FOREIGN_AREA and area != columns["visited_area"])

    def _split(self, session: Session, reports: list[Report]) -> dict[int, Report]:
        """Networks split what they used where they were told to; else all of it belongs to what was before."""
        found = {}
        for ask, one in enumerate(reports[: session.asks]):
            is_told = session.told_s.get(ask, self.now_s + 1) <= self.now_s
            found[ask] = one if is_told else Report(one.used + one.after, 0, one.fee_li, one.is_final)
        return found

    def event(self, event: dict[str, Any], size: int) -> None:
        """A one-time event is debited."""
        session, count_before = self._new(event), len(self.inputs)
        self._send([Sent(session, Kind.EVENT, want=size)])
        mine = self._places(session)
        result = Result(int(session.sent[-1][2]["result"]))
        self.tell(f"event {session.number}: {session.event}, {size} of it: {result.name}")
        if not len(mine):
            self._refused(session)
            return
        use = self.state.desk.uses[mine[0]]
        session.columns |= {name: int(use[name]) for name in session.columns}
        session.event = _event_of(session.event, use)
        self._begin_records(session)
        key = (session.number, 0, session.starts[0])
        self.books[key][0] = size
        self._slowly(key)
        for older in [one for one in self.sessions if one.is_event and one.starts and not len(self._places(one))]:
            if self.is_unused(settled := (older.number, 0, older.starts[0])):
                del older.starts[0]
                self._slowly(settled, ends=True)
        self._slowly_closed(count_before)

    def refund(self, session: Session, size: int) -> None:
        """Some of an event is taken back."""
        key = (session.number, 0, session.starts[0])
        self.tell(f"event {session.number}: refund of {size}")
        session.step += 1
        self._send([Sent(session, Kind.EVENT, action=Action.REFUND, want=size)])
        have = self.books[key][0]
        assert (session.sent[-1][2]["result"] == Result.SUCCESS) == (have > 0 and len(self._places(session)) > 0)
        self.books[key][0] = max(0, have - size)
        if len(self._places(session)):
            self._slowly(key)

    # --- requests ----------------------------------------------------------------------------------------------------

    def _moment(self) -> Moment:
        return Moment(datetime.fromtimestamp(self.now_s - OFFSET_S, UTC), CLOCK)

    def _decide(self, requests: Any, asks: Any) -> Decided:
        return self.turns.decide(self.state, requests, asks, numbering=NUMBERING, moment=self._moment(),
                                 position=self.position + 1)  # fmt: skip

    def _send(self, sent: list[Sent], *, is_repeated: bool = False) -> None:
        """Send requests as one group; those left for later come again with the next one."""
        requests, asks = self._written(sent)
        requests["is_repeated"] = is_repeated
        left = np.arange(len(sent))
        while len(left):
            decided = self._decide(requests[left], asks)
            taken = [sent[left[place]] for place in np.flatnonzero(decided.taken)]
            for place, one in zip(np.flatnonzero(decided.taken), taken, strict=True):
                self._heard(one, requests[left[place]], asks, decided, int(place))
            self._keep(decided)
            if len(taken) == 1 and taken[0].is_asking_once:
                self._check_grant(taken[0].session)
            left = left[~decided.taken]

    def _written(self, sent: list[Sent]) -> tuple[Any, Any]:
        requests, asks = empty_requests(len(sent))[0], empty_requests(sum(one.session.asks for one in sent))[1]
        first = 0
        for place, one in enumerate(sent):
            self._write(requests[place], asks[first : first + one.session.asks], one)
            requests["first_ask"][place], first = first, first + one.session.asks
        return requests, asks

    def _write(self, request: Any, asks: Any, sent: Sent) -> None:
        session, record = sent.session, sent.session.event["record"]
        request["key_hi"], request["key_lo"] = session.number, 77
        request["served"], request["other"] = 2 * ZEROS + session.columns["served_number"], 2 * ZEROS + 8613500000009
        request["call_ref"], request["kind"], request["number"] = session.number, sent.kind, session.step
        request["record_type"], request["asks"], request["action"] = RecordType[record], session.asks, sent.action
        request["network"], request["tracking_area"] = sent.where
        unit = COUNTED_AS.get(record, "s")
        for ask, one in enumerate(asks):
            one["rating_group"] = ask + 1 if session.is_data and sent.kind != Kind.EVENT else -1
            one["service_id"] = session.columns["service"] or -1  # a service that goes on is named again
            one["is_asking"] = sent.kind != Kind.TERMINATION
            one["is_changed"] = sent.is_changed
            one["want_octets" if record == DATA else f"want_{unit}"] = sent.want
            if report := sent.reports.get(ask):
                one[f"used_{unit}"], one[f"after_{unit}"] = report.used, report.after
                one["used_li"], one["is_final"] = report.fee_li, report.is_final
                if record == DATA:
                    one["used_up"], one["used_down"] = report.used // 2, report.used - report.used // 2

    def _heard(self, sent: Sent, request: Any, asks: Any, decided: Decided, place: int) -> None:
        session, first = sent.session, int(request["first_ask"])
        answer, quotas = decided.answers[place], decided.quotas[first : first + session.asks]
        if sent.kind in (Kind.UPDATE, Kind.TERMINATION):
            assert answer["result"] == Result.SUCCESS, answer
        moves = self._moves(sent)
        there = session.place
        if moves and sent.where[0]:
            there = _place_of(self.state.desk.uses[self._places(session)[0]])
            area = next(one[2] for one in ELSEWHERE if one[:2] == sent.where)
            assert (there[0]["partner"], there[0]["visited_area"]) == (sent.where[0], area)
        for ask, report in sent.reports.items():
            self._book(session, ask, report, ends=sent.kind == Kind.TERMINATION, there=there if moves else None)
        session.place = there
        for ask, quota in enumerate(quotas):
            if quota["change_at_s"]:
                session.told_s[ask] = int(quota["change_at_s"]) + OFFSET_S
        session.sent.append((request.copy(), asks[first : first + session.asks].copy(), answer.copy(), quotas.copy()))

    def again(self, session: Session, back: int) -> None:
        """The network sends its last request, or one before, again: nothing changes; to the last it hears the same."""
        if self._is_known(session):
            self.tell(f"session {session.number}: sends its request again, {back} from the end")
            self._again(session, back)

    def _again(self, session: Session, back: int) -> None:
        request, asks, answer, quotas = session.sent[-min(back, len(session.sent))]
        requests = np.array([request])
        requests["first_ask"], requests["is_repeated"] = 0, 1
        decided = self._decide(requests, asks)
        assert decided.images == b""
        if back == 1:
            assert (decided.answers[0]["result"], list(decided.quotas)) == (answer["result"], list(quotas))

    # --- books -------------------------------------------------------------------------------------------------------

    def event_of(self, key: Key) -> dict[str, Any]:
        """A record as the slow calculator reads it."""
        number, ask, start_s = key
        session, (used, fee_li) = self.sessions[number - 1], self.books[key]
        event = {**session.event, "at": said(start_s), **self.places[key][1]} | (
            {"info_fee": f"{fee_li / 1000:.3f}"} if fee_li else {}
        )
        if session.is_data and not session.is_event:
            event["rating_group"] = ask + 1
        if self.is_unused(key):
            event["is_unused"] = True
        return event | {column_of(event["record"]).replace("message_count", "messages"): used}

    def _book(self, session: Session, ask: int, report: Report, *, ends: bool, there: Place | None) -> None:
        """Note what was used, in a record of its own from where other prices have begun, or at another place."""
        if ask not in session.starts:
            used, start_s = self._newest(session, ask)  # the service had ended, and begins again
            is_only_begun = not session.is_volume and used == [0, 0]
            self._begin_record(session, ask, start_s if is_only_begun else self.now_s)
        key = (session.number, ask, session.starts[ask])
        self.books[key][0] += report.used
        self.books[key][1] += report.fee_li
        change_s = self._last_change_s(session, key[2])
        is_due = change_s > key[2]
        if is_due:
            session.told_s.pop(ask, None)
            key = self._cut(key, change_s)
            self.books[key][0] += report.after
        if there is not None:
            session.told_s.pop(ask, None)
            key = self._cut(key, self.now_s, there)
        self.books[key][0] += 0 if is_due else report.after
        ends = ends or (report.is_final and not self.is_unused(key))  # of what was not used nothing ends
        self._slowly(key, ends=ends or report.is_final)
        if report.is_final and not ends and self.slow:
            self.slow.begin(key, self.event_of(key))
        if ends:
            del session.starts[ask]
            session.told_s.pop(ask, None)

    def _cut(self, key: Key, at_s: int, there: Place | None = None) -> Key:
        """A record ends where other prices begin and goes on in a new one; one of nothing begins later."""
        session, new = self.sessions[key[0] - 1], (key[0], key[1], at_s)
        is_unused = self.is_unused(key)
        if not is_unused:
            self._slowly(key, ends=True)
        session.starts[key[1]] = at_s
        self.books[new], self.places[new] = [0, 0], session.place if there is None else there
        if self.slow and is_unused:
            self.slow.begin_later(key, new, self.event_of(new))
        elif self.slow:
            self.slow.begin(new, self.event_of(new))
        return new

    def _slowly(self, key: Key, *, ends: bool = False) -> None:
        """Let the slow desk hear of a record that has grown; one that ends unused leaves none."""
        if self.slow is None:
            return
        if ends and self.is_unused(key):
            self.slow.forget(key)
        else:
            self.slow.report(key, self.event_of(key), ends=ends)

    def is_unused(self, key: Key) -> bool:
        """Say whether a record says nothing; a call does, however short, but where it only goes on."""
        session = self.sessions[key[0] - 1]
        is_first = min(start for number, _, start in self.books if number == key[0]) == key[2]
        is_call = session.event["record"] in CALLS and is_first and not session.is_event
        return self.books[key] == [0, 0] and not is_call

    def next_change_s(self, session: Session, start_s: int) -> int:
        """Where a record of data or WLAN is cut: the month ends, a version or an offer begins, an offer ends."""
        far_s = 2**62
        if not session.is_volume:
            return far_s
        month = said(start_s)[:7].replace("-", "")
        found = [month_start_s(next_cycle(int(month)))]
        user = next(one for one in self.parties.users if one["user"] == session.event["user"])
        documents = {one["offer"]: one for one in self.market["documents"]}
        held = user.get("products") or []
        standard = next(code for code, one in documents.items() if one["kind"] == "STANDARD")
        for offer in [*(one["offer"] for one in held), standard]:
            found += [local_s(version["from"], 0) for version in documents[offer]["versions"]]
        found += [local_s(one.get(end), far_s) for one in held for end in ("from", "to")]
        return min((one for one in found if one > start_s), default=far_s)

    # --- time, business, files ---------------------------------------------------------------------------------------

    def order(self, kind: str, payload: dict[str, Any]) -> None:
        """Business orders something of money or of a user's state."""
        self._carry_out(_order, (kind, payload))

    def top_up(self, who: int, li: int) -> None:
        """A customer pays in."""
        self.tell(f"top-up of {self.user(who)}: {li} li")
        purse = self.purse(self.user(who))
        purse.paid_in_li += li
        self.order("TOP_UP", {"account_id": purse.account_id, "amount_li": li})

    def limit(self, who: int, li: int) -> None:
        """What a customer may spend beyond what is paid in becomes another."""
        self.tell(f"{self.user(who)} may spend {li} li more than was paid in")
        purse = self.purse(self.user(who))
        purse.limit_li = li
        self.order("WALLETS", {"wallets": [self._wallet_of(purse)]})

    def hold(self, who: int, li: int) -> None:
        """Business sets money aside, if there is enough."""
        name, purse = f"H{next(self.files)}", self.purse(self.user(who))
        reserved_li = int(self._money(purse)["reserved_li"])
        try:
            self.order("HOLD", {"account_id": purse.account_id, "amount_li": li, "hold": name})
            is_held = True
        except orders.OrderRefused:
            self.journal.pop()
            is_held = False
        self.tell(f"{li} li of {self.user(who)} are set aside: {is_held}")
        if self.slow:
            assert is_held == (li <= purse.free_li(self.slow.charged_li(purse.users), reserved_li))
        if is_held:
            purse.held_li[name] = li

    def end_hold(self, place: int, *, is_taken: bool) -> None:
        """Business takes what it set aside, or gives it back."""
        if held := [(purse, name) for purse in self.purses for name in purse.held_li]:
            purse, name = held[place % len(held)]
            self.tell(f"what was set aside as {name} is taken: {is_taken}")
            purse.take_held(name, is_taken=is_taken)
            self.order("CONFIRM" if is_taken else "RELEASE", {"hold": name})

    def change_payer(self, who: int, account_id: int) -> None:
        """Another account pays for a user from now on; what was paid stays paid by who paid it."""
        user = self.user(who)
        before, purse = self.purse(user), next(one for one in self.purses if one.account_id == account_id)
        self.tell(f"account {account_id} pays for {user}, not {before.account_id}")
        paid_li = self.slow.charged_li([user]) if self.slow else 0
        before.paid_in_li -= paid_li
        purse.paid_in_li += paid_li
        before.users.remove(user)
        purse.users.append(user)
        self.order("WALLETS", {"wallets": [self._wallet_of(purse)]})

    def bar(self, who: int, barred: int) -> None:
        """A user is stopped, or resumed."""
        self.tell(f"user {self.user(who)} is barred: {barred}")
        self.barred[self.user(who)] = barred
        self.order("STATE", {"subscriber_id": self.parties.ids[self.user(who)], "barred": barred})

    def change_plan(self, who: int, place: int, *, takes: bool) -> None:
        """A user takes an offer, or gives one up, from now on."""
        user = next(one for one in self.parties.users if one["user"] == self.user(who))
        held = [one["offer"] for one in user["products"]]
        free = [one["offer"] for one in self.market["documents"]
                if one["offer"] not in held and one["kind"] != "STANDARD"]  # fmt: skip
        if takes and free:
            user["products"] = [*user["products"], {"offer": free[place % len(free)], "from": said(self.now_s)}]
        elif not takes and held:
            product = user["products"][place % len(held)]
            if local_s(product["from"], 0) >= self.now_s or local_s(product.get("to"), 2**62) <= self.now_s:
                return
            user["products"] = [one if one is not product else {**one, "to": said(self.now_s)}
                                for one in user["products"]]  # fmt: skip
        self.tell(f"{user['user']} now holds {user['products']}")
        image = what_if.image_of(engine_rows(self.parties))
        self.inputs.append(("ORDER", (EngineState.apply_image, image)))
        self._carry_out(EngineState.apply_image, image)

    def file(self, events: list[dict[str, Any]], twin: Session | None) -> None:
        """A file comes in, with the gateway's own record of a session among them, which is not charged again."""
        rows, days = [], 10 * 86_400
        for place, event in enumerate(events, 1):
            at_s = max(self.now_s - local_s(event["at"], 0) % days, local_s("2026-09-01", 0))
            event["at"] = said(at_s)
            columns = columns_of(event, self.parties, "event")
            while any(_might_be(columns, one.columns) for one in self.sessions):
                event["at"] = said(at_s := at_s - RINGS_S)
                columns = columns_of(event, self.parties, "event")
            rows.append(dict.fromkeys(NORMALISED, 0) | columns | {"key_hi": next(self.files), "key_lo": 6 + place})
        if twin is not None:
            rows.append(dict.fromkeys(NORMALISED, 0) | twin.columns | {
                "key_hi": next(self.files), "key_lo": 4, "call_ref": twin.number})  # fmt: skip
        self.tell(f"file: {events}{f' and session {twin.number} again' if twin else ''}")
        chunk = pl.DataFrame(rows, schema=NORMALISED)
        rated = self._carry_out(_rate, chunk)
        assert len(rated.twins) == (twin is not None)
        self.filed.append(rated.detail)
        self.inputs.append(("FILE", chunk[: len(events)]))
        if self.slow:
            failed = set(rated.errors["key_hi"].to_list())
            for event, row in zip(events, rows[: len(events)], strict=True):
                if row["key_hi"] not in failed:
                    self.slow.file(event)

    def close_month(self) -> None:
        """The oldest open month is closed, if it is over."""
        cycle = next_cycle(self.closed_months[-1]) if self.closed_months else 202609
        end_s = month_start_s(next_cycle(cycle))
        if end_s > self.now_s or cycle > 202610:
            return
        self.tell(f"month {cycle} is closed")
        self.closed_months.append(cycle)
        uses, life = self.state.desk.uses, self.state.desk.services["life"]
        cut = list(self._keys_of(uses[(life == Life.OPEN) & (uses["start_local_s"] < end_s)]))
        self._keep(self.turns.cut(self.state, end_s, position=self.position + 1))
        for key in cut:
            self._cut(key, end_s)
            self.sessions[key[0] - 1].told_s.pop(key[1], None)
        if self.slow:
            self.slow.close_month(cycle)
        self.inputs.append(("ORDER", (EngineState.freeze_cycle, cycle)))
        self._carry_out(EngineState.freeze_cycle, cycle)

    def silence(self) -> None:
        """All networks fall silent: after a while their sessions are settled."""
        self.tell("silence: what is open is settled")
        self.now_s += SILENCE_S
        for key in list(filter(self.is_unused, self._open_keys())):
            del self.sessions[key[0] - 1].starts[key[1]]
            self._slowly(key, ends=True)
        count_before = len(self.inputs)
        more_waits = True
        while more_waits:
            decided, more_waits = self.turns.sweep(self.state, moment=self._moment(), position=self.position + 1)
            self._keep(decided)
        self._slowly_closed(count_before)

    def _open_keys(self) -> list[Key]:
        return [(one.number, ask, start_s) for one in self.sessions for ask, start_s in one.starts.items()]

    def _slowly_closed(self, first: int) -> None:
        """Let the slow desk end what the engine ended by itself, in the same order."""
        for _, key in self.inputs[first:]:
            del self.sessions[key[0] - 1].starts[key[1]]
            self._slowly(key, ends=True)

    def _carry_out(self, what: Callable[..., Any], about: Any) -> Any:
        self.position += 1
        self.journal.append((what, about))
        return what(self.state, about)

    # --- what came of it ---------------------------------------------------------------------------------------------

    @property
    def paid_li(self) -> int:
        """What the wallets paid by now."""
        return sum(map(self._paid_li, self.purses))

    def _paid_li(self, purse: SlowPurse) -> int:
        return purse.paid_in_li - int(self._money(purse)["balance_li"])

    def check(self) -> None:
        """Every wallet has paid what the slow desk says that its users' use costs by now, and reserves for it."""
        desk = self.state.desk
        held = desk.services[desk.services["life"] == Life.OPEN]
        for purse in self.purses:
            money = self._money(purse)
            rows = self.state.row_of[[self.parties.ids[user] for user in purse.users]]
            assert money["reserved_li"] == held["reserved_li"][np.isin(held["row"], rows)].sum()
            assert (money["limit_li"], money["held_li"]) == (purse.limit_li, sum(purse.held_li.values()))
            if self.slow:
                charged_li = self.slow.charged_li(purse.users)
                assert self._paid_li(purse) == charged_li, (self.slow.closed, self.slow.open)

    def _check_grant(self, session: Session) -> None:
        """What a service was just granted is what the slow rule says, if no other of its user holds anything."""
        user, record = session.event["user"], session.event["record"]
        desk, row = self.state.desk, self.state.row_of[self.parties.ids[user]]
        places, quota = self._places(session), session.sent[-1][3][0]
        if self.slow is None or len(places) != 1 or self.barred.get(user) or self.slow.blocks(user):
            return
        mine = (desk.services["row"] == row) & (desk.services["life"] == Life.OPEN)
        mine[places] = False
        if self.state.draws_on_pool[row] or desk.services["granted"][mine].any():
            return
        ((ask, start_s),) = session.starts.items()
        key, counted = (session.number, ask, start_s), column_of(record).replace("message_count", "messages")
        event = {name: value for name, value in self.event_of(key).items() if name != "is_unused"}

        def costs_li(more: int) -> int:
            return self.slow.more_li(key, event | {counted: event[counted] + more}) if self.slow and more else 0

        purse, reserved_li = self.purse(user), int(desk.services["reserved_li"][places[0]])
        charged_li, all_reserved_li = self.slow.charged_li(purse.users), int(self._money(purse)["reserved_li"])
        assert is_rightly_granted(
            record, int(quota["granted"]), is_last=bool(quota["is_last"]), left_li=purse.left_li(charged_li),
            free_li=purse.free_li(charged_li, all_reserved_li - reserved_li), costs_li=costs_li,
        ), (quota, purse, charged_li, all_reserved_li, reserved_li)  # fmt: skip
        assert reserved_li == max(costs_li(int(quota["granted"])), 0)
        assert (quota["result"] == Result.SUCCESS) == (quota["granted"] > 0)


def _dated(document: dict[str, Any], begins_on: date) -> dict[str, Any]:
    """A document whose newest version begins on a day."""
    *before, newest = document["versions"]
    return {**document, "versions": [*before, {**newest, "from": begins_on.isoformat()}]}


def _publish(state: EngineState, tables: TariffTables) -> None:
    state.take_tariffs(tables, "published")


def _put(state: EngineState, images: bytes) -> None:
    state.apply_images(Images(images))


def _order(state: EngineState, what: tuple[str, dict[str, Any]]) -> None:
    orders.carry_out(state, *what)


def _rate(state: EngineState, chunk: pl.DataFrame) -> Any:
    """Rate a chunk, and let wallets pay, as the owner of the engine does."""
    with Turns(RULES).set_aside(state, chunk, []):
        rated = rate_chunk(state, chunk, 1, 1)
        debit_usage(state, rated.detail, RULES)
    return rated


def _place_of(use: Any) -> Place:
    """Where a record is, as the engine classified it: a country, or an area of the operator's."""
    columns = {name: int(use[name]) for name in PLACE}
    area = columns["visited_area"]
    return columns, {
        "visited": None if area > FOREIGN_AREA else area, "partner": str(columns["partner"]),
        "visited_country": area - FOREIGN_AREA if area > FOREIGN_AREA else None,
        "roam": RoamType(columns["roam_type"]).name, "ld": LdType(columns["ld_type"]).name,
        "band_shift_s": columns["band_shift_s"],
    }  # fmt: skip


def _event_of(event: dict[str, Any], use: Any) -> dict[str, Any]:
    """An event of a market as the engine classified it, for the slow calculator."""
    own = {name: event[name] for name in ("user", "record", "at")}
    return own | {
        "number": int(use["other_number"]), "home": int(use["home_area"]), "visited": int(use["visited_area"]),
        "area": int(use["other_area"]), "ld": LdType(int(use["ld_type"])).name,
        "roam": RoamType(int(use["roam_type"])).name, "net": OtherNet(int(use["other_net"])).name,
        "rating_group": int(use["rating_group"]), "apn": "", "sp": int(use["sp_code"]),
        "service": event.get("service", ""), "partner": int(use["partner"]),
    }  # fmt: skip
