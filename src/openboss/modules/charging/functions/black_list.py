"""The black list of charging: what pages, files and the engine's loop ask and tell of it. Source: CHG-32."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from openboss.modules.charging.atomic.black_list import (
    ALERT,
    EntryEnded,
    EntryKnown,
    EntryView,
    EntryWrong,
    UseView,
    end,
    enter,
    entry_by_id,
    is_imei,
    list_entries,
    note_uses,
    numbers_on_list,
)
from openboss.modules.charging.engine.online.black_list import Listed
from openboss.modules.charging.handsets import IMEI, NUMBER, imei_of

__all__ = [
    "ALERT", "IMEI", "NUMBER", "EntryEnded", "EntryKnown", "EntryView", "EntryWrong", "UseView", "end", "enter",
    "entry_by_id", "imei_of", "is_imei", "list_entries", "listed_in", "note_uses", "numbers_on_list", "tell_of_refused",
]  # fmt: skip


def tell_of_refused(refused: Sequence[Listed], *, at: datetime) -> int:
    """Note who was refused since the last look; return how many users and entries were new."""
    return note_uses(uses=Counter((one.kind, one.number, one.served_number) for one in refused), at=at, is_file=False)


def listed_in(usage: pl.DataFrame, since_s: Mapping[int, int]) -> Counter[tuple[str, int, int]]:
    """Count the records of a file with a number of the list on either side, by that number and the number served.

    usage    schema NORMALISED: it was used already, so it is rated like any other
    since_s  the numbers of the list, each with the UTC second since which it is on it
    """
    found: Counter[tuple[str, int, int]] = Counter()
    if not since_s:
        return found
    listed = pl.DataFrame({"number": list(since_s), "since_s": list(since_s.values())})
    for side in ("other_number", "served_number"):
        met = usage.select("other_number", "served_number", "start_at_s").join(
            listed, left_on=side, right_on="number", how="inner", coalesce=False
        )
        for number, served in (
            met.filter(pl.col("start_at_s") >= pl.col("since_s")).select("number", "served_number").iter_rows()
        ):
            found[NUMBER, number, served] += 1
    return found
