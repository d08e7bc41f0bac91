"""Every rated record answers why: document and version, rule, units, free resources, rounding, in both languages."""

import json
from typing import Any

import pytest

from openboss.modules.charging.functions.detail import detail_list
from openboss.processes.explain_record import RecordUnknown, explain_record

from .conftest import signed_in

pytestmark = [pytest.mark.usefixtures("operator")]


def records(subscriber_id: int, cycle: int) -> list[dict[str, Any]]:
    rows, _, _ = detail_list(subscriber_id, cycle, {}, "start_at_s", 1, 500)
    return rows


def place(row: dict[str, Any]) -> dict[str, int]:
    return {name: row[name] for name in ("subscriber_id", "cycle", "position", "row")}


def test_a_record_is_explained_by_what_it_was_charged_in_the_state_in_which_it_came() -> None:
    rows = [row for user in (1, 4, 5, 12, 40, 77) for row in records(user, 202610)[::17]]
    explained = [explain_record(**place(row)) for row in rows]
    assert [place(row) for row, why in zip(rows, explained, strict=True) if not why["is_same"]] == []
    kinds = {step["step"] for why in explained for step in why["steps"]}
    assert {"price", "free", "step", "round", "sum"} <= kinds
    assert all(step["zh"] and step["en"] for why in explained for step in why["steps"])
    charged = [why for why in explained if why["charges"]]
    assert charged
    assert all(rule["version"] and rule["names"]["zh"] and rule["rule"] for why in charged for rule in why["rules"])


def test_a_call_beyond_the_free_minutes_says_who_paid_what() -> None:
    row = next(
        row for user in range(1, 100) for row in records(user, 202610) if row["free_units_1"] and row["act_basic_li"]
    )
    why = explain_record(**place(row))
    steps = {step["step"]: step for step in why["steps"]}
    assert steps["free"]["units"] == row["free_units_1"]
    assert why["free"][0]["units"] == row["free_units_1"]
    assert steps["round"]["rounded_li"] == row["act_basic_li"]
    assert steps["price"]["rule"] in {rule["rule"] for rule in why["rules"]}


def test_a_record_that_is_not_there_is_not_explained() -> None:
    with pytest.raises(RecordUnknown):
        explain_record(subscriber_id=1, cycle=202610, position=999_999, row=0)


def test_the_page_and_the_json_say_the_same() -> None:
    row = next(row for row in records(5, 202610) if row["act_li"])
    address = "/users/{subscriber_id}/why/{cycle}/{position}/{row}/".format(**place(row))
    assert address in signed_in("clerk").get("/users/5/detail/?cycle=202610&charged=1").content.decode()
    page = signed_in("clerk").get(address)
    as_json = json.loads(signed_in("clerk").get(f"{address}?json").content)
    assert as_json == json.loads(json.dumps(page.context["why"]))
    assert as_json["steps"][0]["en"] in page.content.decode().replace("&quot;", '"')
    assert signed_in("clerk").get("/users/5/why/202610/999999/0/").status_code == 404
    assert signed_in("product").get(address).status_code == 403
