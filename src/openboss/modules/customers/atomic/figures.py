"""The base in columns, for what higher modules count by class of customer and by group."""

from datetime import datetime

import polars as pl

from openboss.modules.system.copying import copy_out


def customer_classes() -> pl.DataFrame:
    """The class of every customer: customer_id, customer_class."""
    query = "SELECT customer_id, customer_class FROM customers_customer ORDER BY 1"
    return copy_out(query, {"customer_id": pl.Int64, "customer_class": pl.String})


def group_members(*, at: datetime) -> pl.DataFrame:
    """Who is in which closed group at a moment: group_id, name_zh, name_en, subscriber_id."""
    return copy_out(
        "SELECT group_id, name_zh, name_en, subscriber_id FROM customers_groupmember"
        " JOIN customers_closedgroup USING (group_id) WHERE period @> %s::timestamptz ORDER BY 1, 4",
        {"group_id": pl.Int64, "name_zh": pl.String, "name_en": pl.String, "subscriber_id": pl.Int64},
        (at,),
    )
