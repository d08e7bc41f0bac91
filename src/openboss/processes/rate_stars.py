"""Rate users by stars: the score of their time with us, spend and conduct. Read from top to bottom.

    who     users in service for long enough who have no rating that is valid: at first everybody, then as ratings end;
            for the first time once they are billed here: who was taken over keeps the star that came along until then
    score   whole months since the opening, what was billed a month of late, a contract, a document; each stop of both
            ways for arrears or high use takes off
    keep    the points of each part, the score, the stars and until when; the star is the user's, so that the limit
            follows (D9.2): credit control reads it at its next look, the engine hears of it within the hour

A limit that a person gave to an account, by a score or otherwise, counts before that of the stars until it is taken
away. Part by part, each once: killed anywhere and started again on the same day it comes to the same. Source: D9.3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from openboss.modules.catalog.atomic import offers_at
from openboss.modules.customers import functions as customers
from openboss.modules.receivables.functions.owed import average_bills
from openboss.modules.receivables.functions.rules import rules_at
from openboss.modules.receivables.functions.stars import score_users

AT_ONCE = 200_000  # users of one transaction: bills of the last months are read once for each


@dataclass(frozen=True)
class Rated:
    """What a run did: users rated, and how many of them have other stars now."""

    users: int
    changed: int


def not_told(_users: int) -> None:
    """Where nobody follows a run."""


def run(*, at: datetime, told: Callable[[int], None] = not_told) -> Rated:
    """Rate everybody who is due at a moment. told: is told after each part how many users are rated."""
    rules = rules_at(at)
    scheme = rules.value("stars")
    versions = offers_at(rules.on)
    contracts = {one.offer_id: one.document["contract"]["cycles"] for one in versions if one.document.get("contract")}
    valid_until_on = customers.months_later(rules.on, scheme["valid_months"])
    users = changed = last = 0
    while True:
        due = customers.due_for_rating(
            after=last,
            limit=AT_ONCE,
            rated_after_months=scheme["rated_after_months"],
            stops_of_months=scheme["stops_of_months"],
            stop_reasons=scheme["stop_reasons"],
            contracts=contracts,
            at=at,
        )
        if due.is_empty():
            return Rated(users, changed)
        ids = due["subscriber_id"].to_list()
        last = ids[-1]
        spend_fen = average_bills(subscriber_ids=ids, at=at, months=scheme["spend"]["months"])
        due = due.filter((pl.col("was_rated") == 1) | pl.col("subscriber_id").is_in(list(spend_fen)))
        if due.is_empty():
            continue
        rated = score_users(due, spend_fen=spend_fen, scheme=scheme)
        changed += customers.put_ratings(rated, rated_on=rules.on, valid_until_on=valid_until_on, at=at)
        users += due.height
        told(users)
