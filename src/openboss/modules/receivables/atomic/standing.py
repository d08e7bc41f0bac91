"""An account's standing in credit control, and the steps of dunning that were done for it (D9, BMC-02, BMC-04)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from django.db import connection, transaction
from django.db.models import Count

from openboss.modules.receivables.models import Message, Standing
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.copying import copy_out
from openboss.modules.system.statements import ask

BY_EXPOSURE = ("LIMIT", "OVERDUE", "PREPAID")  # plans whose steps follow from what is owed; others end otherwise
EXPOSURES = {
    "account_id": pl.Int64,
    "limit_fen": pl.Int64,
    "extra_fen": pl.Int64,
    "extra_until_at": pl.Int64,
    "is_exempt": pl.Int8,
    "disputed_until_on": pl.Date,
    "crossed_at": pl.Int64,
    "open_fen": pl.Int64,
    "oldest_due_on": pl.Date,
    "oldest_bill_id": pl.Int64,
    "usable_fen": pl.Int64,
    "charged_fen": pl.Int64,
    "overdrawn_fen": pl.Int64,
    "ceiling_fen": pl.Int64,  # of an emergency opening that goes on (D9.7)
}


@dataclass(frozen=True)
class StandingView:
    """What credit control knows of an account; limit_fen None: by the star of its users."""

    account_id: int
    limit_fen: int | None
    extra_fen: int
    extra_until_at: datetime | None
    is_exempt: bool
    disputed_until_on: date | None
    exposure_fen: int


@dataclass(frozen=True)
class StepDone:
    """A step of a dunning plan that was done for an account; over_at: its crossing ended then."""

    plan: str
    step: str
    bill_id: int
    sent_at: datetime
    over_at: datetime | None


def standing_view(*, account_id: int) -> StandingView:
    """Read an account's standing; an account nobody looked at has a clean one."""
    row = Standing.objects.filter(account_id=account_id).first() or Standing(account_id=account_id)
    return StandingView(**{name: getattr(row, name) for name in StandingView.__dataclass_fields__})


@transaction.atomic
def set_credit(
    *,
    account_id: int,
    at: datetime,
    staff_id: int | None,
    limit_fen: int | None = None,
    extra_fen: int = 0,
    extra_until_at: datetime | None = None,
    is_exempt: bool = False,
    disputed_until_on: date | None = None,
) -> None:
    """Set an account's own limit, a temporary addition that ends by itself, an exemption, a complaint (BMC-02)."""
    after = {
        "limit_fen": limit_fen,
        "extra_fen": extra_fen,
        "extra_until_at": extra_until_at,
        "is_exempt": is_exempt,
        "disputed_until_on": disputed_until_on,
    }
    Standing.objects.update_or_create(account_id=account_id, defaults=after)
    record_audit(
        staff_id=staff_id,
        action="receivables.set_credit",
        object_kind="account",
        object_id=account_id,
        at=at,
        after={name: value if isinstance(value, int | None) else value.isoformat() for name, value in after.items()},
    )


