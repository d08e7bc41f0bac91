"""Stars of users: who is due to be rated, by what, and what came of it (D9.3)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from django.conf import settings
from django.db import connection, transaction

from openboss.modules.customers.atomic.subscribers import operator_day
from openboss.modules.customers.models import StarRating
from openboss.modules.customers.stop_reasons import BY_CODE
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.copying import copy_in, copy_out

DUE = {
    "subscriber_id": pl.Int64,
    "tenure_months": pl.Int64,
    "has_contract": pl.Int64,
    "has_real_name": pl.Int64,
    "stops": pl.Int64,
    "was_rated": pl.Int64,
}
RATED = (
    "subscriber_id", "star", "score", "tenure_months", "tenure_points", "spend_fen", "spend_points", "contract_points",
    "real_name_points", "stops", "stop_points",
)  # fmt: skip

_DUE = """
    WITH users AS (
        SELECT s.subscriber_id, s.customer_id, (s.opened_at AT TIME ZONE %s)::date AS opened_on
          FROM customers_subscriber s WHERE s.subscriber_id > %s AND s.life = 'ACTIVE'
           AND (s.opened_at AT TIME ZONE %s)::date <= (%s::date - make_interval(months => %s))::date
           AND NOT EXISTS (SELECT 1 FROM customers_starrating r
                            WHERE r.subscriber_id = s.subscriber_id AND r.valid_until_on > %s)
         ORDER BY 1 LIMIT %s)
    SELECT u.subscriber_id,
           (extract(year FROM age(%s::date, opened_on)) * 12 + extract(month FROM age(%s::date, opened_on)))::bigint,
           (EXISTS (SELECT 1 FROM customers_agreement a WHERE a.subscriber_id = u.subscriber_id
                     AND a.from_on <= %s AND a.to_on > %s AND a.ended_on IS NULL)
            OR EXISTS (SELECT 1 FROM customers_holding h
                        JOIN unnest(%s::bigint[], %s::int[]) AS c(offer_id, months) USING (offer_id)
                       WHERE h.subscriber_id = u.subscriber_id AND h.period @> %s::timestamptz
                         AND lower(h.period) + make_interval(months => c.months) > %s))::int,
           (p.cert_no_index IS NOT NULL)::int,
           (SELECT count(*) FROM customers_stopperiod t WHERE t.subscriber_id = u.subscriber_id
               AND t.since_at IS NULL AND t.stop_reason_id = ANY (%s::smallint[]) AND lower(t.period) > %s::timestamptz
                   - make_interval(months => %s)),
           (EXISTS (SELECT 1 FROM customers_starrating r WHERE r.subscriber_id = u.subscriber_id))::int
      FROM users u JOIN customers_customer p USING (customer_id) ORDER BY 1
"""


@dataclass(frozen=True)
class StarRatingView:
    """A user's newest rating: the star, the score and what it is made of, and until when it is valid."""

    rated_on: date
    valid_until_on: date
    star: int
    score: int
    tenure_months: int
    tenure_points: int
    spend_fen: int
    spend_points: int
    contract_points: int
    real_name_points: int
    stops: int
    stop_points: int


def due_for_rating(
    *,
    after: int,
    limit: int,
    rated_after_months: int,
    stops_of_months: int,
    stop_reasons: Collection[str],
    contracts: Mapping[int, int],
    at: datetime,
) -> pl.DataFrame:
    """The next users in service, by id, who have no rating that is valid, and what their score is made of.

    rated_after_months  who is newer is not rated
    stops_of_months     how far back stops count, and stop_reasons which
    contracts           the months of contract of offers, by offer
    Returns columns of DUE: whole months since the opening, a contract that goes on, a document, stops, and whether
    there is an earlier rating.
    """
    on, zone = operator_day(at), settings.TIME_ZONE
    reasons = [BY_CODE[reason].stop_reason_id for reason in stop_reasons]
    users = (zone, after, zone, on, rated_after_months, on, limit)
    contract = (on, on, list(contracts), list(contracts.values()), at, at)
    return copy_out(_DUE, DUE, (*users, on, on, *contract, reasons, at, stops_of_months))


@transaction.atomic
def put_ratings(rated: pl.DataFrame, *, rated_on: date, valid_until_on: date, at: datetime) -> int:
    """Keep ratings, columns of RATED in order of users, and give the users their stars; how many stars are others."""
    days = {"rated_on": pl.lit(rated_on), "valid_until_on": pl.lit(valid_until_on)}
    copy_in("customers_starrating", rated.select(RATED).with_columns(**days))
    first, last = rated["subscriber_id"][0], rated["subscriber_id"][-1]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE customers_subscriber s SET star = r.star FROM customers_starrating r"
            " WHERE r.subscriber_id = s.subscriber_id AND r.rated_on = %s AND s.star <> r.star"
            " AND s.subscriber_id BETWEEN %s AND %s",
            [rated_on, first, last],
        )
        changed = cursor.rowcount
    record_audit(
        staff_id=None,
        action="customers.rate_stars",
        object_kind="subscriber",
        object_id=first,
        at=at,
        after={"users": rated.height, "changed": changed, "last": last},
    )
    return changed


def star_rating_of(*, subscriber_id: int) -> StarRatingView | None:
    """A user's newest rating; None: was never rated."""
    row = StarRating.objects.filter(subscriber_id=subscriber_id).order_by("-rated_on").first()
    return StarRatingView(**{name: getattr(row, name) for name in StarRatingView.__dataclass_fields__}) if row else None
