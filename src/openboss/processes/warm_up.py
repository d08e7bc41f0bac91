"""Compile what is compiled, before it is wanted: each part of the way once, on next to nothing.

The first call of a compiled function takes seconds to tens of seconds, every later start reads it from the cache of
config/compiled_cache.py. The parts share nothing, so that several processes can each take one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl

from openboss.kernel import periods
from openboss.kernel.clearing import Buckets, OpenItems, clear
from openboss.kernel.discounts import DiscountTables, discount_users
from openboss.kernel.families import families
from openboss.kernel.late_fees import late_fees_fen
from openboss.kernel.proration import recurring_fees_li, rent_free_days
from openboss.kernel.shares import Relations, split_to_accounts
from openboss.kernel.tariffs import FOREVER_S
from openboss.kernel.tax import tax_inside_fen, tax_on_top_fen
from openboss.kernel.usage import RecordType
from openboss.modules.catalog.compiler import compile_tariffs
from openboss.modules.charging.canonical import block_of
from openboss.modules.charging.engine.online.group import Rules
from openboss.modules.charging.engine.online.images import Images
from openboss.modules.charging.engine.online.requests import Kind, empty_requests
from openboss.modules.charging.engine.online.turns import Moment, Turns
from openboss.modules.charging.engine.rating import rate_chunk
from openboss.modules.charging.engine.state import EngineState, Image, month_start_s
from openboss.modules.charging.engine.totals import free_use_of, totals_of
from openboss.modules.charging.normalise import normalise, operator_clock
from openboss.modules.charging.numbering import ZEROS, build_numbering
from openboss.modules.charging.schema import NORMALISED

_CYCLE = 202601
_NUMBER = 8613900000001
_WITH_PLUS = 2 * ZEROS  # before a number written with a plus
_PRICE = {"when": {"record": ["MOC"]}, "item": "LOCAL", "unit": "60 s", "price": "0.40"}
_FREE = {"rule": "MIN", "unit": "MIN", "granted": 1, "scope": {"record": ["MOC"]}}


@dataclass(frozen=True)
class _Version:
    """An offer as the compiler of tariffs reads it."""

    offer_id: int
    code: str
    kind: str
    document: dict[str, Any]
    rule_ids: dict[str, int]
    from_on: date = field(default=date(2020, 1, 1))


@dataclass(frozen=True)
class _Item:
    """A kind of bill item as the compiler of tariffs reads it."""

    item_id: int
    code: str


def warm_collecting() -> None:
    """Compile the reader of usage and the classification."""
    moment_s = 1_767_326_400
    call = {"record_type": "MOC", "served_number": str(_NUMBER), "start_time": "2026-01-02T10:00:00", "duration_s": 1}
    clock = operator_clock("Asia/Shanghai", moment_s)
    normalise(block_of([call]), build_numbering(_numbering_frames()), clock, now_s=moment_s, file_id=1)


def _numbering_frames() -> dict[str, pl.DataFrame]:
    """A numbering plan of one city."""
    return {
        "areas": pl.DataFrame({"area": [571], "province": ["ZJ"], "is_home": [1], "band_shift_s": [0]}),
        "number_prefixes": pl.DataFrame(
            {
                "prefix": ["139", "1390000", "571"],
                "kind": ["MOBILE_SEGMENT", "MOBILE_SEGMENT", "FIXED_AREA"],
                "area": [0, 571, 571],
                "net": ["OWN_MOBILE", "OWN_MOBILE", "FIXED"],
            }
        ),
        "countries": pl.DataFrame({"country_code": ["852"], "ld_type": ["HMT"]}),
        "special_numbers": pl.DataFrame({"number": ["110"], "free": [1]}),
        "cells": pl.DataFrame({"msc_id": ["1"], "lac": [1], "area": [571]}),
        "providers": pl.DataFrame({"sp_code": [9001], "service_code": ["A"]}),
    }


def warm_rating() -> None:
    """Compile the charging engine: base data, a month, one call, the end of the month."""
    state = _engine_of_one_user()
    call = dict.fromkeys(NORMALISED, 0)
    call |= {"record_type": 1, "served_number": _NUMBER, "start_local_s": month_start_s(_CYCLE), "duration_s": 1}
    for key in (1, 2):
        rate_chunk(state, pl.DataFrame([call | {"key_hi": key, "key_lo": 1}], schema=NORMALISED), 1, 1)
    parts = [pl.DataFrame([call | {"key_hi": key, "key_lo": 1}], schema=NORMALISED) for key in (3, 4)]
    rate_chunk(state, pl.concat(parts, rechunk=False), 1, 1)  # columns in parts become arrays that may be written to
    state.freeze_cycle(_CYCLE)
    totals_of(state, _CYCLE)
    free_use_of(state, _CYCLE)


def warm_online() -> None:
    """Compile the charging of requests of networks: a session from its beginning to its end."""
    state, turns, numbering = _engine_of_one_user(), Turns(Rules()), build_numbering(_numbering_frames())
    at = datetime(2026, 1, 2, tzinfo=UTC)
    moment = Moment(at, operator_clock("Asia/Shanghai", int(at.timestamp())))
    turns.warm(state, moment, numbering)
    for number, kind in enumerate((Kind.INITIAL, Kind.UPDATE, Kind.TERMINATION)):
        requests, asks = empty_requests(1)
        requests["key_hi"], requests["served"], requests["other"] = 1, _WITH_PLUS + _NUMBER, _WITH_PLUS + _NUMBER
        requests["kind"], requests["number"], requests["record_type"] = kind, number, RecordType.MOC
        requests["asks"], asks["is_asking"], asks["used_s"] = 1, kind != Kind.TERMINATION, number
        decided = turns.decide(state, requests, asks, numbering=numbering, moment=moment, position=number + 1)
        if decided.images:
            state.apply_images(Images(decided.images))  # as an engine does that starts again
            state.settle_desk()
    state.accounts.get(1)  # as the first order does


def _engine_of_one_user() -> EngineState:
    """An engine with an open month and a user who has a plan with free minutes."""
    rules = {"prices": [{"rule": "CALL", **_PRICE}]}
    plan = {"prices": [{"rule": "CALL", **_PRICE}], "free": [_FREE]}
    offers = [
        _Version(1, "STANDARD", "STANDARD", rules, {"CALL": 1}),
        _Version(2, "PLAN", "MAIN", plan, {"CALL": 2, "MIN": 3}),
    ]
    state = EngineState()
    state.tables = compile_tariffs(offers, [_Item(1, "LOCAL")])
    for _again in range(2):  # changes take another way than first entries
        state.apply_image(_image())
    state.open_cycle(_CYCLE)
    state.apply_image(_image())  # and another again in a month that is open
    return state


def _image() -> Image:
    span = {"from_local_s": [0], "to_local_s": [FOREVER_S]}
    return Image(
        subscribers=pl.DataFrame({"subscriber_id": [1]}),
        numbers=pl.DataFrame({"number": [_NUMBER], "subscriber_id": [1], **span}),
        imsis=pl.DataFrame({"imsi": [_NUMBER], "subscriber_id": [1], **span}),
        holdings=pl.DataFrame(
            {"subscriber_id": [1], "offer_id": [2], "first_month": [0], **span},
            schema_overrides={"first_month": pl.Int8},
        ),
        groups=pl.DataFrame(
            {"subscriber_id": [1], "group_id": [1], "kind": [2], **span}, schema_overrides={"kind": pl.Int8}
        ),
        friends=pl.DataFrame({"subscriber_id": [1], "number": [_NUMBER], **span}),
    )


def warm_billing() -> None:
    """Compile monthly fees, discounts and the split to accounts."""
    fixed = pl.Series([1]).to_numpy()  # read-only, as polars hands columns over: compiled apart from writable arrays
    zero, one = np.zeros(1, np.int64), np.ones(1, np.int64)
    first_day, days = periods.first_day(_CYCLE), periods.days_in(_CYCLE)
    recurring_fees_li(fixed, fixed, fixed, fixed, fixed, first_day, days)
    rent_free_days(pl.Series([0]).to_numpy(), np.ones(1, np.bool_), fixed, fixed, 1, first_day, days)
    rules: dict[str, Any] = dict.fromkeys(DiscountTables._fields, zero) | {"target": np.ones((1, 1), np.bool_)}
    rules |= {name: np.zeros(2, np.int64) for name in ("tier_first", "group_first", "cluster_first")}
    due_li, units = np.ones((2, 1, 1), np.int64)
    discount_users(due_li, units, np.zeros((1, 1), np.bool_), DiscountTables(**rules), 0)
    relations = Relations(np.zeros(2, np.int64), fixed, fixed, fixed, fixed, zero)
    split_to_accounts(zero, pl.Series([0]).to_numpy(), zero, zero, zero, relations)
    families(1, zero, zero)
    for due in (fixed, one):
        late_fees_fen(due, 1, due, due)
    edges = np.zeros(2, np.int64)
    clear(OpenItems(edges, zero, zero), Buckets(edges, zero, edges, zero))
    tax_inside_fen(1, 1)
    tax_on_top_fen(1, 1)


PARTS: dict[str, Callable[[], None]] = {
    "rating": warm_rating,
    "collecting": warm_collecting,
    "billing": warm_billing,
    "online": warm_online,
}
