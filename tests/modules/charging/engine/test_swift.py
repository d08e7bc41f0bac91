"""The usual request's compiled way comes to what the way of the rare ones does, and its images to the same state."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

import numpy as np
import pyarrow as pa
import pytest

from openboss.kernel.usage import RecordType
from openboss.modules.catalog.compiler import compile_tariffs
from openboss.modules.charging.engine.online import orders, packing
from openboss.modules.charging.engine.online.group import Rules
from openboss.modules.charging.engine.online.images import Images
from openboss.modules.charging.engine.online.requests import Kind, Result, empty_requests
from openboss.modules.charging.engine.online.turns import Moment, Turns
from openboss.modules.charging.engine.online.usual import Usual
from openboss.modules.charging.engine.state import EngineState
from openboss.modules.charging.engine.totals import balances_of, free_use_of, totals_of
from openboss.modules.charging.normalise import operator_clock
from openboss.modules.charging.numbering import build_numbering
from openboss.processes.warm_up import _numbering_frames

from .conftest import ITEMS, image, local_s, versions

NUMBERING = build_numbering(_numbering_frames())
FIRST, USERS, STEPS = 8613900000001, 24, 180
OFFERS = ([4], [1], [1, 2], [4, 2])
KINDS = (RecordType.DATA, RecordType.DATA, RecordType.MOC, RecordType.MTC, RecordType.SMS_MO, RecordType.WLAN)
MB = 1024 * 1024


def opened() -> EngineState:
    """Users of every kind: with much, little and no money, with a limit, without a wallet, two of one, one barred."""
    state = EngineState(tables=compile_tariffs(versions(), ITEMS))
    users = {user: {"number": FIRST + user, "offers": OFFERS[user % 4]} for user in range(1, USERS + 1)}
    users[5]["groups"] = users[6]["groups"] = [7]
    state.apply_image(image(users))
    for cycle in (202610, 202611):
        state.open_cycle(cycle)
    money = {user: (50_000, 900, 0, 7_000)[user % 4] for user in range(1, USERS - 3)}
    wallets = [{"account_id": 100 + user, "balance_li": li, "subscriber_ids": [user]} for user, li in money.items()]
    wallets[2]["limit_li"] = 3_000
    wallets[7]["subscriber_ids"] = [8, USERS - 3]
    orders.carry_out(state, "WALLETS", {"wallets": wallets})
    orders.carry_out(state, "STATE", {"subscriber_id": 9, "barred": 2})
    return state


class Sessions:
    """Sessions of all users with random use, silence of answers, repeats and requests that make no sense."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.open: dict[int, list[int]] = {}  # session: user, kind of record, number
        self.next = 1

    def group(self, size: int):
        """Draw a group of requests; of data some name several services, now and then one twice."""
        requests, asks = empty_requests(3 * size)
        count = 0
        for m in range(size):
            several = 3 if self.random.random() < 0.3 else 1
            for turn in range(several):
                self._draw_ask(asks[count + turn : count + turn + 1])
                asks["rating_group"][count + turn] = turn + 1 if self.random.random() < 0.95 else 2
            several = self._draw(requests[m : m + 1], asks[count : count + several])
            requests["first_ask"][m], requests["asks"][m], count = count, several, count + several
        return requests[:size], asks[:count]

    def _draw_ask(self, ask) -> None:
        ask["is_asking"], ask["is_final"] = self.random.random() < 0.9, self.random.random() < 0.03
        ask["want_octets"] = int(self.random.integers(0, 3)) * 700_000

    def _draw(self, request, asks) -> int:
        random = self.random
        if not self.open or random.random() < 0.35:
            session, self.next = self.next, self.next + 1
            user, kind = int(random.integers(1, USERS + 1)), int(random.choice(KINDS))
            self.open[session] = [user, kind, 0]
            request["kind"] = Kind.INITIAL
        else:
            session = int(random.choice(list(self.open)))
            self.open[session][2] += 0 if random.random() < 0.05 else 1  # the same number: a repeat
            request["kind"] = Kind.TERMINATION if random.random() < 0.3 else Kind.UPDATE
            for ask in (asks[i] for i in np.flatnonzero(random.random(len(asks)) < 0.6)):
                ask["used_s"] = ask["used_units"] = int(random.integers(0, 90))
                ask["used_down"] = int(random.integers(0, 12 * MB))
                ask["after_down"] = int(random.integers(0, MB)) if random.random() < 0.1 else 0
        user, kind, number = self.open[session]
        if request["kind"] == Kind.TERMINATION and random.random() < 0.9:
            del self.open[session]
        request["key_hi"], request["key_lo"] = session, session * 7919
        request["served"], request["other"] = 2 * 10**18 + FIRST + user, 13900000001
        request["record_type"], request["number"] = kind, number
        if kind != RecordType.DATA:
            asks["rating_group"] = 1
        return len(asks) if kind == RecordType.DATA else 1


