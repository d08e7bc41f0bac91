"""What the engine's loop tells networks, and when: never before it is safe, and then at once and in order."""

import threading
from types import SimpleNamespace

import pytest

from openboss.access.jobs.charge_loop import ChargeLoop
from openboss.modules.charging.engine.online.desk import Life, empty_desk, with_places

pytestmark = pytest.mark.django_db


@pytest.fixture
def loop() -> ChargeLoop:
    """A loop whose groups up to position 5 are not safe yet."""
    desk = with_places(empty_desk(), 1, 1)
    desk.sessions["life"][0] = Life.OPEN
    state, commits = SimpleNamespace(desk=desk), SimpleNamespace(oldest=5)
    owner = SimpleNamespace(position=5, commits=commits, stirred=[], state=state)
    return ChargeLoop(owner, threading.Event())


def test_what_became_safe_is_answered_with_the_next_group_and_before_it(loop: ChargeLoop) -> None:
    answered: list[str] = []
    loop.when_safe(lambda: answered.append("first"))
    assert answered == []
    loop.owner.commits.oldest, loop.owner.position = None, 6  # told to business: committed here
    loop.when_safe(lambda: answered.append("second"))
    assert answered == ["first", "second"]


def test_a_network_has_its_answer_before_it_is_told_to_come_again(loop: ChargeLoop) -> None:
    told: list[str] = []
    for name in ("node", "doors"):
        setattr(loop, name, SimpleNamespace(tell=lambda sessions, _ends, name=name: told.append(name)))
    loop.when_safe(lambda: told.append("answer"))
    loop.owner.commits.oldest = None  # a command waits for everything before it
    loop.owner.stirred.append(0)
    loop._ask_again()
    assert told == ["answer", "node", "doors"]
