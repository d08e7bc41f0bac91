"""The columns of usage on its way: normalised chunk, rated detail, totals.

Fixed width and without nulls (0 = absent), so that compiled code reads them as they lie.
What each column means: docs/architecture.md section 2; codes: kernel/usage.py.
"""

import polars as pl

NORMALISED = pl.Schema(
    {
        "file_id": pl.Int64(),
        "seq_in_file": pl.Int32(),
        "record_type": pl.Int8(),
        "served_number": pl.Int64(),
        "served_imsi": pl.Int64(),
        "other_number": pl.Int64(),
        "third_number": pl.Int64(),
        "start_at_s": pl.Int64(),
        "start_local_s": pl.Int64(),
        "duration_s": pl.Int32(),
        "up_bytes": pl.Int64(),
        "down_bytes": pl.Int64(),
        "message_count": pl.Int32(),
        "roam_type": pl.Int8(),
        "ld_type": pl.Int8(),
        "other_net": pl.Int8(),
        "home_area": pl.Int32(),
        "visited_area": pl.Int32(),
        "other_area": pl.Int32(),
        "free_number": pl.Int8(),
        "ip_prefix": pl.Int8(),
        "band_shift_s": pl.Int32(),
        "info_fee_li": pl.Int64(),
        "sp_code": pl.Int32(),
        "service": pl.Int64(),
        "apn": pl.Int32(),
        "rating_group": pl.Int32(),
        "partner": pl.Int32(),
        "call_ref": pl.Int64(),
        "partial_seq": pl.Int32(),
        "cause_close": pl.Int16(),
        "msc_id": pl.Int64(),
        "key_hi": pl.UInt64(),
        "key_lo": pl.UInt64(),
    }
)

RATED = pl.Schema(
    {
        **{name: kind for name, kind in NORMALISED.items() if name not in ("key_hi", "key_lo")},
        "position": pl.Int64(),
        "row": pl.Int32(),
        "subscriber_id": pl.Int64(),
        "cycle": pl.Int32(),
        "usage_month": pl.Int32(),
        "status": pl.Int8(),
        "item_basic": pl.Int16(),
        "item_ld": pl.Int16(),
        "item_info": pl.Int16(),
        "basic_units": pl.Int32(),
        "ld_units": pl.Int32(),
        "kb_units": pl.Int64(),
        "std_basic_li": pl.Int64(),
        "act_basic_li": pl.Int64(),
        "std_ld_li": pl.Int64(),
        "act_ld_li": pl.Int64(),
        "std_info_li": pl.Int64(),
        "act_info_li": pl.Int64(),
        "rule_basic": pl.Int32(),
        "rule_ld": pl.Int32(),
        "free_rule_1": pl.Int32(),
        "free_units_1": pl.Int64(),
        "free_rule_2": pl.Int32(),
        "free_units_2": pl.Int64(),
        "cap_saved_li": pl.Int64(),
    }
)

TOTALS = pl.Schema(
    {
        "subscriber_id": pl.Int64(),
        "item_id": pl.Int16(),
        "rule_id": pl.Int32(),
        "calls": pl.Int64(),
        "seconds": pl.Int64(),
        "units": pl.Int64(),
        "free_units": pl.Int64(),
        "std_li": pl.Int64(),
        "act_li": pl.Int64(),
    }
)

FREE_USE = pl.Schema(
    {
        "subscriber_id": pl.Int64(),
        "rule_id": pl.Int32(),
        "granted": pl.Int64(),
        "used": pl.Int64(),
        "carried": pl.Int64(),
        "unit": pl.Int8(),
    }
)
