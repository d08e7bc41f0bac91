"""The engine and the slow calculator get the same totals for any user's month, on the example operator's tariffs."""

# ruff: noqa: DTZ001 -- tariffs are applied to the wall clock, which has no zone

import csv
from collections import defaultdict
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import polars as pl
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from openboss.kernel.tariffs import FOREVER_S
from openboss.kernel.usage import LdType, OtherNet, RecordType, RoamType
from openboss.modules.catalog.compiler import compile_tariffs
from openboss.modules.charging.engine.rating import rate_chunk
from openboss.modules.charging.engine.state import EngineState, Image
from tests.modules.charging.engine.conftest import Item, Version, chunk, image, local_s, record
from tests.modules.charging.engine.test_rating_chunks import owner_of
from tests.reference.slow_rating import Held, Use, rate_month

EXAMPLE = Path(__file__).parents[2] / "example"
USER, COLLEAGUE, NUMBER, OTHER = 11, 12, 8613900000001, 8613900000002
VPMN_GROUP = 77
FIRST_MONTHS = ("FULL", "PRORATE", "HALF", "PAY_AS_YOU_GO")
MAINS = ("GOTONE_98", "GOTONE_LOCAL_58", "GOTONE_BUSINESS_58", "GOTONE_PREMIUM_288", "EASYOWN_HOME", "EASYOWN_STANDARD",
         "MZONE_20")  # fmt: skip
ADDONS = ("DATA_PACK_5", "DATA_PACK_30", "DATA_STEP_10", "SMS_PACK_10", "UNLIMITED_INCOMING", "VPMN_5")


@cache
def documents():
    found = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((EXAMPLE / "tariffs").glob("*.yaml"))]
    return {document["offer"]: document for document in found}


@cache
def compiled():
    """The kernel's tables, and what each rule id is called."""
    versions, names = [], {0: ""}
    for code, document in documents().items():
        for part in document["versions"]:
            rule_ids = {}
            for section in ("prices", "free", "caps"):
                for rule in part.get(section) or []:
                    rule_ids[rule["rule"]] = len(names)
                    names[len(names)] = f"{code}/{rule['rule']}"
            versions.append(Version(document["offer_id"], code, document["kind"], part["from"], part, rule_ids))
    with (EXAMPLE / "reference" / "bill_items.csv").open(encoding="utf-8") as file:
        items = [Item(int(row["item_id"]), row["code"]) for row in csv.DictReader(file)]
    return compile_tariffs(versions, items), names, {item.item_id: item.code for item in items}


moments = st.integers(0, 31 * 86_400 - 1).map(lambda second: datetime(2026, 10, 1) + timedelta(seconds=second))
durations = st.one_of(st.integers(0, 130), st.integers(0, 5_000))  # dearer calls are refused as E504
roams = st.sampled_from(["HOME", "INTRA_PROV", "INTER_PROV_OUT"])
groups = st.sampled_from(["NONE", "VPMN"])
calls = st.builds(
    Use, st.sampled_from(["MOC", "CALL_FORWARD"]), moments, durations, roam=roams,
    ld=st.sampled_from(["LOCAL", "INTRA_PROV_LD", "INTER_PROV_LD", "HMT", "INTL", "INTL_LISTED", "IP_LD"]),
    group=groups, band_shift_s=st.sampled_from([0, 0, 7200]), is_free_number=st.sampled_from([False] * 9 + [True]),
)  # fmt: skip
received = st.builds(Use, st.just("MTC"), moments, durations, roam=roams, group=groups)
messages = st.builds(
    Use, st.sampled_from(["SMS_MO", "SMS_MT", "MMS"]), moments, messages=st.integers(1, 400),
    net=st.sampled_from(["OWN_MOBILE", "CUCC"]),
)  # fmt: skip
sessions = st.builds(Use, st.just("DATA"), moments, volume_bytes=st.integers(1, 60 * 1024**2), roam=roams)
months = st.lists(st.one_of(calls, calls, received, messages, sessions), max_size=40)
starts = st.one_of(st.just(datetime(2020, 1, 1)), moments.map(lambda at: at.replace(hour=0, minute=0, second=0)))
# No two begin at the same moment: which of two equal add-ons is newer is nobody's rule.
addons = st.lists(
    st.tuples(st.sampled_from(ADDONS), starts, st.sampled_from(FIRST_MONTHS)),
    max_size=3,
    unique_by=(lambda one: one[0], lambda one: one[1]),
)


def by_engine(held, records):
    tables, names, item_codes = compiled()
    state = EngineState()
    state.tables, state.tariff_sha256 = tables, "test"
    base = image(
        {USER: {"number": NUMBER, "groups": [VPMN_GROUP]}, COLLEAGUE: {"number": OTHER, "groups": [VPMN_GROUP]}}
    )
    holdings = [
        (USER, one.document["offer_id"], FIRST_MONTHS.index(one.first_month), local_s(str(one.from_at)), FOREVER_S)
        for one in held
    ]
    schema = dict(zip(base.holdings.columns, base.holdings.dtypes, strict=True))
    state.apply_image(Image(**base._asdict() | {"holdings": pl.DataFrame(holdings, schema=schema, orient="row")}))
    state.open_cycle(202610)
    rows = [as_record(use) for use in records]
    if rows:
        result = rate_chunk(state, chunk(*rows), position=1, threads=1)
        assert (result.error, result.duplicate) == (0, 0)
    found = owner_of(state).totals(202610).filter(pl.col("subscriber_id") == USER)
    totals = defaultdict(lambda: (0, 0, 0, 0, 0, 0))
    for row in found.iter_rows(named=True):
        numbers = (row["calls"], row["seconds"], row["units"], row["free_units"], row["std_li"], row["act_li"])
        totals[item_codes[row["item_id"]], names[row["rule_id"]]] = numbers
    return dict(totals)


def as_record(use):
    return record(
        NUMBER, str(use.at), RecordType[use.record], duration_s=use.duration_s, down_bytes=use.volume_bytes,
        message_count=use.messages, roam_type=RoamType[use.roam], ld_type=LdType[use.ld], other_net=OtherNet[use.net],
        other_number=OTHER if use.group == "VPMN" else 0, free_number=int(use.is_free_number),
        band_shift_s=use.band_shift_s,
    )  # fmt: skip


def by_hand(held, records):
    totals = rate_month(documents()["STANDARD"], held, records, month=date(2026, 10, 1))
    return {
        key: (total.calls, total.seconds, total.units, total.free_units, total.std_li, total.act_li)
        for key, total in totals.items()
    }


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(MAINS), addons, months)
@example("GOTONE_LOCAL_88", [("DATA_PACK_5", datetime(2026, 10, 9), "PRORATE")], [])
def test_any_months_totals_are_the_same_to_the_li(main, more, records):
    held = [Held(documents()[main], datetime(2020, 1, 1), first_month="FULL")]
    held += [Held(documents()[code], from_at, first_month=first) for code, from_at, first in more]
    assert by_engine(held, records) == by_hand(held, records)
