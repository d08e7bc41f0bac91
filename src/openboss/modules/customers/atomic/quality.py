"""How complete the data of customers are: a score for each, and by outlet (CRM-06)."""

from datetime import datetime

import polars as pl

from openboss.modules.system.copying import copy_out

ASKED = ("document", "birthday", "phone", "address", "consent")
"""What makes a record complete, each as much as the other; a unit has no birthday and is not asked for one."""

_FILLED = """
    SELECT c.customer_id, c.org_code,
           (c.cert_no_index IS NOT NULL)::int AS document,
           (c.kind = 'UNIT' OR c.born_on IS NOT NULL)::int AS birthday,
           coalesce(bool_or(k.kind = 'PHONE'), false)::int AS phone,
           coalesce(bool_or(k.kind = 'ADDRESS'), false)::int AS address,
           coalesce(bool_or(k.kind = 'CONSENT'), false)::int AS consent
      FROM customers_customer c
      LEFT JOIN customers_contact k ON k.customer_id = c.customer_id AND k.period @> %s::timestamptz
     WHERE c.merged_into_id IS NULL
     GROUP BY c.customer_id
"""
_COUNTS = dict.fromkeys(ASKED, pl.Int64)


def completeness_by_outlet(*, at: datetime) -> pl.DataFrame:
    """By outlet: org_code, customers, score (mean, per cent), and how many customers lack each of ASKED."""
    lacks = ", ".join(f"count(*) - sum({name}) AS {name}" for name in ASKED)
    return copy_out(
        f"SELECT org_code, count(*) AS customers, (100 * sum({' + '.join(ASKED)}) / (count(*) * {len(ASKED)}))::bigint"  # noqa: S608
        f" AS score, {lacks} FROM ({_FILLED}) one GROUP BY org_code ORDER BY org_code",
        {"org_code": pl.String, "customers": pl.Int64, "score": pl.Int64, **_COUNTS},
        (at,),
    )


def least_complete(*, org_code: str, at: datetime, limit: int = 500) -> pl.DataFrame:
    """The customers of an outlet whose data lack most: customer_id, score, and 1 for each of ASKED that is there."""
    return copy_out(
        f"SELECT customer_id, (100 * ({' + '.join(ASKED)}) / {len(ASKED)})::bigint AS score, {', '.join(ASKED)}"  # noqa: S608
        f" FROM ({_FILLED}) one WHERE org_code = %s ORDER BY score, customer_id LIMIT %s",
        {"customer_id": pl.Int64, "score": pl.Int64, **_COUNTS},
        (at, org_code, limit),
    )
