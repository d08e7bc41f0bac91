"""Groups of arrays that compiled code takes as one pointer."""

from threading import Barrier, Thread
from typing import NamedTuple

import numpy as np
import pytest
from numba import njit, typeof

from openboss.kernel.pointed import _table_at, pointed


@pointed
class Shelf(NamedTuple):
    """Two arrays and a number."""

    books: np.ndarray
    pages: np.ndarray
    floor: int


@pointed
class Cellar(NamedTuple):
    """The same arrays under other names."""

    pages: np.ndarray
    books: np.ndarray
    floor: int


def shelf(books: int = 3) -> Shelf:
    return Shelf(np.arange(books, dtype=np.int32), np.arange(books * 4, dtype=np.int64).reshape(books, 4), 7)


@njit
def summed(one: Shelf) -> int:
    total = one.floor * 1000
    for book in range(len(one.books)):
        total += one.books[book]
        for place in range(one.pages.shape[1]):
            total += one.pages[book, place]
    return total


@njit
def turn(shelves: tuple[Shelf, ...], number: int) -> None:
    row = shelves[number].pages[1]
    row[0] = -1
    shelves[number].books[0] = number


@njit
def taken(one: Shelf) -> np.ndarray:
    return one.books[1:].copy()


def test_members_are_read_as_from_a_named_tuple():
    assert summed(shelf()) == 7000 + 3 + sum(range(12)) == summed.py_func(shelf())


def test_arrays_are_changed_in_place_through_a_tuple_of_groups():
    shelves = (shelf(), shelf())
    turn(shelves, 1)
    assert shelves[0].pages[1, 0] == 4 and shelves[0].books[0] == 0
    assert shelves[1].pages[1, 0] == -1 and shelves[1].books[0] == 1


def test_a_group_with_an_array_replaced_is_another_group():
    one = shelf()
    summed(one)
    larger = one._replace(books=np.full(3, 10, np.int32), floor=0)
    assert summed(larger) == 30 + sum(range(12))
    assert summed(one) == 7000 + 3 + sum(range(12))


def test_columns_that_may_not_be_written_to_are_of_the_same_type():
    one = shelf()
    fixed = shelf()
    fixed.books.setflags(write=False)
    assert typeof(one) == typeof(fixed) != typeof(Cellar(one.pages, one.books, 7))
    assert typeof(one) != typeof(one._replace(books=one.books.astype(np.int64)))


def test_members_outlive_what_made_arrays_of_them():
    assert taken(shelf()).tolist() == [1, 2]


def test_arrays_with_gaps_are_refused():
    with pytest.raises(TypeError, match="books has gaps"):
        typeof(Shelf(np.arange(6)[::2], np.zeros((3, 4), np.int64), 0))


def test_threads_that_ask_first_at_once_get_one_table():
    for _ in range(50):
        group, start, found = shelf(), Barrier(4), []

        def ask(group=group, start=start, found=found) -> None:
            start.wait()
            found.append(_table_at(group))

        threads = [Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(found) == {_table_at(group)}
