"""The main job whole: from nothing to released, explained bills, through the command line.

`example/golden/demo_USERS.csv` holds what every account of the demo must pay: 200 users always, the default 2,000 in
`make soak`. When a rule is changed on purpose, write the files anew with OPENBOSS_WRITE_GOLDEN=1 and read what
changed before committing it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_BILL_OF = "2026100000000{:03}"
_GOLDEN = Path(__file__).parents[3] / "example" / "golden"
_TOTALS = (
    'cursor.execute("SELECT cycle, account_id, total_fen FROM billing_bill ORDER BY cycle, account_id"); '
    'print("cycle,account_id,total_fen", *(",".join(map(str, row)) for row in cursor.fetchall()), sep=chr(10))'
)


def compare_with_golden(installation: Any, users: int) -> None:
    """Say that every bill of the demo is what it was known to be."""
    found = installation.python(_TOTALS) + "\n"
    path = _GOLDEN / f"demo_{users}.csv"
    if "OPENBOSS_WRITE_GOLDEN" in os.environ:
        path.write_text(found, encoding="ascii")
    assert found == path.read_text(encoding="ascii")


@pytest.mark.parametrize("options", [("--prepare-only",), ("--forget",)], ids=["make", "forget"])
def test_the_demo_touches_no_folder_that_it_did_not_make(
    new_installation: Callable[..., Any], options: tuple[str, ...]
) -> None:
    installation = new_installation()
    mine = installation.data_dir / "lake" / "mine.parquet"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"an operator's data")

    refused = installation.run("demo", *options)

    assert refused.returncode == 1
    assert "The folder holds something that no demo made; nothing was touched." in refused.stderr
    assert "Traceback" not in refused.stderr
    assert [path for path in installation.data_dir.rglob("*") if path.is_file()] == [mine]
    assert mine.read_bytes() == b"an operator's data"


@pytest.mark.soak
def test_the_default_demo_yields_the_bills_known_beforehand(new_installation: Callable[..., Any]) -> None:
    installation = new_installation()
    made = installation.run("demo", "--prepare-only")
    assert made.returncode == 0, made.stderr[-2000:]
    compare_with_golden(installation, 2000)


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
    compare_with_golden(installation, 200)
    again = installation.run("demo", "--prepare-only")
    assert (again.returncode, again.stdout) == (0, "")
