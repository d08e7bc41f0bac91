"""Prepaid money in use: the engine holds it, the ledger tells it, and each hears of what the other does.

What business changes of an account's prepayment is told to the engine in the transaction of the entry (`tell_engine`);
what the engine takes for use comes back by ranges of its journal and is posted as CHARGED until the bill (D4.8, D8.1).
Gifts are no prepayment: by so much the engine may go below zero, and the bill is paid from them first.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl
from django.db import connection
from django.db.models import F

from openboss.modules.charging.atomic.engine import send_command
from openboss.modules.receivables.models import Wallet, WalletRange, WalletUse
from openboss.modules.system.copying import copy_out
from openboss.modules.system.statements import ask

LI = 10  # in a fen
USES = {
    "account_id": pl.Int64,
    "cycle": pl.Int32,
    "before_li": pl.Int64,
    "used_li": pl.Int64,
    "posted_fen": pl.Int64,
    "position": pl.Int64,
}
BOOKED = {"account_id": pl.Int64, "cash_fen": pl.Int64, "overdrawn_fen": pl.Int64, "bucket_id": pl.Int64}


def tell_engine(entry_ids: Sequence[int]) -> None:
    """Tell the engine what entries that were just written changed of prepaid money and gifts, in their transaction."""
    changed = ask(
        "SELECT p.account_id, -coalesce(sum(p.amount_fen) FILTER (WHERE c.role <> 'GIFT'), 0)::bigint * %s::bigint,"
        " bool_or(c.role = 'GIFT'), max(p.business_on) FROM receivables_posting p"
        " JOIN receivables_wallet w ON w.account_id = p.account_id"
        " JOIN receivables_chartaccount c ON c.chart_no = p.chart_no"
        " WHERE p.entry_id = ANY(%s::bigint[]) AND c.role IN ('PREPAYMENT', 'OVERDRAWN', 'GIFT') GROUP BY 1 ORDER BY 1",
        [LI, list(entry_ids)],
    )
    send_amounts([row[:2] for row in changed if row[1]], serial_no=f"LEDGER {min(entry_ids)}")
    if given := [row[0] for row in changed if row[2]]:
        send_limits(limits_of(given, on=changed[0][3]))


def limits_of(account_ids: Sequence[int], *, on: date) -> dict[int, int]:
    """How far below zero wallets of prepaid accounts may go on a day, in fen: by the gifts for every item, and to the
    ceiling of an emergency opening; 0 where there is neither."""
    return dict(
        ask(
            "SELECT a, (coalesce(sum(b.balance_fen), 0) + coalesce(max(e.ceiling_fen), 0))::bigint"
            " FROM unnest(%s::bigint[]) a"
            " LEFT JOIN receivables_bucket b ON b.account_id = a AND b.kind IN ('GIFT', 'RELEASED')"
            " AND b.item_ids = '{}' AND b.valid_from_on <= %s::date"
            " AND (b.valid_to_on IS NULL OR b.valid_to_on > %s::date)"
            " LEFT JOIN receivables_emergencyopening e ON e.account_id = a AND e.ended_at IS NULL"
            " GROUP BY 1 ORDER BY 1",
            [list(account_ids), on, on],
        )
    )


def send_limits(limits_fen: Mapping[int, int]) -> None:
    """Leave word for the engine how far below zero wallets may go, in the caller's transaction."""
    wallets = [
        {"account_id": account_id, "limit_li": fen * LI, "subscriber_ids": []} for account_id, fen in limits_fen.items()
    ]
    if wallets:
        send_command(kind="WALLETS", payload={"wallets": wallets})


def send_amounts(amounts_li: Sequence[Sequence[int]], *, serial_no: str) -> None:
    """Leave amounts for wallets, account and li, for the engine in the caller's transaction."""
    if amounts_li:
        payload = {"amounts_li": [list(one) for one in amounts_li]}
        send_command(kind="TOP_UPS", payload=payload, serial_no=serial_no)


