"""Money that crosses provinces: ours collected elsewhere (异地代收), others' collected here (代收异地).

Each province sees both sides in its own books, and its report mirrors the other's. Source: ACM-07, ACM-08, D15.9.
"""

from datetime import date, datetime
from typing import Any

import polars as pl

from openboss.modules.receivables.atomic import checks
from openboss.modules.receivables.atomic.checks import Difference
from openboss.modules.receivables.atomic.hub_payments import (
    COMPENSATED,
    EMPTY,
    HubPaymentView,
    hold_hub_payment,
    note_compensated,
    put_hub_payment,
)
from openboss.modules.receivables.atomic.ledger import Act, Line
from openboss.modules.receivables.atomic.payments import PaymentView
from openboss.modules.receivables.functions.counter import money_in
from openboss.modules.receivables.functions.rules import Rules, rules_at

__all__ = [
    "COMPENSATED",
    "EMPTY",
    "HubPaymentView",
    "OwnProvince",
    "collect_for_another",
    "collected_elsewhere",
    "hold_hub_payment",
    "mirror_differences",
    "note_compensated",
    "put_hub_payment",
    "remote_collections",
]
PURPOSE = "REMOTE"


class OwnProvince(ValueError):
    """This is our own province: our users pay at our counters by the usual payment."""


def collected_elsewhere(*, collected_by: str, trans_id: str, at: datetime) -> dict[str, Any]:
    """What marks a payment as made by a user of ours in another province, which owes it to us. Raises OwnProvince.

    trans_id  the other province's number of the payment; with the province it is the serial number
    """
    _refuse_own(collected_by, at)
    named = {"serial_no": f"HUB {collected_by} {trans_id}", "reference": f"{collected_by} {trans_id}"}
    return {"means": "REMOTE", "channel": "REMOTE", **named}


def collect_for_another(
    *,
    home: str,
    number: int,
    paid_fen: int,
    means: str,
    serial_no: str,
    at: datetime,
    staff_id: int | None,
    till_id: int | None = None,
) -> PaymentView:
    """Take what a user of another province pays here; we owe it to that province.

    Raises MeansUnknown, AmountWrong, SerialNumberUsed, OwnProvince.
    """
    _refuse_own(home, at)

    def lines(rules: Rules, act: Act) -> list[Line]:  # noqa: ARG001 (the same for every move)
        return [Line(rules.chart.no_of("REMOTE_OWED"), -paid_fen)]

    return money_in(
        purpose=PURPOSE, account_id=None, paid_fen=paid_fen, means=means, lines=lines, channel="HALL",
        serial_no=serial_no, at=at, staff_id=staff_id, till_id=till_id, note=f"{home} {number}",
    )  # fmt: skip


def remote_collections(*, from_on: date, to_on: date, at: datetime) -> pl.DataFrame:
    """Both reports of a period, half-open: collected_by, home, payments, collected_fen, by both provinces.

    Rows whose home is ours are the home view (ACM-07), those collected by us the collecting view (ACM-08).
    """
    own = rules_at(at).value("own_province")
    found = checks.remote_payments(from_on=from_on, to_on=to_on)
    is_ours = pl.col("means") == "REMOTE"
    return (
        found.select(
            "payments",
            "collected_fen",
            collected_by=pl.when(is_ours).then("province").otherwise(pl.lit(own)),
            home=pl.when(is_ours).then(pl.lit(own)).otherwise("province"),
        )
        .group_by("collected_by", "home")
        .agg(pl.col("payments", "collected_fen").sum())
        .sort("collected_by", "home")
    )


def mirror_differences(ours: pl.DataFrame, theirs: pl.DataFrame) -> list[Difference]:
    """Two provinces' reports of a period, pair by pair; nothing if the sums are equal (ACM-08)."""
    pair = ["collected_by", "home"]
    both = ours.join(theirs, on=pair, how="full", coalesce=True, suffix="_theirs").fill_null(0).sort(pair)
    return [
        Difference("REMOTE", "pair", f"{collected_by}-{home}", expected, found, "ask the other province for its list")
        for collected_by, home, found, expected in both.select(*pair, "collected_fen", "collected_fen_theirs").rows()
        if expected != found
    ]


def _refuse_own(province: str, at: datetime) -> None:
    if province == rules_at(at).value("own_province"):
        raise OwnProvince(province)
