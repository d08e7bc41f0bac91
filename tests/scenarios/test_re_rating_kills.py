"""A re-rating whose processes are killed again and again changes nothing, and then everything, once (CHG-36)."""

import json

import psycopg
import pytest

from tests.scenarios.strikes import wait_for
from tests.scenarios.test_kills import Stage
from tests.scenarios.test_kills import stage as stage
from tests.scenarios.worlds import MOMENT, World, kill

pytestmark = pytest.mark.soak
_COMMANDS = "count(*) {} FROM charging_enginecommand WHERE kind = '{}' AND state = '{}'"
WORKING_OUT = (
    _COMMANDS.format(">= 1", "LOOK", "WAITING"),
    _COMMANDS.format(">= 2", "LOOK", "DONE"),  # the first was taken up by the start after the kill
    "max(done_records) > 0 FROM charging_rerating",
)
CARRYING_OUT = (
    _COMMANDS.format(">= 1", "LOOK", "WAITING"),
    _COMMANDS.format(">= 1", "RERATE", "WAITING"),
)

_BEGIN = f"""
from datetime import date, datetime
from openboss.access.jobs.installation import open_installation
at = datetime.fromisoformat({MOMENT.isoformat()!r})
with open_installation():
    from openboss.modules.catalog import functions as catalog
    from openboss.modules.catalog.functions.corrections import correct
    from openboss.modules.system.functions import staff_by_login
    from openboss.processes import publish_tariffs, re_rate
    from openboss.processes.replay_months import text_of
    who = lambda login: staff_by_login(login=login).staff_id
"""
ASK = (
    _BEGIN
    + """
    document = catalog.document_of(202)
    document["versions"][-1]["prices"][0]["price"] = "0.11"
    correct(text_of(document), reason="kill", staff_id=who("product"), approved_by=who("product2"), at=at)
    publish_tariffs.publish(at=at)
    chosen = re_rate.Chosen(date(2026, 9, 1), date(2026, 10, 31))
    re_rate.ask(chosen=chosen, cause="kill", staff_id=who("product"), at=at)
"""
)
APPROVE = (
    _BEGIN
    + """
    for view in re_rate.list_reratings(states=("PROPOSED",)):
        re_rate.approve(rerating_id=view.rerating_id, reason="", staff_id=who("billing"), at=at)
"""
)
FACTS = (
    _BEGIN
    + """
    import json, sys
    from openboss.modules.billing.atomic import charges_of
    from openboss.modules.charging.engine.lake import Lake
    from openboss.modules.charging.engine.totals import totals_of
    from openboss.modules.charging.functions.engine import engine_lock, recover_engine
    import polars as pl
    with engine_lock():
        state = recover_engine().state
    detail = pl.read_parquet(Lake(__import__("pathlib").Path(__import__("django.conf").conf.settings.LAKE_DIR))
                             .open_usage().file_uris(), hive_partitioning=True)
    act = pl.sum_horizontal("act_basic_li", "act_ld_li", "act_info_li")
    october = totals_of(state, 202610)
    facts = {
        "rerating": [(v.state, v.users, v.changed_records, v.posted_fen) for v in re_rate.list_reratings()],
        "adjustments": charges_of(cycle=202610).select("subscriber_id", "item_id", "charge_li").sort(
            "subscriber_id", "charge_li").rows(),
        "totals": october.rows(),
        "detail": detail.group_by("cycle").agg(act.sum(), pl.len()).sort("cycle").rows(),
        "keys": detail.select("position", "row").n_unique(),
    }
    open(sys.argv[1], "w").write(json.dumps(facts, default=str))
"""
)


def facts(world: World) -> dict:
    path = world.data_dir / "facts.json"
    assert world.run(str(path), program=FACTS) == 0, world.heard()
    return json.loads(path.read_text())


def run_killed(world: World, moments: tuple[str, ...]) -> None:
    """Kill `openboss rerate run` as soon as each of these has happened; then let it come to its end."""
    for moment in moments:
        process = world.start("rerate", "run")
        with psycopg.connect(world.url(), autocommit=True) as session:
            happened = wait_for(
                lambda: bool(session.execute(f"SELECT {moment}").fetchall()[0][0]),  # noqa: B023 -- asked at once
                alive=lambda: process.poll() is None,  # noqa: B023
            )
        assert happened, (moment, world.heard())
        assert kill(process), f"it had ended before it was killed: {moment}"
    assert world.run("rerate", "run") == 0, world.heard()


def re_rated(world: World, *, fire: bool) -> None:
    for program, moments in ((ASK, WORKING_OUT), (APPROVE, CARRYING_OUT)):
        assert world.run(program=program) == 0, world.heard()
        run_killed(world, moments if fire else ())


def test_a_re_rating_under_fire_comes_to_what_an_undisturbed_one_comes_to(stage: Stage) -> None:
    calm, burnt = stage.calm.copy("rerated"), stage.calm.copy("burnt")
    before = facts(calm)
    re_rated(calm, fire=False)
    expected = facts(calm)
    assert expected["rerating"][0][0] == "APPLIED" and expected["adjustments"]
    assert expected["totals"] != before["totals"] and expected["detail"] != before["detail"]
    assert expected["keys"] == sum(rows for _, _, rows in expected["detail"])
    re_rated(burnt, fire=True)
    assert facts(burnt) == expected
