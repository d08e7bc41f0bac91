"""Work with money that is killed at any moment loses no fen, makes none, and posts no payment twice.

A counter, a bank's file and the bank's answer to direct debit are killed, or the database server under them; after
every kill the books are whole, and begun again with the same input all comes to what an undisturbed day comes to.
`make test` kills five times; `make soak` fifty times OPENBOSS_SOAK. Releases of months: modules/receivables.
"""

import os
import random
from pathlib import Path

import pytest

from tests.scenarios.money_under_fire import PAID_FEN, SERVER, WORKS, MoneyUnderFire
from tests.scenarios.worlds import World

SAMPLE = [("counter", "counter"), ("file", "file"), ("debit", "debit"), ("file", SERVER), ("counter", SERVER)]
SOAK_KILLS = 50 * int(os.environ.get("OPENBOSS_SOAK", "1") or 1)


def run_under_fire(world: World, strikes: list[tuple[str, str]], seed: int, *, kills: int) -> MoneyUnderFire:
    """Strike until there were enough kills; a work that is done is followed by a fresh one. Then finish them all."""
    fire, chance = MoneyUnderFire(world), random.Random(seed)
    fire.prepare()
    number = dict.fromkeys(WORKS, 0)
    for turn in range(3 * kills):
        work, victim = strikes[turn % len(strikes)]
        if not fire.strike(work, number[work], victim, chance):
            number[work] += 1
        if len(fire.kills) == kills:
            break
    for work in WORKS:
        fire.finish(work, number[work])
    begun = {work: number[work] + 1 for work in WORKS}
    expected = {"CASH": begun["counter"], "BANK": begun["file"], "DIRECT_DEBIT": 1}
    paid = fire.paid()
    assert {means: count for means, (count, _) in paid.items()} == {
        means: count * fire.accounts for means, count in expected.items()
    }
    assert all(fen == count * PAID_FEN for means, (count, fen) in paid.items() if means != "DIRECT_DEBIT")
    return fire


def test_payments_files_and_direct_debit_killed_at_work_lose_and_double_nothing(
    opened: tuple[World, list[list[Path]]],
) -> None:
    fire = run_under_fire(opened[0].copy("money_sample"), SAMPLE, seed=6, kills=len(SAMPLE))
    assert len(fire.kills) == len(SAMPLE)
    assert {SERVER, "counter", "file"} <= {victim for victim, _ in fire.kills}  # one may have ended before its kill
    fire.finish("file", 0)  # all of it again changes nothing
    assert fire.paid()["BANK"][0] == fire.accounts


@pytest.mark.soak
def test_payments_files_and_direct_debit_killed_very_often_lose_and_double_nothing(
    opened: tuple[World, list[list[Path]]], record_property
) -> None:
    strikes = [(work, victim) for work in WORKS for victim in (work, SERVER)]
    fire = run_under_fire(opened[0].copy("money_soak"), strikes, seed=50, kills=SOAK_KILLS)
    record_property("kills", len(fire.kills))