def accounts_with_wallets(account_ids: Sequence[int] | None = None) -> set[int]:
    """Which accounts have a wallet, of some or of all."""
    rows = Wallet.objects.all() if account_ids is None else Wallet.objects.filter(account_id__in=list(account_ids))
    return set(rows.values_list("account_id", flat=True))


def has_wallets() -> bool:
    """Whether any account has a wallet."""
    return Wallet.objects.exists()


def put_wallets(*, account_ids: Sequence[int], command_id: int, at: datetime) -> None:
    """Note that the engine was told to open wallets, or to let more users draw on them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO receivables_wallet (account_id, opened_at, overdrawn_fen, opening_command_id)"
            " SELECT a, %s, 0, %s FROM unnest(%s::bigint[]) a ON CONFLICT (account_id)"
            " DO UPDATE SET opening_command_id = excluded.opening_command_id",
            [at, command_id, sorted(account_ids)],
        )


def being_opened() -> list[int]:
    """Accounts of which the engine has not answered yet that their wallets, or more users of theirs, are known."""
    return list(Wallet.objects.filter(opening_command_id__isnull=False).values_list("account_id", flat=True))


def openings() -> list[int]:
    """Commands that opened wallets and whose answers are not taken down yet."""
    waiting = Wallet.objects.filter(opening_command_id__isnull=False)
    return sorted(set(waiting.values_list("opening_command_id", flat=True)))


def note_opening(*, command_id: int, used_li: Sequence[tuple[int, int, int]]) -> None:
    """Take down what users had used before they got their wallets: account, cycle, li."""
    for account_id, cycle, li in used_li:
        use, _is_new = WalletUse.objects.get_or_create(account_id=account_id, cycle=cycle)
        WalletUse.objects.filter(account_id=use.account_id, cycle=cycle).update(before_li=F("before_li") + li)
    Wallet.objects.filter(opening_command_id=command_id).update(opening_command_id=None)


def booked(account_ids: Sequence[int]) -> pl.DataFrame:
    """What the ledger's side says of wallets, columns of BOOKED; bucket_id is the cash."""
    return copy_out(
        "SELECT w.account_id, coalesce(b.balance_fen, 0), w.overdrawn_fen, coalesce(b.bucket_id, 0)"
        " FROM receivables_wallet w LEFT JOIN receivables_bucket b ON b.account_id = w.account_id AND b.kind = 'CASH'"
        " WHERE w.account_id = ANY(%s) ORDER BY 1",
        BOOKED,
        (list(account_ids),),
    )


def uses(account_ids: Sequence[int], *, cycle: int | None = None) -> pl.DataFrame:
    """What wallets paid for use in months that are not billed, columns of USES."""
    return copy_out(
        f"SELECT {', '.join(USES)} FROM receivables_walletuse WHERE account_id = ANY(%s) AND NOT is_settled"
        " AND (%s::int IS NULL OR cycle = %s) ORDER BY 1, 2",
        USES,
        (list(account_ids), cycle, cycle),
    )


def settled_months(account_ids: Sequence[int]) -> list[tuple[int, int]]:
    """Months of accounts whose use is billed: account, cycle."""
    rows = WalletUse.objects.filter(account_id__in=list(account_ids), is_settled=True)
    return list(rows.values_list("account_id", "cycle"))


def opened_before(at: datetime) -> list[int]:
    """Accounts whose wallets were opened before a moment, and taken up by the engine."""
    rows = Wallet.objects.filter(opened_at__lte=at, opening_command_id__isnull=True).order_by("account_id")
    return list(rows.values_list("account_id", flat=True))


def accounts_to_settle(cycle: int, *, limit: int) -> list[int]:
    """Accounts whose use of a month was not settled by a bill."""
    left = WalletUse.objects.filter(cycle=cycle, is_settled=False).order_by("account_id")
    return list(left.values_list("account_id", flat=True)[:limit])


