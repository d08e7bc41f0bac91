"""Accounts whose credit limit the engine watches, and the money that they pay meanwhile (D9.1)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from openboss.modules.receivables.atomic.wallets import LI, send_amounts
from openboss.modules.receivables.models import CreditWatch
from openboss.modules.system.copying import copy_in, copy_out
from openboss.modules.system.statements import ask


def watched() -> pl.DataFrame:
    """Every account that is watched: account_id."""
    return copy_out("SELECT account_id FROM receivables_creditwatch ORDER BY 1", {"account_id": pl.Int64})


def watched_of(account_ids: Sequence[int]) -> list[int]:
    """Of some accounts those that are watched."""
    of_these = "SELECT account_id FROM receivables_creditwatch WHERE account_id = ANY (%s::bigint[]) ORDER BY 1"
    return [account_id for (account_id,) in ask(of_these, [list(account_ids)])]


def put_watched(*, account_ids: Sequence[int], at: datetime) -> None:
    """Note that the engine was told to watch accounts."""
    copy_in("receivables_creditwatch", pl.DataFrame({"account_id": account_ids}).with_columns(since_at=pl.lit(at)))


def end_watched(*, account_ids: Sequence[int]) -> None:
    """Note that the engine was told to watch accounts no longer."""
    CreditWatch.objects.filter(account_id__in=list(account_ids)).delete()


def tell_paid(paid_fen: Mapping[int, int], *, serial_no: str) -> None:
    """Tell the engine what watched accounts have just paid (below zero: taken back), in the caller's transaction."""
    send_amounts([(one, paid_fen[one] * LI) for one in watched_of(list(paid_fen))], serial_no=serial_no)
