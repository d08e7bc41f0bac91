"""Which wallet pays for which month of a user, where the payer has changed (D1.3, D8.1).

A user draws on one wallet. When another one takes its place from a month on, what was used in that month and later is
moved to it: the month's bill and the wallet are one account's. Earlier months that the engine still holds stay with
the former wallet. What is rated for them afterwards (a late file, a call over midnight, a re-rating) is paid by the
wallet of now first; `settle` moves it before balances are published.
"""

import numpy as np
import polars as pl

from openboss.modules.charging.engine.online.shown import used_li, wallets_of
from openboss.modules.charging.engine.state import EngineState, cycle_slot

_PAYS = {"subscriber_id": pl.Int64, "cycle": pl.Int32, "pays_id": pl.Int64}


def bring(state: EngineState, rows: list[int], place: int, from_cycle: int) -> None:
    """Move what users have used from a month on to a wallet they will draw on; who had none brings nothing."""
    settle(state)
    balance_li = state.desk.wallets["balance_li"]
    cycles = [int(cycle) for cycle in state.cycles.cycle if cycle]
    for row in rows:
        own = int(state.desk.user_wallet[row])
        if own in (-1, place):
            continue
        for cycle in cycles:
            former = state.former.setdefault((row, cycle), {})
            payer = next((wallet for wallet, paid_li in former.items() if paid_li is not None), own)
            li = used_li(state, row, cycle_slot(cycle))
            is_brought = cycle >= from_cycle
            if is_brought:
                balance_li[payer] += li
                balance_li[place] -= li
            former[payer] = None if is_brought else li
            if is_brought or payer == place:
                former.pop(place, None)  # the wallet of now
    forget(state)


def settle(state: EngineState) -> None:
    """Let former wallets pay what was rated since for their months, and give it back to the wallets of now."""
    forget(state)
    balance_li = state.desk.wallets["balance_li"]
    for (row, cycle), former in state.former.items():
        own = int(state.desk.user_wallet[row])
        for place, paid_li in former.items():
            if paid_li is not None:
                former[place] = li = used_li(state, row, cycle_slot(cycle))
                more_li = li - paid_li
                balance_li[place] -= more_li
                balance_li[own] += more_li if own >= 0 else 0


def forget(state: EngineState, place: int | None = None) -> None:
    """Forget months that the engine holds no more, and a wallet that begins again."""
    held = set(state.cycles.cycle.tolist())
    kept = {
        key: {wallet: paid_li for wallet, paid_li in former.items() if wallet != place}
        for key, former in state.former.items()
        if key[1] in held
    }
    state.former = {key: former for key, former in kept.items() if former}


def with_payers(state: EngineState, used: pl.DataFrame) -> pl.DataFrame:
    """Say whose wallet pays: subscriber_id, account_id (0 = none), cycle, used_li.

    used  subscriber_id, cycle, used_li
    Who draws on none is named with the newest month even with nothing used, and so is an account, with each month of
    which it pays nothing any more.
    """
    desk, rows = state.desk, np.arange(state.used["rows"])
    account_ids = np.append(desk.wallets["account_id"], 0)  # the last, which -1 names, is nobody's
    names = state.directory.subscriber_id
    draws_on = pl.Series(account_ids[wallets_of(desk, state.row_of[used["subscriber_id"].to_numpy()])], dtype=pl.Int64)
    told = [
        ((int(names[row]), cycle, int(account_ids[place])), paid_li is not None)
        for (row, cycle), former in state.former.items()
        for place, paid_li in former.items()
    ]
    pays = pl.DataFrame([one for one, does in told if does], schema=_PAYS, orient="row")
    left = pl.DataFrame([one for one, does in told if not does], schema=_PAYS, orient="row")
    users = names[rows[(wallets_of(desk, rows) < 0) & (names[rows] > 0)]]
    without = pl.DataFrame({"subscriber_id": users}).join(used, on="subscriber_id", how="anti")
    newest = pl.lit(int(state.cycles.cycle.max()), pl.Int32)
    return (
        pl.concat(
            [
                used.with_columns(account_id=draws_on)
                .join(pays, on=["subscriber_id", "cycle"], how="left", maintain_order="left")
                .with_columns(account_id=pl.coalesce("pays_id", "account_id"))
                .drop("pays_id"),
                left.rename({"pays_id": "account_id"}),
                without.with_columns(cycle=newest, account_id=pl.lit(0, pl.Int64)),
            ],
            how="diagonal",
        )
        .with_columns(pl.col("used_li").fill_null(0))
        .sort("subscriber_id", "cycle", "account_id")
    )
