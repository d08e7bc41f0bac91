"""The main job whole: from nothing to released, explained bills, through the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

_BILL_OF = "2026100000000{:03}"


def test_the_demo_makes_two_released_months_whose_bills_can_be_explained(
    new_installation: Callable[..., Any],
) -> None:
    installation = new_installation()
    made = installation.run("demo", "--prepare-only", "--users", "200")
    assert made.returncode == 0, made.stderr[-2000:]
    for cycle in ("202609", "202610"):
        status = json.loads(installation.run("bill", cycle, "--status", "--json").stdout)
        assert (status["state"], status["unsigned"]) == ("RELEASED", 0)
    totals = {}
    for account in (1, 4, 5):
        said = installation.run("explain", _BILL_OF.format(account), "--json").stdout
        explained = json.loads(said)
        totals[account] = explained["bill"]["total_fen"]
        assert sum(reason["delta_fen"] for reason in explained["reasons"]) == explained["delta_fen"]
    assert totals[1] == 14708  # 58.00 + 5.00 + 51 x 0.60 + 160 x 0.07 + (180.39 - 30.00 - 4.61 of September) MB x 0.29
    assert totals[4] == 50000  # data worth 812.30, capped at 500.00
    assert totals[5] == 11600  # GoTone 98: 116.00
    again = installation.run("demo", "--prepare-only")
    assert (again.returncode, again.stdout) == (0, "")