def put_uses(frame: pl.DataFrame) -> None:
    """Keep how far the use of wallets is posted, columns of USES."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO receivables_walletuse"
            " (account_id, cycle, before_li, used_li, posted_fen, position, is_settled)"
            " SELECT a, c, b, u, f, p, false FROM unnest(%s::bigint[], %s::int[], %s::bigint[], %s::bigint[],"
            " %s::bigint[], %s::bigint[]) AS n(a, c, b, u, f, p) ON CONFLICT (account_id, cycle) DO UPDATE SET"
            " used_li = excluded.used_li, posted_fen = excluded.posted_fen, position = excluded.position",
            [frame[name].to_list() for name in USES],
        )


def settle_uses(account_ids: Sequence[int], cycle: int) -> None:
    """Note that the use of a month is billed."""
    WalletUse.objects.filter(account_id__in=list(account_ids), cycle=cycle).update(is_settled=True)


def change_overdrawn(amounts_fen: dict[int, int]) -> None:
    """Add to what accounts have used beyond their cash, or take it off (below zero)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE receivables_wallet w SET overdrawn_fen = overdrawn_fen + f"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS c(a, f) WHERE w.account_id = c.a",
            [list(amounts_fen), list(amounts_fen.values())],
        )


def overdrawn_with_cash(account_ids: Sequence[int]) -> list[tuple[int, int, int]]:
    """Accounts that are overdrawn and have cash again: account, bucket, what of it the cash covers, in fen."""
    return ask(
        "SELECT w.account_id, b.bucket_id, least(w.overdrawn_fen, b.balance_fen) FROM receivables_wallet w"
        " JOIN receivables_bucket b ON b.account_id = w.account_id AND b.kind = 'CASH'"
        " WHERE w.account_id = ANY(%s::bigint[]) AND w.overdrawn_fen > 0 AND b.balance_fen > 0 ORDER BY 1",
        [list(account_ids)],
    )


def overdrawn_of(account_id: int) -> int:
    """What an account has used beyond its cash, in fen; 0 without a wallet."""
    found = ask("SELECT overdrawn_fen FROM receivables_wallet WHERE account_id = %s::bigint", [account_id])
    return int(found[0][0]) if found else 0


def last_range() -> WalletRange | None:
    """The newest range of the journal that was published; it may not be posted whole yet."""
    return WalletRange.objects.order_by("-to_position").first()


def begin_range(*, to_position: int, paths: dict[str, str], sha256: dict[str, str], at: datetime) -> WalletRange:
    """Begin the range from the last one's end to a position; the same again is the same range."""
    before = WalletRange.objects.filter(to_position__lt=to_position).order_by("-to_position").first()
    facts: dict[str, Any] = {"paths": paths, "sha256": sha256, "published_at": at}
    facts["from_position"] = before.to_position if before else 0
    found, _is_new = WalletRange.objects.get_or_create(to_position=to_position, defaults=facts)
    return found


def end_range(*, to_position: int, at: datetime) -> None:
    """Note that a range is posted whole."""
    WalletRange.objects.filter(to_position=to_position).update(posted_at=at)


def ranges(*, published_before: datetime, limit: int | None = None) -> list[WalletRange]:
    """Ranges that were published up to a moment and whose files are there, the newest first."""
    rows = WalletRange.objects.filter(published_at__lte=published_before).exclude(paths={})
    return list(rows.order_by("-to_position")[:limit])


def forget_range(*, to_position: int) -> None:
    """Note that the files of a range are gone; the range stays."""
    WalletRange.objects.filter(to_position=to_position).update(paths={}, sha256={})


def waiting_li(*, after_position: int) -> dict[int, int]:
    """By account, what the ledger told the engine and the engine had not taken at a position, in li."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (one->>0)::bigint, sum((one->>1)::bigint)::bigint FROM charging_enginecommand,"
            " jsonb_array_elements(payload->'amounts_li') one WHERE kind = 'TOP_UPS'"
            " AND (state = 'WAITING' OR (state = 'DONE' AND position > %s)) GROUP BY 1",
            [after_position],
        )
        return dict(cursor.fetchall())
