"""Orders of a hall whose web, worker and database are killed at any moment: none half done, none lost, none twice.

Clerks send what they heard no answer to again, as a shop's system does. Openings, plans, add-ons, new cards, losses
and payments; afterwards stock, numbers, money and the network are as the orders say. `make test` kills three times;
`make soak` twenty times OPENBOSS_SOAK.
"""

import os
import random
from pathlib import Path

import pytest

from tests.scenarios.hall_under_fire import SERVER, WEB, WORKER, HallUnderFire
from tests.scenarios.worlds import World

VICTIMS = [WEB, SERVER, WORKER]
SOAK_KILLS = 20 * int(os.environ.get("OPENBOSS_SOAK", "1") or 1)


def run_under_fire(world: World, strikes: list[str], *, rounds: int, seed: int) -> HallUnderFire:
    """Do jobs while the strikes fall, and look at everything afterwards."""
    fire = HallUnderFire(world)
    fire.open()
    try:
        jobs = fire.draw(rounds, seed)
        fire.work(jobs, strikes, random.Random(seed))
    finally:
        fire.close()
    fire.check(jobs)
    return fire


def test_orders_of_a_hall_that_is_killed_three_times_are_done_once(opened: tuple[World, list[list[Path]]]) -> None:
    fire = run_under_fire(opened[0].copy("hall_sample"), VICTIMS, rounds=3, seed=5)
    assert fire.kills == VICTIMS


@pytest.mark.soak
def test_orders_of_a_hall_that_is_killed_very_often_are_done_once(
    opened: tuple[World, list[list[Path]]], record_property
) -> None:
    strikes = [random.Random(place).choice(VICTIMS) for place in range(SOAK_KILLS)]
    fire = run_under_fire(opened[0].copy("hall_soak"), strikes, rounds=9, seed=20)
    assert len(fire.kills) == SOAK_KILLS
    record_property("kills", len(fire.kills))
    for victim in VICTIMS:
        record_property(f"killed {victim}", fire.kills.count(victim))
