"""The columns that rating reads and writes, and the cycles records are posted to."""

from typing import NamedTuple

import numpy as np

from openboss.kernel.pointed import pointed


@pointed
class Usage(NamedTuple):
    """Columns of a chunk that rating reads (charging/schema.py NORMALISED)."""

    record_type: np.ndarray
    served_number: np.ndarray
    served_imsi: np.ndarray
    other_number: np.ndarray
    start_local_s: np.ndarray
    duration_s: np.ndarray
    up_bytes: np.ndarray
    down_bytes: np.ndarray
    message_count: np.ndarray
    roam_type: np.ndarray
    ld_type: np.ndarray
    other_net: np.ndarray
    free_number: np.ndarray
    band_shift_s: np.ndarray
    info_fee_li: np.ndarray
    home_area: np.ndarray
    visited_area: np.ndarray
    other_area: np.ndarray
    sp_code: np.ndarray
    service: np.ndarray
    apn: np.ndarray
    rating_group: np.ndarray
    partner: np.ndarray


@pointed
class Rated(NamedTuple):
    """Columns that rating writes (charging/schema.py RATED), one place a record."""

    row: np.ndarray  # i32: user's row in the directory, negative = not found
    status: np.ndarray
    error: np.ndarray  # i16: D4.2 code, 0 = none
    slot: np.ndarray  # i8: cycle slot it was posted to
    item: np.ndarray  # i16[n, 3]: basic, long distance, information
    units: np.ndarray  # i64[n, 2]: in units of the standard price
    std_li: np.ndarray  # i64[n, 3]
    act_li: np.ndarray  # i64[n, 3]
    rule: np.ndarray  # i32[n, 2]
    free_rule: np.ndarray  # i32[n, 2]
    free_units: np.ndarray  # i64[n, 2]
    cap_saved_li: np.ndarray
    money_li: np.ndarray  # i64: paid by free money, part of what act_li would have been
    rest: np.ndarray  # i64[n, 2]: quantity that no free resource covered
    blocked: np.ndarray  # i8: 1 = a resource or a cap allows no more: refuse online


@pointed
class Cycles(NamedTuple):
    """The cycles that rows have room for. An empty slot has start = end = 0."""

    cycle: np.ndarray  # i32[CYCLE_SLOTS]: 202610
    start_s: np.ndarray  # i64
    end_s: np.ndarray
    is_open: np.ndarray  # u8: takes records; frozen ones do not