def debtors(*, after_account_id: int, limit: int) -> list[int]:
    """The next accounts, in order, that owe something, have a standing of their own or open steps of dunning."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account_id FROM ("
            " (SELECT DISTINCT account_id FROM receivables_receivable WHERE open_fen > 0 AND account_id > %s"
            "  ORDER BY account_id LIMIT %s)"
            " UNION (SELECT DISTINCT account_id FROM receivables_message WHERE over_at IS NULL AND account_id > %s"
            "  AND plan = ANY(%s) ORDER BY account_id LIMIT %s)"
            " UNION (SELECT account_id FROM receivables_standing WHERE crossed_at IS NOT NULL AND account_id > %s"
            "  ORDER BY account_id LIMIT %s)) found ORDER BY account_id LIMIT %s",
            [after_account_id, limit, after_account_id, list(BY_EXPOSURE), limit, after_account_id, limit, limit],
        )
        return [row[0] for row in cursor.fetchall()]


def accounts_begun(*, account_ids: Sequence[int]) -> set[int]:
    """Of some accounts those with which credit control has begun something: a step that goes on, a limit used up."""
    found = ask(
        "SELECT account_id FROM receivables_message"
        " WHERE account_id = ANY(%s::bigint[]) AND over_at IS NULL AND plan = ANY(%s::text[])"
        " UNION SELECT account_id FROM receivables_standing"
        " WHERE account_id = ANY(%s::bigint[]) AND crossed_at IS NOT NULL",
        [list(account_ids), list(BY_EXPOSURE), list(account_ids)],
    )
    return {row[0] for row in found}


def exposures(*, account_ids: Sequence[int], kinds: Sequence[str], on: date) -> pl.DataFrame:
    """What credit control looks at, account by account, columns of EXPOSURES; moments in seconds."""
    return copy_out(
        "SELECT a, s.limit_fen, coalesce(s.extra_fen, 0), extract(epoch FROM s.extra_until_at)::bigint,"
        " coalesce(s.is_exempt, false)::int, CASE WHEN EXISTS (SELECT 1 FROM receivables_objection o"
        " WHERE o.account_id = a AND o.state = 'OPEN') THEN DATE '9999-12-31' ELSE s.disputed_until_on END,"
        " extract(epoch FROM s.crossed_at)::bigint,"
        " coalesce(r.fen, 0)::bigint, r.due_on, r.bill_id, coalesce(b.fen, 0)::bigint,"
        " coalesce(c.balance_fen, 0), coalesce(w.overdrawn_fen, 0), e.ceiling_fen"
        " FROM unnest(%s::bigint[]) a LEFT JOIN receivables_standing s ON s.account_id = a"
        " LEFT JOIN (SELECT account_id, sum(open_fen) AS fen, min(due_on) AS due_on, min(bill_id) AS bill_id"
        "  FROM receivables_receivable WHERE account_id = ANY(%s) AND open_fen > 0 GROUP BY account_id) r"
        "  ON r.account_id = a"
        " LEFT JOIN (SELECT account_id, sum(balance_fen) AS fen FROM receivables_bucket WHERE account_id = ANY(%s)"
        "  AND kind = ANY(%s) AND valid_from_on <= %s AND (valid_to_on IS NULL OR valid_to_on > %s)"
        "  GROUP BY account_id) b ON b.account_id = a"
        " LEFT JOIN receivables_bucket c ON c.account_id = a AND c.kind = 'CHARGED'"
        " LEFT JOIN receivables_wallet w ON w.account_id = a"
        " LEFT JOIN receivables_emergencyopening e ON e.account_id = a AND e.ended_at IS NULL ORDER BY a",
        EXPOSURES,
        (list(account_ids), list(account_ids), list(account_ids), list(kinds), on, on),
    )


def note_exposures(*, seen: Sequence[tuple[int, int, datetime | None]]) -> None:
    """Keep what a look found: account, exposure in fen, since when the limit is used up."""
    columns: list[list[object]] = [list(column) for column in zip(*seen, strict=True)] or [[], [], []]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE receivables_standing s SET exposure_fen = c.f, crossed_at = c.t"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS c(a, f, t) WHERE account_id = c.a"
            " AND (exposure_fen, crossed_at) IS DISTINCT FROM (c.f, c.t)",
            columns,
        )


def open_steps(*, account_ids: Sequence[int]) -> dict[int, dict[tuple[str, str, int], int]]:
    """Steps whose crossing goes on, by account: (plan, step, bill) and the id of its record."""
    found: dict[int, dict[tuple[str, str, int], int]] = {}
    rows = Message.objects.filter(account_id__in=list(account_ids), over_at__isnull=True, plan__in=BY_EXPOSURE)
    for row in rows:
        found.setdefault(row.account_id, {})[row.plan, row.step, row.bill_id] = row.message_id
    return found


def open_step_rows(*, account_ids: Sequence[int]) -> pl.DataFrame:
    """Steps whose crossing goes on, of many accounts: account_id, plan, step, bill_id."""
    return copy_out(
        "SELECT account_id, plan, step, bill_id FROM receivables_message"
        " WHERE over_at IS NULL AND account_id = ANY(%s) AND plan = ANY(%s)",
        {"account_id": pl.Int64, "plan": pl.String, "step": pl.String, "bill_id": pl.Int64},
        (list(account_ids), list(BY_EXPOSURE)),
    )


def open_steps_of_plan(*, plan: str) -> dict[tuple[int, int], int]:
    """Steps of a plan that go on, of everybody: account and what it is about (a bill, a user), with the record's id."""
    rows = Message.objects.filter(plan=plan, over_at__isnull=True)
    return {(row.account_id, row.bill_id): row.message_id for row in rows}


def begin_steps(*, steps: Sequence[tuple[int, str, str, int]], at: datetime) -> None:
    """Note that steps are done for this crossing: account, plan, step, bill; the caller holds the accounts' locks."""
    Message.objects.bulk_create(
        Message(account_id=account_id, plan=plan, step=step, bill_id=bill_id, sent_at=at)
        for account_id, plan, step, bill_id in steps
    )


def end_steps(*, message_ids: Sequence[int], at: datetime) -> None:
    """Note that crossings are over: their steps are done anew at the next one."""
    Message.objects.filter(message_id__in=list(message_ids)).update(over_at=at)


def steps_of(*, account_id: int) -> list[StepDone]:
    """What was done for an account, the newest first."""
    rows = Message.objects.filter(account_id=account_id).order_by("-message_id")
    return [StepDone(row.plan, row.step, row.bill_id, row.sent_at, row.over_at) for row in rows]


def reminders_by_account(*, account_ids: Sequence[int]) -> dict[int, int]:
    """How many steps of dunning were done for accounts, the proofs that they were reminded (D8.11); without one:
    missing."""
    found = Message.objects.filter(account_id__in=list(account_ids), plan__in=BY_EXPOSURE).values_list("account_id")
    return dict(found.annotate(steps=Count("message_id")).order_by("account_id"))


def dunning_list(*, limit: int = 500) -> pl.DataFrame:
    """Accounts with open steps: account_id, plan, step, bill_id, sent_at, exposure_fen, the newest first."""
    rows = Message.objects.filter(over_at__isnull=True).order_by("-message_id")[:limit]
    known = {row.account_id: row for row in Standing.objects.filter(account_id__in=[one.account_id for one in rows])}
    return pl.DataFrame(
        [
            (one.account_id, one.plan, one.step, one.bill_id, one.sent_at, known[one.account_id].exposure_fen)
            for one in rows
            if one.account_id in known
        ],
        schema={
            "account_id": pl.Int64,
            "plan": pl.String,
            "step": pl.String,
            "bill_id": pl.Int64,
            "sent_at": pl.Datetime("us", "UTC"),
            "exposure_fen": pl.Int64,
        },
        orient="row",
    )
