"""Numbers: graded by a table, chosen by one at a time, moved only as D12.1 says, counted without a hole."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from openboss.modules.resources import functions as resources
from openboss.modules.resources.models import NumberResource
from openboss.modules.resources.states import NUMBER
from openboss.modules.system.functions import list_audit
from tests.modules.resources.conftest import AT, CITY, OTHER_OUTLET, OUTLET

pytestmark = pytest.mark.usefixtures("places")

FIRST, LAST = 8613900000000, 8613900009999
NUMBER_1, NUMBER_2 = FIRST + 1, FIRST + 2
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def load(**changes: Any) -> int:
    wanted = {"first": FIRST, "last": LAST, "hlr_code": "HLR1", "home_area": 27, "org_code": OUTLET}
    return resources.load_segment(**{**wanted, **changes}, at=AT, staff_id=7)  # type: ignore[arg-type]


def lock(number: int = NUMBER_1, by: str = "wang", at=AT, within=None):
    return resources.lock_number(number=number, by=by, at=at, staff_id=7, within=within)


def state(number: int = NUMBER_1) -> str:
    return resources.number_view(number=number, at=AT).state


@pytest.mark.requirement("BMR-04")
@pytest.mark.parametrize(
    ("number", "grade"),
    [
        (13900188888, "G1"),
        (13907218888, "G2"),
        (13907215678, "G4"),
        (13907211234, "G5"),  # a straight, dropped by its 4
        (13900144444, "G2"),
        (13907214444, "G3"),
        (13907210888, "G3"),
        (13907210444, "G4"),  # AAA with 4
        (13907211212, "G3"),  # ABAB
        (13907211122, "G3"),  # AABB
        (13907212345, "G4"),  # five straight, with a 4
        (13907256789, "G3"),
        (13907298765, "G3"),
        (13900112233, "G3"),  # AABBCC: its tail 2233 is AABB already
        (13900123123, "G3"),  # ABCABC
        (13907210678, "G4"),
        (13907210876, "G4"),
        (13907210655, "G5"),  # AA
        (13907210644, "G0"),  # AA with 4
        (13907210518, "G5"),
        (13907210168, "G5"),
        (13919830527, "G5"),  # 27 May 1983
        (13919831327, "G0"),  # no thirteenth month
        (13907210629, "G0"),
    ],
)
def test_a_number_is_graded_by_the_first_pattern_that_fits(number: int, grade: str) -> None:
    assert resources.grade_of(8600000000000 + number) == grade


@pytest.mark.requirement("BMR-04")
def test_a_number_of_grade_4_asks_1000_and_198_a_month() -> None:
    grade = next(one for one in resources.DEMO_GRADES if one.code == resources.grade_of(13907215678))
    assert (grade.deposit_fen, grade.minimum_fen) == (100_000, 19_800)


@given(st.integers(13_000_000_000, 19_999_999_999))
def test_every_number_has_a_grade(number: int) -> None:
    assert resources.grade_of(number) in {one.code for one in resources.DEMO_GRADES}


@pytest.mark.requirement("BMR-03")
def test_a_segment_is_ten_thousand_numbers_and_the_states_always_add_up_to_them() -> None:
    assert load() == 10_000
    assert resources.count_numbers() == {"IDLE": 10_000}
    lock()
    resources.reserve_number(number=NUMBER_2, by="wang", at=AT, staff_id=7)
    resources.set_number_state(number=FIRST, state="FROZEN", reason="x", at=AT, staff_id=7)
    counts = resources.count_numbers(org_codes=[OUTLET])
    assert counts == {"IDLE": 9_997, "LOCKED": 1, "RESERVED": 1, "FROZEN": 1}
    assert sum(counts.values()) == 10_000


def test_a_segment_that_was_loaded_is_not_loaded_again_and_a_wrong_one_not_at_all() -> None:
    load(last=FIRST + 99)
    for changes, refusal in (
        ({"first": FIRST + 50, "last": FIRST + 150}, resources.SegmentOverlaps),
        ({"first": LAST, "last": FIRST}, resources.SegmentWrong),
        ({"last": FIRST * 10}, resources.SegmentWrong),
    ):
        with pytest.raises(refusal):
            load(**changes)
    assert NumberResource.objects.count() == 100


def test_a_planned_segment_is_sold_when_the_home_register_is_ready() -> None:
    load(last=FIRST + 9, is_ready=False)
    assert resources.find_numbers(at=AT) == []
    with pytest.raises(resources.MoveForbidden):
        resources.occupy_number(number=NUMBER_1, by="x", subscriber_id=1, at=AT, staff_id=7)
    segment = list_audit(action="resources.load_segment")[0][0].object_id
    assert resources.open_segment(segment_id=int(segment), at=AT, staff_id=7) == 10
    assert len(resources.find_numbers(at=AT)) == 10


@pytest.mark.requirement("BMR-05")
def test_two_clerks_pick_one_number_and_the_second_is_told_until_the_lock_lapses() -> None:
    load(last=FIRST + 9)
    assert lock(by="wang") == AT + 30 * MINUTE
    with pytest.raises(resources.NumberChosen):
        lock(by="li", at=AT + 29 * MINUTE)
    assert NUMBER_1 not in {one.number for one in resources.find_numbers(at=AT + 29 * MINUTE)}
    assert NUMBER_1 in {one.number for one in resources.find_numbers(at=AT + 30 * MINUTE)}
    lock(by="li", at=AT + 30 * MINUTE)
    with pytest.raises(resources.NumberChosen):
        resources.reserve_number(number=NUMBER_1, by="wang", at=AT + 31 * MINUTE, staff_id=7)


@pytest.mark.django_db(transaction=True)
def test_of_two_clerks_at_the_same_moment_one_gets_the_number() -> None:
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    load(last=FIRST + 9)
    ready = Barrier(2)

    def pick(by: str) -> str:
        ready.wait()
        try:
            lock(by=by)
        except resources.NumberChosen:
            return "told"
        finally:
            connection.close()
        return "chosen"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(pick, ("wang", "li"))) == ["chosen", "told"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*0007", [7]),
        ("0007", [7]),
        ("139000000*", list(range(10)) + list(range(10, 30))),
        ("1390000000?", list(range(10))),
        ("*0?5", [5, 15, 25]),
        ("*22", [22]),
        ("x' OR 1=1", [11]),  # only digits and wildcards are read
    ],
)
def test_a_number_is_found_by_a_pattern(pattern: str, found: list[int]) -> None:
    load(last=FIRST + 29)
    assert [one.number - FIRST for one in resources.find_numbers(at=AT, pattern=pattern)] == found


def test_numbers_are_found_by_grade_and_place() -> None:
    load(last=FIRST + 29)
    best = {one.number - FIRST: one.grade for one in resources.find_numbers(at=AT, grade="G1")}
    assert best == {0: "G1"}
    assert resources.find_numbers(at=AT, org_codes=[OTHER_OUTLET]) == []
    assert resources.find_numbers(at=AT, home_area=10) == []


def test_a_number_rests_ninety_days_after_its_user_left_and_is_then_idle(users: None) -> None:
    load(last=FIRST + 9)
    resources.reserve_number(number=NUMBER_1, by="o1", at=AT, staff_id=7)
    resources.occupy_number(number=NUMBER_1, by="o1", subscriber_id=1001, at=AT, staff_id=7)
    assert resources.quarantine_number(number=NUMBER_1, at=AT, staff_id=7) == AT + 90 * DAY
    assert resources.free_numbers_due(at=AT + 90 * DAY - MINUTE) == {}
    assert resources.free_numbers_due(at=AT + 90 * DAY) == {"QUARANTINE": 1}
    assert state() == "IDLE"


def test_locks_and_reservations_that_ended_are_freed_by_the_job() -> None:
    load(last=FIRST + 9)
    lock()
    resources.reserve_number(number=NUMBER_2, by="o1", at=AT, staff_id=7)
    assert resources.free_numbers_due(at=AT + 30 * MINUTE) == {"LOCKED": 1}
    assert resources.free_numbers_due(at=AT + 7 * DAY) == {"RESERVED": 1}
    assert resources.count_numbers() == {"IDLE": 10}


def test_a_clerk_uses_numbers_of_the_own_place_only_and_a_superior_those_below() -> None:
    load(last=FIRST + 9)
    with pytest.raises(resources.NotYourStock):
        lock(within={OTHER_OUTLET})
    assert state() == "IDLE"
    assert (
        resources.move_numbers(
            first=FIRST, last=FIRST + 4, to_org=OTHER_OUTLET, at=AT, staff_id=7, within={CITY, OUTLET, OTHER_OUTLET}
        )
        == 5
    )
    lock(within={OTHER_OUTLET})
    with pytest.raises(resources.NotYourStock):
        resources.move_numbers(first=FIRST, last=LAST, to_org=OUTLET, at=AT, staff_id=7, within={OUTLET})


# --- every step of the table of states ---

MOVES = {
    "LOCKED": lambda number: lock(number, by="o1"),
    "RESERVED": lambda number: resources.reserve_number(number=number, by="o1", at=AT, staff_id=7),
    "OCCUPIED": lambda number: resources.occupy_number(number=number, by="o1", subscriber_id=1001, at=AT, staff_id=7),
    "QUARANTINE": lambda number: resources.quarantine_number(number=number, at=AT, staff_id=7),
    "IDLE": lambda number: resources.release_number(number=number, by="o1", at=AT, staff_id=7),
    "FROZEN": lambda number: resources.set_number_state(number=number, state="FROZEN", reason="", at=AT, staff_id=7),
    "PORTED_OUT": lambda number: resources.set_number_state(
        number=number, state="PORTED_OUT", reason="", at=AT, staff_id=7
    ),
}
WAYS = {
    "IDLE": [], "LOCKED": ["LOCKED"], "RESERVED": ["RESERVED"], "OCCUPIED": ["RESERVED", "OCCUPIED"],
    "QUARANTINE": ["RESERVED", "OCCUPIED", "QUARANTINE"], "PORTED_OUT": ["RESERVED", "OCCUPIED", "PORTED_OUT"],
    "FROZEN": ["FROZEN"],
}  # fmt: skip
AGAIN = {("LOCKED", "LOCKED"), ("RESERVED", "RESERVED")}  # the same chooser may begin the time anew


@pytest.mark.parametrize(("before", "after"), list(product(WAYS, MOVES)), ids=lambda name: name)
def test_a_number_moves_as_the_table_says_and_no_other_way(users: None, before: str, after: str) -> None:
    load(last=FIRST + 2)
    for step in WAYS[before]:
        MOVES[step](NUMBER_1)
    assert state() == before
    audited = list_audit()[1]
    if after in NUMBER[before] or (before, after) in AGAIN:
        MOVES[after](NUMBER_1)
        assert state() == after
        assert list_audit()[1] == audited + 1
        return
    with pytest.raises((resources.MoveForbidden, resources.NumberChosen)):
        MOVES[after](NUMBER_1)
    assert state() == before
    assert list_audit()[1] == audited


def test_a_state_without_what_belongs_to_it_is_refused_by_the_database_itself() -> None:
    load(last=FIRST + 2)
    for values in ({"state": "OCCUPIED"}, {"state": "LOCKED"}, {"state": "IDLE", "until_at": AT}):
        with pytest.raises(IntegrityError), transaction.atomic():
            NumberResource.objects.filter(number=NUMBER_1).update(**values)
    assert state() == "IDLE"