def played(turns: Turns, state: EngineState, requests, asks, moment: Moment, position: int):
    """Decide all of a group, those that wait too; give answers, quotas, closed records, news, images, groups needed."""
    left, answers, quotas, groups = np.arange(len(requests)), None, None, []
    while len(left):
        one = turns.decide(state, requests[left], asks, numbering=NUMBERING, moment=moment, position=position)
        answers = np.zeros(len(requests), one.answers.dtype) if answers is None else answers
        quotas = np.zeros(len(asks), one.quotas.dtype) if quotas is None else quotas
        for place, answer in zip(left[one.taken], one.answers[one.taken], strict=True):
            own = slice(requests["first_ask"][place], requests["first_ask"][place] + requests["asks"][place])
            answers[place], quotas[own] = answer, one.quotas[own]
        groups.append(one)
        left = left[~one.taken]
    closed = sorted(bytes(record) for one in groups for record in one.closed)
    news = sorted(told for one in groups for told in one.news)
    return answers, quotas, closed, news, [one.images for one in groups if one.images]


def known(state: EngineState) -> list:
    """What a state says, whatever places it keeps it in."""
    wallets, used = balances_of(state)
    sums = [frame(state, cycle) for cycle in (202610, 202611) for frame in (totals_of, free_use_of)]
    open_ones = state.desk.services[np.isin(state.desk.services["life"], (1, 4))]
    return [frame.sort(frame.columns) for frame in (wallets, used, *sums)], np.sort(open_ones[["row", "act_li"]])


@pytest.mark.parametrize("seed", [1, 2, 7, 22])
def test_both_ways_answer_alike_and_leave_the_same_money_use_and_records(seed: int) -> None:
    swift, rare, replayed = opened(), opened(), opened()
    turns, slow = Turns(Rules()), Turns(Rules())
    slow._usual = Usual(Rules(), slow._server, most_services=0)
    sessions, at, closed = Sessions(seed), local_s("2026-10-31 21:00:00") - 28_800, 0
    for position in range(1, STEPS):
        requests, asks = sessions.group(int(sessions.random.integers(1, 9)))
        at += int(sessions.random.integers(0, 120))
        moment = Moment(datetime.fromtimestamp(0, UTC) + timedelta(seconds=at), operator_clock("Asia/Shanghai", at))
        one, other = (
            played(way, state, requests, asks.copy(), moment, position) for way, state in ((turns, swift), (slow, rare))
        )
        one[0]["place"] = other[0]["place"] = 0  # a session may find another empty place
        assert (one[0] == other[0]).all()
        assert (one[1] == other[1]).all()
        assert one[2:4] == other[2:4]
        for images in one[4]:
            replayed.apply_images(Images(images))
        closed += len(one[2])
    assert closed > STEPS / 10
    frames, services = known(swift)
    rare_frames, rare_services = known(rare)
    assert all(one.equals(other) for one, other in zip(frames, rare_frames, strict=True))
    assert (services == rare_services).all()
    replayed.settle_desk()
    assert replayed.digest() == swift.digest()


def data_of(users: list[int], kind: Kind, number: int, used_down: int = 0, services: tuple[int, ...] = (1,)):
    """A request of data of each of some users, all with as many services; sessions are numbered as their users."""
    requests, asks = empty_requests(len(users) * len(services))
    requests = requests[: len(users)]
    requests["key_hi"] = requests["key_lo"] = users
    requests["served"], requests["record_type"] = [2 * 10**18 + FIRST + user for user in users], RecordType.DATA
    requests["kind"], requests["number"], requests["asks"] = kind, number, len(services)
    requests["first_ask"] = np.arange(len(users)) * len(services)
    asks["rating_group"], asks["used_down"] = np.tile(services, len(users)), used_down
    asks["is_asking"], asks["is_final"] = kind != Kind.TERMINATION, kind == Kind.TERMINATION
    return requests, asks


def at_noon() -> Moment:
    at = local_s("2026-10-20 12:00:00") - 28_800
    return Moment(datetime.fromtimestamp(at, UTC), operator_clock("Asia/Shanghai", at))


