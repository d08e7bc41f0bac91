"""From normalised usage back to a record as a source would write it, for the error pool and its recycling."""

import polars as pl

from openboss.kernel.usage import RecordType
from openboss.modules.charging.canonical import FIELDS
from openboss.modules.charging.schema import NORMALISED

_SAME = {
    "duration_s": "duration_s",
    "msc_id": "msc_id",
    "up_bytes": "up_bytes",
    "down_bytes": "down_bytes",
    "message_count": "message_count",
    "call_ref": "call_ref",
    "partial_seq": "partial_seq",
    "cause_close": "cause_close",
    "sp_code": "sp_code",
    "service_code": "service",
    "rating_group": "rating_group",
    "visited_network": "partner",
    "info_fee": "info_fee_li",
    "visited_area": "visited_area",
}


def written_records(usage: pl.DataFrame) -> list[dict[str, str]]:
    """Write usage as records of named text fields (canonical.FIELDS); reading them gives the same usage again.

    usage   NORMALISED columns, others are ignored

    Lost are only the fields that no later step uses: end time, cell. Source: CHG-08.
    """
    columns = usage.select(NORMALISED.names())
    kinds = {int(kind): kind.name for kind in RecordType}
    text = columns.select(
        pl.col("record_type").replace_strict(kinds, return_dtype=pl.String).alias("record_type"),
        _party("served_number").alias("served_number"),
        _known("served_imsi").alias("served_imsi"),
        _dialled("other_number").alias("other_party"),
        _dialled("third_number").alias("third_party"),
        pl.from_epoch("start_at_s", time_unit="s").dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias("start_time"),
        _access_point().alias("apn"),
        *(_known(column).alias(field) for field, column in _SAME.items() if field != "duration_s"),
        pl.col("duration_s").cast(pl.String),
    )
    return [{name: row[name] for name in FIELDS if row.get(name)} for row in text.iter_rows(named=True)]


def _known(column: str) -> pl.Expr:
    return pl.when(pl.col(column) != 0).then(pl.col(column).cast(pl.String)).otherwise(pl.lit(""))


def _access_point() -> pl.Expr:
    """An access point by its number: the name is gone (fields.WORD reads it back)."""
    return pl.when(pl.col("apn") != 0).then(pl.lit("#") + pl.col("apn").cast(pl.String)).otherwise(pl.lit(""))


def _party(column: str) -> pl.Expr:
    """Own digits of special, short and port numbers stay bare, everything else is international."""
    digits = pl.col(column).cast(pl.String)
    bare = (digits.str.len_chars() <= 10) | digits.str.starts_with("106")
    return pl.when(pl.col(column) == 0).then(pl.lit("")).when(bare).then(digits).otherwise(pl.lit("+") + digits)


def _dialled(column: str) -> pl.Expr:
    """The far party with its 17951 prefix, if it was dialled with one (the forwarded-to number has its own)."""
    digits = pl.col(column).cast(pl.String)
    mobile = digits.str.contains(r"^861[3-9]\d{9}$")
    national = digits.str.slice(2)
    behind = (
        pl.when(mobile)
        .then(national)
        .when(digits.str.starts_with("86"))
        .then(pl.lit("0") + national)
        .otherwise(pl.lit("00") + digits)
    )
    dialled = (pl.col("ip_prefix") == 1) & (pl.col(column) != 0) & (digits.str.len_chars() > 10)
    return pl.when(dialled).then(pl.lit("17951") + behind).otherwise(_party(column))
