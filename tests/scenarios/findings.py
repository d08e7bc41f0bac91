"""Everything that must be the same in two worlds that were given the same usage, whatever happened to one of them."""

from __future__ import annotations

from typing import Any

import polars as pl
from deltalake import DeltaTable

from tests.scenarios.worlds import CYCLE, World, read_answer

QUESTIONS = {
    "files": "SELECT inbox, name, state, error_code, regexp_replace(cause, 'file \\d+', 'file'), records,"
    " trailer_records FROM charging_usagefile",
    "stages": "SELECT inbox, name, stage, records_in, rated, free, duplicate, error, filtered, passed"
    " FROM charging_stagecounter JOIN charging_usagefile USING (file_id)",
    "chunks": "SELECT inbox, name, c.state, c.rows, c.position IS NOT NULL"
    " FROM charging_usagechunk c JOIN charging_usagefile USING (file_id)",
    "errors": "SELECT inbox, name, seq_in_file, stage, code, e.state, record::text"
    " FROM charging_errorrecord e JOIN charging_usagefile USING (file_id)",
    "alarms": "SELECT kind, inbox, name, a.sequence, code, cleared_at IS NULL"
    " FROM charging_alarm a LEFT JOIN charging_usagefile USING (file_id)",
    "journal": "SELECT kind, count(*), max(position) FROM charging_enginejournal GROUP BY kind",
    "cycles": "SELECT cycle, state, position FROM billing_billcycle",
    "inputs": f"SELECT source, row_count, act_li, line_count, line_li FROM billing_billruninput"
    f" JOIN billing_billrun USING (run_id) WHERE cycle = {CYCLE} AND NOT cancelled",
    "bills": f"SELECT bill_id, customer_id, state, std_fen, discount_fen, total_fen FROM billing_bill"
    f" WHERE cycle = {CYCLE}",
    "items": f"SELECT * FROM billing_billitem WHERE cycle = {CYCLE}",
    "lines": f"SELECT * FROM billing_billline WHERE cycle = {CYCLE}",
    "free use": f"SELECT * FROM billing_freeuse WHERE cycle = {CYCLE}",
    "discounts": f"SELECT * FROM billing_discountchoice WHERE cycle = {CYCLE}",
}


def facts(world: World) -> dict[str, Any]:
    """Gather what must be the same; ids that the database gives out are replaced by names."""
    found: dict[str, Any] = {
        name: sorted(world.ask(question.replace("e.code", "code")), key=str) for name, question in QUESTIONS.items()
    }
    detail = rated_detail(world)
    found["rated rows"] = detail.height
    found["detail"] = detail.drop("position", "row").sort("inbox", "name", "seq_in_file").rows()
    for name, path in read_answer(world)["paths"].items():
        found[f"frozen {name}"] = pl.read_parquet(world.lake_dir / path).rows()
    found["archive"] = sorted(path.name for path in (world.data_dir / "archive").rglob("*.txt"))
    found["held"] = sorted(path.name.split("_", 1)[1] for path in (world.data_dir / "held").rglob("*.txt"))
    found["inbox"] = world.waiting_files()
    return found


def rated_detail(world: World) -> pl.DataFrame:
    """Read the rated detail with the names of its files in place of their ids."""
    files = pl.DataFrame(
        world.ask("SELECT file_id, inbox, name FROM charging_usagefile"),
        schema=["file_id", "inbox", "name"],
        orient="row",
    )
    detail = pl.from_arrow(DeltaTable(str(world.lake_dir / "usage")).to_pyarrow_table())
    assert isinstance(detail, pl.DataFrame)
    return detail.join(files, on="file_id", how="left", maintain_order="left").drop("file_id")


def doubled(world: World) -> int:
    """Count rows of rated detail that are there more than once, by place in the journal or by place in a file."""
    detail = rated_detail(world)
    places = detail.height - detail.select("position", "row").n_unique()
    origins = detail.height - detail.select("inbox", "name", "seq_in_file").n_unique()
    return max(places, origins)


def differences(found: dict[str, Any], expected: dict[str, Any]) -> dict[str, tuple[list, list]]:
    """Say what one world has and the other has not, a few cases of each kind."""
    differing = {}
    for name in expected:
        if found[name] != expected[name]:
            if not isinstance(expected[name], list):
                differing[name] = ([found[name]], [expected[name]])
                continue
            have, wanted = set(map(str, found[name])), set(map(str, expected[name]))
            differing[name] = (sorted(have - wanted)[:5], sorted(wanted - have)[:5])
    return differing
