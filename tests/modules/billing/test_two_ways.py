"""The bill run and the audit's simple calculator come to the same fen, whatever the tariffs and payers."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openboss.modules.billing.functions.discounting import discount_part
from openboss.modules.billing.functions.lines import make_lines
from openboss.modules.billing.functions.posting import shares_of
from openboss.modules.billing.functions.run_files import RunFiles
from openboss.modules.billing.functions.sample import due_of, read_part
from openboss.modules.billing.functions.tariff_of_run import RunTariff, tariff_of
from tests.modules.billing.operator import CYCLE, ITEM_ID, ITEM_TYPES, Operator, offer, rent

OWN = ["RENT", "LOCAL", "LD_DOM", "DATA_DOM", "BB_FEE"]
NO_CHARGES = pl.DataFrame(
    schema={
        "charge_id": pl.Int64,
        "source": pl.Int16,
        "subscriber_id": pl.Int64,
        "item_id": pl.Int16,
        "charge_li": pl.Int64,
    }
)
YUAN = st.integers(0, 200_000).map(lambda li: f"{li // 1000}.{li % 1000:03d}")
FEN = st.integers(0, 5_000)
STEPS = [{"from": 10, "percent": "12.5"}, {"from": 40, "percent": "50"}]
EFFECTS = st.one_of(
    st.sampled_from(["0", "7.5", "20", "33.3333", "100"]).map(lambda percent: {"percent": percent}),
    YUAN.map(lambda value: {"amount": value}),
    YUAN.map(lambda value: {"fixed": value}),
    YUAN.map(lambda value: {"cap": value}),
    st.sampled_from(["MARGINAL", "RETROACTIVE"]).map(
        lambda mode: {"tiers": {"mode": mode, "measure": "units", "steps": STEPS}}
    ),
)
CONDITIONS = st.sampled_from(
    [
        {},
        {"age_min": 60},
        {"vip_level": ["GOLD"]},
        {"items_sum": {"items": ["BB_FEE"], "scope": "CUSTOMER", "min": "30.00"}},
        {"items_sum": {"items": ["LOCAL", "LD_DOM"], "scope": "ACCOUNT", "min": "50.00"}},
        {"items_sum": {"items": ["LOCAL"], "below": "50.00"}},
        {"past_sum": {"items": ["LOCAL", "RENT"], "cycles": 2, "min": "40.00"}},
        {"past_sum": {"items": ["LOCAL"], "cycles": 1, "below": "20.00"}},
        {"certificates": ["DISABILITY", "VETERAN"]},
        {"groups": "FAMILY"},
        {"birthday_month": True},
        {"tenure_months_min": 24, "age_max": 70, "star_min": 3},
        {"holds": ["OFFER_41"]},
    ]
)
TO = ["USER", "USER", "ACCOUNT", "FAMILY", "VPMN"]
DISCOUNTS = st.fixed_dictionaries(
    {
        "phase": st.sampled_from(["P3", "P4", "P5", "P6"]),
        "items": st.lists(st.sampled_from(OWN), min_size=1, max_size=4, unique=True),
        "effect": EFFECTS,
        "when": CONDITIONS,
        "priority": st.integers(1, 3),
        "exclusion_group": st.sampled_from([None, "A", "B"]),
        "to": st.sampled_from(TO),
    }
)
PAST = {"subscriber_id": pl.Int64, "cycle": pl.Int32, "item_id": pl.Int16, "due_fen": pl.Int64}
RELATIONS = st.tuples(
    st.sampled_from(["ALL", "G2_VOICE", "RENT", "LOCAL"]),
    st.sampled_from([("FULL", 0), ("RATIO", 3333), ("LIMIT", 4_000), ("LIMIT", 1)]),
    st.integers(1, 5),
)


@st.composite
def operators(draw: st.DrawFn) -> Operator:
    """Three users of two customers with products, stops, usage, discounts and payers."""
    discounts = [
        {
            **rule,
            "rule": f"R{place}",
            "exclusion_group": rule["exclusion_group"] and rule["exclusion_group"] + rule["to"],
        }
        for place, rule in enumerate(draw(st.lists(DISCOUNTS, max_size=5)))
    ]
    minimums = [
        {"rule": f"MIN{place}", "phase": "P7", "items": ["MIN_SUPPLEMENT"], "effect": {"minimum": yuan}, "to": to}
        for place, (yuan, to) in enumerate(draw(st.lists(st.tuples(YUAN, st.sampled_from(TO)), min_size=1, max_size=2)))
    ]
    asked = {**rent(draw(YUAN), "BB_FEE"), "rule": "ASKED", "when": draw(CONDITIONS)}
    once = [{"rule": "SETUP", "item": "ONE_TIME", "fee": draw(YUAN)}]
    fees = [rent(draw(YUAN), "RENT"), {**rent(draw(YUAN), "BB_FEE"), "rule": "BB"}, asked]
    plan = offer(30, recurring=fees, one_time=once)
    operator = Operator([plan, offer(40, "ADDON", discounts=[*discounts, *minimums]), offer(41, "ADDON")])
    for subscriber_id in (1, 2, 3):
        born_on, vip = (
            draw(st.sampled_from([date(1950, 5, 5), date(1990, 5, 5)])),
            draw(st.sampled_from(["GOLD", "NONE"])),
        )
        more = {
            "certificates": draw(st.sampled_from(["", "DISABILITY", "STUDENT,VETERAN"])),
            "star": draw(st.integers(0, 5)),
        }
        more["opened_on"] = draw(st.dates(date(2023, 1, 1), date(2026, 10, 1)))
        account_id = draw(st.sampled_from([7, 7, 8]))
        operator.user(
            subscriber_id,
            customer_id=1 + subscriber_id // 3,
            account_id=account_id,
            born_on=born_on,
            vip_level=vip,
            **more,
        )
        kinds = draw(st.lists(st.sampled_from([(1, "FAMILY"), (2, "FAMILY"), (3, "VPMN")]), max_size=2, unique=True))
        operator.members += [(subscriber_id, *group) for group in kinds]
        for cycle in (202609, 202610):
            operator.past.append((subscriber_id, cycle, ITEM_ID[draw(st.sampled_from(["LOCAL", "RENT"]))], draw(FEN)))
        if draw(st.booleans()):
            operator.holds(subscriber_id, 41)
        operator.holds(
            subscriber_id,
            30,
            from_on=draw(st.dates(date(2026, 10, 20), date(2026, 11, 30))),
            to_on=draw(st.none() | st.dates(date(2026, 12, 1), date(2026, 12, 5))),
            first_month=draw(st.sampled_from(["PRORATE", "FULL", "HALF", "PAY_AS_YOU_GO"])),
        )
        operator.holds(subscriber_id, 40, to_on=draw(st.none() | st.just(date(2026, 11, 20))))
        if draw(st.booleans()):
            reason = draw(st.sampled_from(["OPERATOR", "ARREARS_2", "LOST"]))
            operator.stopped(subscriber_id, reason, draw(st.dates(date(2026, 10, 1), date(2026, 11, 29))))
        for item in ("LOCAL", "LD_DOM", "DATA_DOM"):
            operator.used(subscriber_id, item, draw(st.integers(0, 99_999)), units=draw(st.integers(0, 99)))
        for scope, (mode, value), priority in draw(st.lists(RELATIONS, max_size=3)):
            operator.pays(900, subscriber_id, mode, value, scope=scope, priority=priority)
    return operator


def billed(operator: Operator, lake: Path) -> tuple[dict[int, dict[tuple[int, int], int]], RunFiles, RunTariff]:
    """Bill the users as the bill run does, without a database: fen by user, account and item."""
    tariff = tariff_of(operator.versions, ITEM_TYPES)
    files, frames = RunFiles(CYCLE, 1), operator.inputs()
    image: Any = frames["image"]
    files.put(0, "usage", frames["totals"])
    files.put(0, "charges", NO_CHARGES)
    files.put(0, "past", pl.DataFrame(operator.past, schema=PAST, orient="row"))
    for name in ("attributes", "holdings", "stops", "relations", "members"):
        files.put(0, name, getattr(image, name))
    make_lines(files=files, part=0, tariff=tariff)
    discount_part(files=files, part=0, tariff=tariff)
    due = files.get(0, "due").sort("subscriber_id", "column")
    found: dict[int, dict[tuple[int, int], int]] = {1: {}, 2: {}, 3: {}}
    for row in shares_of(due=due, relations=image.relations, tariff=tariff).iter_rows(named=True):
        if row["due_fen"]:
            found[row["subscriber_id"]][row["account_id"], row["item_id"]] = row["due_fen"]
    return found, files, tariff


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(operator=operators())
def test_the_bill_run_and_the_simple_calculator_agree_to_the_fen(operator: Operator, lake: Path) -> None:
    found, files, tariff = billed(operator, lake)
    part = read_part(files, 0, tariff, [1, 2, 3])
    for subscriber_id in (1, 2, 3):
        expected = due_of(part, subscriber_id)
        assert found[subscriber_id] == expected