def test_users_of_one_wallet_are_served_in_one_group_in_the_order_of_their_requests() -> None:
    """A family's or a company's wallet keeps nobody waiting: one commit, and money for the first who asked."""
    state, turns, users = opened(), Turns(Rules()), [4, 8, 12, 16, 20]
    orders.carry_out(state, "WALLETS", {"wallets": [{"account_id": 900, "balance_li": 5_900, "subscriber_ids": users}]})
    wallet = state.desk.wallets[state.accounts.get(900)]
    requests, asks = data_of(users, Kind.INITIAL, 0)
    decided = turns.decide(state, requests, asks, numbering=NUMBERING, moment=at_noon(), position=1)
    assert decided.taken.all()
    granted = decided.quotas["granted"].tolist()
    assert granted == [10 * MB, 10 * MB, 354 * 1024, 1024, 1024]  # 2.900 each, 0.100, and what rounds to nothing
    assert decided.quotas["is_last"].tolist() == [0, 0, 1, 1, 1]
    assert wallet["reserved_li"] == wallet["balance_li"] == 5_900
    ended, asks = data_of(users[:2], Kind.TERMINATION, 1, used_down=MB)
    decided = turns.decide(state, ended, asks, numbering=NUMBERING, moment=at_noon(), position=2)
    assert decided.taken.all() and len(decided.closed) == 2
    wallet = state.desk.wallets[state.accounts.get(900)]
    assert wallet["balance_li"] == 5_900 - decided.closed["act_li"].sum()


def test_a_service_named_twice_in_a_request_is_carried_out_once_with_all_its_use() -> None:
    state, turns = opened(), Turns(Rules())
    for kind, number, used in ((Kind.INITIAL, 0, 0), (Kind.UPDATE, 1, MB), (Kind.TERMINATION, 2, 2 * MB)):
        requests, asks = data_of([4], kind, number, used, services=(1, 1))
        decided = turns.decide(state, requests, asks, numbering=NUMBERING, moment=at_noon(), position=1 + number)
        assert decided.answers["result"].tolist() == [Result.SUCCESS]
        assert (decided.quotas["granted"] > 0).tolist() == [kind != Kind.TERMINATION, False]
    assert decided.closed["use"]["down_bytes"].tolist() == [6 * MB]


def test_before_the_first_request_all_compiled_code_of_its_way_was_called_and_nothing_has_changed(monkeypatch) -> None:
    """What is read in at a request keeps its network, and everybody behind it, waiting."""
    steps = {
        "closed": ("_use", "_rated"), "growing": ("_look_before", "_note_after", "_undo", "_rate_records"),
        "images": ("_write_directly",), "usual": ("_serve",),
        "openings": ("_find_moved", "_fill", "_normalise_directly", "_take_over_directly"),
    }  # fmt: skip
    called = set()

    def noted(name, step):
        return lambda *given: (called.add(name), step(*given))[1]

    state, turns = opened(), Turns(Rules())
    for file, names in steps.items():
        module = import_module(f"openboss.modules.charging.engine.online.{file}")
        for name in names:
            monkeypatch.setattr(module, name, noted(name, getattr(module, name)))
    before = opened().digest()
    decided = turns.warm(state, at_noon(), NUMBERING)
    assert called == {name for names in steps.values() for name in names}
    assert (len(decided.taken), len(decided.closed), decided.news) == (0, 0, [])
    assert state.digest() == before
    turns.decide(state, *data_of([4], Kind.INITIAL, 0), numbering=NUMBERING, moment=at_noon(), position=1)


def test_a_group_journalled_with_its_rows_whole_and_packed_by_zstd_is_read() -> None:
    """As journals were written before rows were kept as differences: an engine may start from them."""
    written, replayed = opened(), opened()
    decided = Turns(Rules()).decide(
        written, *data_of([4, 5, 7], Kind.INITIAL, 0), numbering=NUMBERING, moment=at_noon(), position=1
    )
    read = Images(decided.images)
    words = read._payload.view(np.uint64)  # as they are read: rows whole
    out = np.zeros(packing.WORD + packing.WORST * len(words), np.uint8)
    size = packing.squeeze(words, out)
    old = size.to_bytes(packing.WORD, "little") + pa.Codec("zstd").compress(out[:size], asbytes=True)
    replayed.apply_images(Images(old))
    replayed.settle_desk()
    assert len(read.sessions) == 3 and replayed.digest() == written.digest()


def test_words_are_packed_and_come_back() -> None:
    random = np.random.default_rng(4)
    for count in (0, 1, 7, 8, 9, 1000):
        words = random.integers(0, 2**63, count, np.uint64) >> random.integers(0, 64, count).astype(np.uint64)
        words[random.random(count) < 0.5] = 0
        words[:1] = 2**64 - 1
        out = np.zeros(packing.WORD + packing.WORST * count + 8, np.uint8)
        packed = out[: packing.squeeze(words, out)].copy()
        back = np.zeros(packing.words_packed(packed), np.uint64)
        packing.unsqueeze(packed, back)
        assert (back == words).all()
        assert len(packed) <= packing.WORD + packing.WORST * count
