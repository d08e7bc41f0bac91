"""Usage that was charged wrongly is rated again. Read from top to bottom.

    ask        a person chooses records by period, tariff, source and segment, and says why
    work_out   every event of everybody concerned is lived again, by the tariffs now in force, from the opening of the
               first month; before and after are put down, nothing is changed
    decide     a second person sees them and approves or refuses
    carry_out  one input of the engine's journal puts open months right; closed months are left as they were billed,
               and what differs is posted once as adjustments of the next bill

Killed at any moment and started again it goes on where that makes sense, or begins its step anew: until the input is
in the journal nothing is changed, from then on everything is. Source: CHG-36, D4.6, D7.2, docs/algorithms/re-rating.md.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import polars as pl
from django.db import transaction

from openboss.kernel.rounding import LI_PER_FEN
from openboss.modules.billing import functions as billing
from openboss.modules.billing.functions.adjustments import post_adjustments
from openboss.modules.catalog.functions import bill_item_types
from openboss.modules.charging.functions import rerating as charging
from openboss.modules.charging.functions.rerating import NotWaiting, OwnProposal, ReratingUnknown, ReratingView
from openboss.modules.system.functions import staff_by_id
from openboss.processes.quote.trace import yuan
from openboss.processes.re_rate.choose import Chosen, NothingChosen, records_chosen, with_families
from openboss.processes.re_rate.compare import BY_ITEM, Compared, closed_totals, compare
from openboss.processes.replay_months import everybody, only, tariffs_with

__all__ = [
    "APPROVE",
    "ASK",
    "Chosen",
    "NotEntitled",
    "NotWaiting",
    "NothingChosen",
    "OwnProposal",
    "ReratingUnknown",
    "ReratingView",
    "approve",
    "ask",
    "by_item",
    "by_user",
    "carry_out",
    "changed_records",
    "free_units",
    "history_of",
    "list_reratings",
    "refuse",
    "rerating",
    "run_waiting",
    "work_out",
]

ASK, APPROVE = "charging.rerate", "charging.rerate_approve"
FRAMES = ("by_item", "records", "free", "closed")

list_reratings = charging.list_reratings
rerating = charging.rerating_view


class NotEntitled(Exception):
    """You do not have the right to ask for a re-rating (charging.rerate) or to decide it (charging.rerate_approve)."""


class ChangedSince(Exception):
    """Closed months would be adjusted otherwise than was approved: ask for the re-rating again."""


IMPOSSIBLE = (NothingChosen, ChangedSince, charging.TariffsChanged, charging.NotPriced, charging.NotReproducible)

# --- ask and decide ----------------------------------------------------------------------------------------------


def ask(*, chosen: Chosen, cause: str, staff_id: int, at: datetime) -> int:
    """Ask for a re-rating by the tariffs in force now; return its id. It waits to be worked out. Raises NotEntitled."""
    _entitled(staff_id, ASK)
    return charging.ask(cause=cause, chosen=chosen.as_json(), staff_id=staff_id, at=at)


def approve(*, rerating_id: int, reason: str, staff_id: int, at: datetime) -> None:
    """Decide as a second person that it is carried out. Raises NotEntitled, NotWaiting, OwnProposal."""
    _entitled(staff_id, APPROVE)
    charging.approve(rerating_id=rerating_id, reason=reason, staff_id=staff_id, at=at)


def refuse(*, rerating_id: int, reason: str, staff_id: int, at: datetime) -> None:
    """Decide as a second person that it is not. Raises NotEntitled, NotWaiting, OwnProposal."""
    _entitled(staff_id, APPROVE)
    charging.refuse(rerating_id=rerating_id, reason=reason, staff_id=staff_id, at=at)


def _entitled(staff_id: int, right: str) -> None:
    staff = staff_by_id(staff_id=staff_id)
    if right not in staff.rights:
        raise NotEntitled(f"{staff.login}: {right}")


# --- work out ----------------------------------------------------------------------------------------------------


def work_out(rerating_id: int, *, at: datetime) -> None:
    """Live the journal again for everybody concerned and put before and after down; changes nothing that is charged.

    Raises NothingChosen, NotPriced, NotReproducible, EngineRefused, EngineSilent.
    """
    view = charging.rerating_view(rerating_id=rerating_id)
    chosen = Chosen.of_json(view.chosen)
    people = everybody(_months_from(chosen.from_on))
    selected = records_chosen(chosen, people)
    first_cycle = int(selected["cycle"].min())  # type: ignore[arg-type]
    concerned = with_families(selected["subscriber_id"].unique(), people)
    users = charging.users_file(concerned["subscriber_id"].to_numpy(), view.folder)
    looked = charging.look(folder=view.folder, users=users)
    told = _progress(rerating_id)
    replay = charging.replay_from(users=users, first_cycle=first_cycle, sha256=looked.sha256, told=told)
    replay.run_to(looked.position)
    people = everybody([*replay.frozen, *(cycle for cycle in looked.cycles if cycle >= first_cycle)])
    compared = compare(
        replay=replay,
        looked=looked,
        people=only(people, concerned),
        tariffs=tariffs_with([], first_cycle=first_cycle, on=at.date()),
        adjusted=_adjusted_before(),
    )
    _put_down(view, compared, {"users": users, "first_cycle": first_cycle, "sha256": looked.sha256,
                               "chosen_records": int(selected["records"].sum())}, concerned.height, at)  # fmt: skip


def _months_from(day: date) -> list[int]:
    """Every month billing knows from the one of a day on: late records stand in a later one."""
    first = day.year * 100 + day.month
    known = [one.cycle for one in billing.list_cycles() if one.cycle >= first]
    return sorted({first, *known})


def _progress(rerating_id: int) -> Callable[[int, int], None]:
    return lambda done, of: charging.note_progress(rerating_id=rerating_id, done_records=done, all_records=of)


def _put_down(view: ReratingView, compared: Compared, found: dict[str, Any], users: int, at: datetime) -> None:
    for name in FRAMES:
        found[name] = charging.write_frame(getattr(compared, name), f"{view.folder}/{name}.parquet")
    change = (pl.col("after_fen") - pl.col("before_fen")).filter("is_closed").sum()
    sums = compared.by_item.select(pl.col("before_fen", "after_fen").sum(), posted_fen=change).row(0, named=True)
    charging.propose(
        rerating_id=view.rerating_id,
        found=found,
        at=at,
        users=users,
        changed_records=compared.records.height,
        **{name: int(fen) for name, fen in sums.items()},
    )


def _adjusted_before() -> pl.DataFrame:
    """What re-ratings have posted for closed months so far (BY_ITEM)."""
    frames = [by_item(view).filter("is_closed") for view in charging.list_reratings(states=("APPLIED",))]
    return pl.concat([pl.DataFrame(schema=BY_ITEM), *frames])


# --- carry out ---------------------------------------------------------------------------------------------------


def carry_out(rerating_id: int, *, at: datetime) -> None:
    """Carry an approved re-rating out, or go on with it after a kill; done again it changes nothing.

    Raises NotWaiting, ChangedSince, EngineBusy, EngineRefused, EngineSilent, NotPriced, NotReproducible.
    """
    view = charging.rerating_view(rerating_id=rerating_id)
    if view.state != "APPROVED":
        raise NotWaiting(f"{rerating_id} is {view.state}")

    def unchanged(replay: charging.Replay) -> None:
        if not closed_totals(replay).equals(charging.read_frame(view.found["closed"])):
            raise ChangedSince(rerating_id)

    answer = charging.put_right(
        rerating_id=rerating_id,
        folder=view.folder,
        users=view.found["users"],
        first_cycle=view.found["first_cycle"],
        sha256=view.found["sha256"],
        check=unchanged,
        told=_progress(rerating_id),
    )
    rows = _adjustments(view)
    with transaction.atomic():
        if rows.height:
            item_id = next(item.item_id for item in bill_item_types() if item.code == "ADJUST")
            staff = staff_by_id(staff_id=view.asked_by).login
            post_adjustments(rows=rows, item_id=item_id, cause=view.cause, staff=staff, at=at)
        charging.mark_applied(rerating_id=rerating_id, position=answer["position"], at=at)


def _adjustments(view: ReratingView) -> pl.DataFrame:
    """What closed months are adjusted by: a charge for each user, month and item that differs."""
    differs = by_item(view).filter("is_closed").with_columns(fen=pl.col("after_fen") - pl.col("before_fen"))
    differs = differs.filter(pl.col("fen") != 0)
    names = {item.item_id: f"{item.name_zh} {item.name_en}" for item in bill_item_types()}
    item = pl.col("item_id").cast(pl.Int64).replace_strict(names, default="", return_dtype=pl.String)
    serial_no = pl.format("RERATE-{}-{}-{}-{}", pl.lit(view.rerating_id), "cycle", "subscriber_id", "item_id")
    note = pl.format("{} {}: {}", "cycle", item, pl.lit(view.cause))
    return differs.select(
        "subscriber_id",
        serial_no=serial_no,
        charge_li=pl.col("fen") * LI_PER_FEN,
        note=note.str.slice(0, 200),
    )


def run_waiting(*, at: datetime) -> int:
    """Work out and carry out whatever waits, the oldest first; return how many were taken. For the schedule.

    What cannot be done is marked as failed with its reason, and has changed nothing. If the engine is too busy or
    silent, it waits for the next time; what somebody else has done meanwhile is left as it is.
    """
    waiting = charging.list_reratings(states=("ASKED", "APPROVED"))
    for view in reversed(waiting):
        step = work_out if view.state == "ASKED" else carry_out
        try:
            step(view.rerating_id, at=at)
        except IMPOSSIBLE as refused:
            problem = f"{type(refused).__name__}: {refused}"
            charging.fail(rerating_id=view.rerating_id, problem=problem, at=at)
        except (charging.EngineBusy, charging.EngineSilent, NotWaiting):
            continue
    return len(waiting)


# --- what people see ---------------------------------------------------------------------------------------------


def by_item(view: ReratingView, subscriber_id: int | None = None) -> pl.DataFrame:
    """Before and after by month, user and item (BY_ITEM), of all or of one user."""
    found = charging.read_frame(view.found["by_item"])
    return found if subscriber_id is None else found.filter(pl.col("subscriber_id") == subscriber_id)


def by_user(view: ReratingView) -> pl.DataFrame:
    """Before and after by user: subscriber_id, before_fen, after_fen, change_fen, posted_fen, records; who changes."""
    fen, change = pl.col("before_fen", "after_fen"), pl.col("after_fen") - pl.col("before_fen")
    users = by_item(view).group_by("subscriber_id").agg(
        fen.sum(), change_fen=change.sum(), posted_fen=change.filter("is_closed").sum()
    )  # fmt: skip
    counted = changed_records(view).group_by("subscriber_id").agg(records=pl.len())
    both = users.join(counted, on="subscriber_id", how="full", coalesce=True).fill_null(0)
    return both.filter((pl.col("change_fen") != 0) | (pl.col("records") > 0)).sort("subscriber_id")


def changed_records(view: ReratingView, subscriber_id: int | None = None) -> pl.DataFrame:
    """The records that are charged otherwise, of all or of one user: before_li, after_li and what they are about."""
    found = charging.read_frame(view.found["records"])
    return found if subscriber_id is None else found.filter(pl.col("subscriber_id") == subscriber_id)


def free_units(view: ReratingView, subscriber_id: int) -> pl.DataFrame:
    """Free resources of a user that end elsewhere: cycle, rule, granted and used before and after."""
    return charging.read_frame(view.found["free"]).filter(pl.col("owner") == subscriber_id)


def history_of(*, subscriber_id: int, position: int, row: int) -> list[dict[str, Any]]:
    """How one record was charged before it was rated again, the oldest re-rating first; in words and as values.

    Of a closed month the record stands as it was billed, and the difference is an adjustment of a later bill.
    """
    told: list[dict[str, Any]] = []
    for view in reversed(charging.list_reratings(states=("APPLIED",))):
        if view.changed_records == 0:
            continue
        mine = (pl.col("position") == position) & (pl.col("row") == row)
        found = changed_records(view, subscriber_id).filter(mine)
        told += [_told(view, before, after) for before, after in found.select("before_li", "after_li").rows()]
    return told


def _told(view: ReratingView, before_li: int, after_li: int) -> dict[str, Any]:
    assert view.decided_by is not None and view.applied_at is not None
    approver = staff_by_id(staff_id=view.decided_by)
    before, after = yuan(before_li), yuan(after_li)
    on = view.applied_at.date().isoformat()
    return {
        "rerating_id": view.rerating_id,
        "cause": view.cause,
        "before_li": before_li,
        "after_li": after_li,
        "applied_on": on,
        "approved_by": approver.login,
        "zh": f"{on} 重新批价：{before} 元改为 {after} 元。原因：{view.cause}。批准人：{approver.name_zh}",
        "en": f"Rated again on {on}: {after} yuan instead of {before}. Cause: {view.cause}. "
        f"Approved by {approver.name_en}",
    }
