"""Stars from a score: tenure, spend, contract, real name, less stops of both ways (D9.3)."""

from collections.abc import Mapping
from typing import Any

import polars as pl

FEN = 100


def score_users(due: pl.DataFrame, *, spend_fen: Mapping[int, int], scheme: Mapping[str, Any]) -> pl.DataFrame:
    """Rate users.

    due        what scores are made of, see customers.atomic.stars.DUE
    spend_fen  what users were billed a month, on the average; who is missing spent nothing
    scheme     the parameter money.stars: points of each part, and from which score on there are how many stars
    Returns due with spend_fen, the points of each part, score and star.
    """
    spent = pl.col("subscriber_id").replace_strict(spend_fen, default=0, return_dtype=pl.Int64)
    tenure, spend = scheme["tenure"], scheme["spend"]
    parts = due.with_columns(spend_fen=spent).with_columns(
        tenure_points=(pl.col("tenure_months") * tenure["a_month"]).clip(upper_bound=tenure["most"]),
        spend_points=(pl.col("spend_fen") * spend["a_yuan"] // FEN).clip(0, spend["most"]),
        contract_points=pl.col("has_contract") * scheme["contract"],
        real_name_points=pl.col("has_real_name") * scheme["real_name"],
        stop_points=pl.col("stops") * scheme["two_way_stop"],
    )
    score = pl.sum_horizontal("tenure_points", "spend_points", "contract_points", "real_name_points", "stop_points")
    levels = sorted(scheme["levels"], key=lambda one: one["from_score"])
    reached = (
        pl.when(pl.col("score") >= one["from_score"]).then(one["star"]).otherwise(0).cast(pl.Int64) for one in levels
    )
    return parts.with_columns(score=score).with_columns(star=pl.max_horizontal(*reached))
