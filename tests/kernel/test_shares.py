"""Splitting a user's items over the accounts that pay."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from openboss.kernel.shares import Mode, Relations, Scope, split_to_accounts

RENT, CALLS, SMS = range(3)
GROUP_OF_ITEM = np.array([0, 1, 2], np.int64)
UNIT, PERSON_A, PERSON_B = 900, 1, 2


def relations(users: list[list[tuple[int, Scope, int, Mode, int]]]) -> Relations:
    rows = np.array([row for user in users for row in user], np.int64).reshape(-1, 5)
    first = np.cumsum([0, *map(len, users)]).astype(np.int64)
    return Relations(first, *(np.ascontiguousarray(rows[:, column]) for column in range(5)))


def split(
    items: list[tuple[int, int, int]], users: list[list[tuple[int, Scope, int, Mode, int]]]
) -> list[tuple[int, int, int, int]]:
    """(user, item, account, due fen) of every share."""
    user, item, due = (np.array(column, np.int64) for column in zip(*items, strict=True))
    shares = split_to_accounts(user, item, GROUP_OF_ITEM, due, due, relations(users))
    assert shares.std_fen.sum() == due.sum()
    return [
        (int(user[row]), int(item[row]), int(account), int(fen))
        for row, account, fen in zip(shares.row, shares.account, shares.due_fen, strict=True)
    ]


def test_half_to_the_unit_leaves_the_odd_fen_with_the_person() -> None:
    shares = split(
        [(0, CALLS, 10_001)], [[(UNIT, Scope.ALL, 0, Mode.RATIO, 500_000), (PERSON_A, Scope.ALL, 0, Mode.REST, 0)]]
    )
    assert shares == [(0, CALLS, UNIT, 5_000), (0, CALLS, PERSON_A, 5_001)]


def test_two_users_and_three_accounts() -> None:
    """The unit pays the rent and the first 100.00 of calls of each user (D1.2)."""

    def user(person: int) -> list[tuple[int, Scope, int, Mode, int]]:
        return [
            (UNIT, Scope.ITEM, RENT, Mode.FULL, 0),
            (UNIT, Scope.GROUP, 1, Mode.LIMIT, 10_000),
            (person, Scope.ALL, 0, Mode.REST, 0),
        ]

    items = [(0, RENT, 5_000), (0, CALLS, 13_000), (1, RENT, 5_000), (1, CALLS, 8_000)]
    bills: dict[int, int] = {UNIT: 0, PERSON_A: 0, PERSON_B: 0}
    for _, _, account, fen in split(items, [user(PERSON_A), user(PERSON_B)]):
        bills[account] += fen
    assert bills == {UNIT: 28_000, PERSON_A: 3_000, PERSON_B: 0}


def test_a_limit_runs_over_all_items_in_settlement_order() -> None:
    users = [[(UNIT, Scope.ALL, 0, Mode.LIMIT, 6_000), (PERSON_A, Scope.ALL, 0, Mode.REST, 0)]]
    assert split([(0, RENT, 5_000), (0, CALLS, 3_000)], users) == [
        (0, RENT, UNIT, 5_000),
        (0, CALLS, UNIT, 1_000),
        (0, CALLS, PERSON_A, 2_000),
    ]


def test_a_relation_for_one_item_goes_before_one_for_everything() -> None:
    users = [
        [
            (PERSON_A, Scope.ALL, 0, Mode.FULL, 0),
            (UNIT, Scope.ITEM, CALLS, Mode.FULL, 0),
            (PERSON_A, Scope.ALL, 0, Mode.REST, 0),
        ]
    ]
    assert split([(0, CALLS, 700)], users) == [(0, CALLS, UNIT, 700)]


def test_a_credit_goes_to_the_default_account_and_uses_no_limit() -> None:
    users = [[(UNIT, Scope.ALL, 0, Mode.LIMIT, 100), (PERSON_A, Scope.ALL, 0, Mode.REST, 0)]]
    assert split([(0, RENT, -500), (0, CALLS, 80)], users) == [(0, RENT, PERSON_A, -500), (0, CALLS, UNIT, 80)]


RELATION = st.tuples(
    st.integers(1, 5),
    st.sampled_from(list(Scope)),
    st.integers(0, 2),
    st.sampled_from([Mode.FULL, Mode.RATIO, Mode.LIMIT]),
    st.integers(0, 1_000_000),
)
USERS = st.lists(
    st.lists(RELATION, max_size=5).map(lambda rows: [*rows, (9, Scope.ALL, 0, Mode.REST, 0)]), min_size=3, max_size=3
)


@given(users=USERS, due=st.lists(st.integers(-10_000, 2_000_000), min_size=9, max_size=9))
def test_no_fen_is_lost_or_made(users: list[list[tuple[int, Scope, int, Mode, int]]], due: list[int]) -> None:
    items = [(user, item, due[3 * user + item]) for user in range(3) for item in range(3)]
    paid: dict[tuple[int, int], int] = {}
    for user, item, _, fen in split(items, users):
        paid[user, item] = paid.get((user, item), 0) + fen
    assert paid == {(user, item): fen for user, item, fen in items}
