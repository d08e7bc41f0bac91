"""Stock by place: the equation of each kind, moves, requests and who approves, stock-takes, alarms (BMR-02, 12)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.counter import places_of
from openboss.access.console.views.counter_refusals import REFUSALS as HALL_REFUSALS
from openboss.access.console.views.customers import office_names
from openboss.access.jobs import clock
from openboss.modules.resources import functions as resources
from openboss.modules.system.functions import StaffView

PLACE = gettext_lazy("Place")
MOST_PIECES = 10**9
MOVED_BY_PIECES = ("SIM", "GOODS")

REFUSALS: dict[type[Exception], str | Promise] = {
    resources.BookKnown: gettext_lazy("A book with these numbers was received before."),
    resources.BookNotHeld: gettext_lazy("This book is not in your hands."),
    resources.BookUnknown: gettext_lazy("There is no such book."),
    resources.FileKnown: gettext_lazy("This file was taken in before."),
    resources.FileWrong: gettext_lazy("This file has not the columns of a vendor's file; nothing was taken in."),
    resources.FormOutOfOrder: gettext_lazy("This form was used before, or is not of this book."),
    resources.ImeiWrong: gettext_lazy("One of these is no IMEI: 15 digits, and the last one checks the others."),
    resources.ItemUnknown: gettext_lazy("There is no such item, or it is not moved by pieces."),
    resources.MoveForbidden: gettext_lazy("It is not in a state for this. Load the page again."),
    resources.NotYourStock: gettext_lazy("This lies at another place: its own staff or those above it may move it."),
    resources.NumberChosen: HALL_REFUSALS["NumberChosen"],
    resources.NumberUnknown: HALL_REFUSALS["NumberUnknown"],
    resources.OnePerson: gettext_lazy("Whoever asks does not approve: another person has to."),
    resources.ReasonNeeded: gettext_lazy("Say why: a difference or a loss needs a reason."),
    resources.RequisitionUnknown: gettext_lazy("There is no such request."),
    resources.ReturnTooLate: gettext_lazy("It was sold more than seven days ago: it goes to repair."),
    resources.SegmentOverlaps: gettext_lazy("Some of these numbers belong to a segment that was loaded before."),
    resources.SegmentWrong: gettext_lazy("A segment runs from a first to a last number, at most a million."),
    resources.StockShort: gettext_lazy("There are not so many pieces at this place."),
    resources.SuperiorNeeded: gettext_lazy("Somebody of a place above both places has to decide on this."),
    resources.TerminalKnown: gettext_lazy("One of these terminals was received before; nothing was taken in."),
    resources.TerminalUnknown: gettext_lazy("There is no terminal with this IMEI."),
    resources.VoucherUnknown: gettext_lazy("There is no such voucher."),
}


def done_with(request: HttpRequest, act: Callable[[], Any]) -> bool:
    """Do something to resources; what is refused is said in words and gives False."""
    try:
        act()
    except tuple(REFUSALS) as refused:
        messages.error(request, str(REFUSALS[type(refused)]))
        return False
    return True


def counted_states(vocabulary: str, counts: Mapping[str, int]) -> dict[str, Any]:
    """How many of what is listed are in each state: the tiles above a list, which add up to the first of them."""
    states = [
        (state, words.word(vocabulary, state), counts.get(state, 0)) for state, _text in words.choices(vocabulary)
    ]
    return {"states": [one for one in states if one[2]], "all": sum(counts.values())}


def place_choices(own: Collection[str]) -> list[tuple[str, str]]:
    """The places of one's own as the choices of a form or a filter."""
    return [(code, name) for code, name in office_names().items() if code in own]


def place_filter(request: HttpRequest) -> Filter:
    """A filter by place: those the clerk may see."""
    return Filter("org_code", PLACE, "choice", place_choices(places_of(request)))


def place_column(title: str | Promise = PLACE, key: str = "org_code", *, sort: bool = False) -> Column:
    """A column with a place's name, and its code below."""
    names = office_names()
    return Column(
        key,
        title,
        sort=sort,
        read=lambda row: names.get(getattr(row, key), getattr(row, key)),
        sub=lambda row: getattr(row, key),
    )


def item_names() -> dict[str, str]:
    """The names of kinds of items by their codes."""
    return {item.code: formats.named(item) for item in resources.item_types()}


def _month_start(now: datetime) -> datetime:
    here = now.astimezone(clock.operator_timezone())
    return here.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _fetch(lines: list[resources.StockLine], low: set[tuple[str, str]]) -> Any:
    tests = {
        "org_code": lambda row, code: row.org_code == code,
        "item": lambda row, code: row.item_code == code,
        "look": lambda row, look: row.difference != 0 if look == "differs" else (row.org_code, row.item_code) in low,
    }

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        summed = ("opening", "came", "went", "used", "lost", "closing", "counted", "difference")
        return rows_in_memory(lines, tests, filters, sort, paging, sums=summed)

    return fetch


def _columns(items: dict[str, str]) -> tuple[Column, ...]:
    return (
        place_column(sort=True),
        Column(
            "item_code", gettext_lazy("Stock item"), sort=True, read=lambda row: items.get(row.item_code, row.item_code)
        ),
        Column("opening", gettext_lazy("On the 1st"), "count", sort=True),
        Column("came", gettext_lazy("Came"), "count", sort=True),
        Column("went", gettext_lazy("Sent on"), "count", sort=True),
        Column("used", gettext_lazy("Used"), "count", sort=True),
        Column("lost", gettext_lazy("Lost"), "count", sort=True),
        Column("closing", gettext_lazy("Should lie there"), "count", sort=True),
        Column("counted", gettext_lazy("Lies there"), "count", sort=True),
        Column("difference", gettext_lazy("Stock difference"), "count", sort=True),
    )


@require_GET
@needs("resources.view")
def stock(request: HttpRequest) -> HttpResponseBase:
    """What lies where this month, whether it adds up, and what runs low."""
    own, now = places_of(request), clock.now()
    lines = resources.stock_lines(org_codes=own, from_at=_month_start(now), to_at=now)
    low = resources.low_stock(org_codes=own)
    items, names, kinds = item_names(), office_names(), resources.item_types()
    alarms = [{"place": names[place], "item": items[item], "pieces": pieces} for place, item, pieces in low]
    screen = ListScreen(
        name="stock",
        title=gettext_lazy("Stock by place"),
        columns=_columns(items),
        filters=(
            place_filter(request),
            Filter("item", gettext_lazy("Stock item"), "choice", list(items.items())),
            Filter("look", gettext_lazy("Look at"), "choice", words.choices("stock_look")),
        ),
        fetch=_fetch(lines, {(place, item) for place, item, _pieces in low}),
        default_sort="org_code",
        empty=gettext_lazy("Nothing lies at your places."),
        template="stock.html",
        context={
            "alarms": alarms,
            "differences": sum(line.difference != 0 for line in lines),
            "lines": len(lines),
            "items": [(one.code, items[one.code]) for one in kinds if one.kind in MOVED_BY_PIECES],
            "all_items": list(items.items()),
            "own_places": [(code, name) for code, name in names.items() if code in own],
            "all_places": list(names.items()),
            "here": staff_of(request).org_code,
        },
    )
    return show_list(request, screen, active="console:stock")


@require_POST
@needs("resources.manage")
def move(request: HttpRequest) -> HttpResponse:
    """Move pieces between places, or ask for them; only one's own stock moves at once (BMR-02)."""
    pieces = _pieces(request, "pieces")
    if not pieces:
        messages.error(request, _("Write how many pieces."))
        return redirect("console:stock")
    staff, made = staff_of(request), []

    def act() -> None:
        made.append(
            resources.move_stock(
                item_code=request.POST.get("item", ""),
                pieces=pieces,
                from_org=request.POST.get("from", ""),
                to_org=request.POST.get("to", ""),
                at=clock.now(),
                staff_id=staff.staff_id,
                staff_org=staff.org_code,
            )
        )

    if not done_with(request, act):
        return redirect("console:stock")
    if made[0] is None:
        messages.success(request, _("Moved; it stands in the audit."))
        return redirect("console:stock")
    messages.info(request, _("Asked for. Somebody of a place above both places decides."))
    return redirect("console:stock_requests")


def _pieces(request: HttpRequest, field: str) -> int:
    text = request.POST.get(field, "").strip()
    return int(text) if text.isdecimal() and int(text) <= MOST_PIECES else 0


@require_POST
@needs("resources.manage")
def count(request: HttpRequest) -> HttpResponse:
    """Write down what was counted; a difference needs a reason (BMR-12)."""
    text, place = request.POST.get("counted", "").strip(), request.POST.get("place", "")
    if not text.isdecimal() or int(text) > MOST_PIECES or place not in places_of(request):
        messages.error(request, _("Write what was counted, at a place of yours."))
        return redirect("console:stock")
    found: list[int] = []

    def act() -> None:
        found.append(
            resources.take_stock(
                org_code=place,
                item_code=request.POST.get("item", ""),
                counted=int(text),
                reason=request.POST.get("reason", "").strip()[:200],
                at=clock.now(),
                staff_id=staff_of(request).staff_id,
            )
        )

    if done_with(request, act):
        messages.success(
            request, _("Counted; difference %s.") % f"{found[0]:+d}" if found[0] else _("Counted; it fits.")
        )
    return redirect("console:stock")


@require_GET
@needs("resources.view")
def requests(request: HttpRequest) -> HttpResponseBase:
    """What places asked of each other, and what whoever looks may do about it."""
    own, staff = places_of(request), staff_of(request)
    rows = resources.requisitions(org_codes=own)
    tests = {"state": lambda row, state: row.state == state, "item": lambda row, code: row.item_code == code}
    items, names = item_names(), office_names()
    waiting = [
        {
            "row": row,
            "may": may,
            "who": staff_name(row.asked_by),
            "item": items.get(row.item_code, row.item_code),
            "from": names[row.from_org],
            "to": names[row.org_code],
        }
        for row in rows
        if (may := _may(row, own, staff))
    ]
    screen = ListScreen(
        name="stock-requests",
        title=gettext_lazy("Requests for stock"),
        columns=(
            Column("requisition_id", gettext_lazy("No."), "number", sort=True),
            Column("state", gettext_lazy("State"), "word:requisition_state", sort=True),
            Column("item_code", gettext_lazy("Stock item"), read=lambda row: items.get(row.item_code, row.item_code)),
            place_column(gettext_lazy("From"), "from_org"),
            place_column(gettext_lazy("To")),
            Column("asked_by", gettext_lazy("Asked by"), read=lambda row: staff_name(row.asked_by)),
            Column("asked_at", gettext_lazy("When"), "moment", sort=True),
            Column("asked", gettext_lazy("Asked"), "count", sort=True),
            Column("approved", gettext_lazy("Approved"), "count", sort=True),
            Column("confirmed", gettext_lazy("Has arrived"), "count", sort=True),
        ),
        filters=(
            Filter("state", gettext_lazy("State"), "choice", words.choices("requisition_state")),
            Filter("item", gettext_lazy("Stock item"), "choice", list(items.items())),
        ),
        fetch=lambda filters, sort, paging: rows_in_memory(rows, tests, filters, sort, paging),
        default_sort="-requisition_id",
        empty=gettext_lazy("Nothing was asked for yet."),
        template="stock_requests.html",
        context={"waiting": waiting},
    )
    return show_list(request, screen, active="console:stock_requests")


def _may(row: resources.RequisitionView, own: frozenset[str], staff: StaffView) -> str:
    """The next step of a request that a member of staff may take; nothing if there is none."""
    both = {row.org_code, row.from_org} <= own
    if row.state == "ASKED" and "resources.approve" in staff.rights and both and row.asked_by != staff.staff_id:
        return "decide"
    if "resources.manage" not in staff.rights:
        return ""
    if row.state == "APPROVED" and row.from_org in own:
        return "ship"
    return "receive" if row.state == "SHIPPED" and row.org_code in own else ""


@require_POST
@needs("resources.view")
def step(request: HttpRequest, requisition_id: int) -> HttpResponse:
    """Take the next step of a request: decide, send, or say what arrived."""
    staff, pieces, wanted = staff_of(request), _pieces(request, "pieces"), request.POST.get("step", "")
    who: dict[str, Any] = {"requisition_id": requisition_id, "at": clock.now(), "staff_id": staff.staff_id}
    acts: dict[str, Callable[[], Any]] = {
        "approve": lambda: resources.decide_move(**who, approved=pieces, staff_org=staff.org_code),
        "refuse": lambda: resources.decide_move(**who, approved=0, staff_org=staff.org_code),
        "ship": lambda: resources.ship_move(**who, staff_org=staff.org_code),
        "receive": lambda: resources.receive_requisition(**who, confirmed=pieces, within=places_of(request)),
    }
    right = "resources.approve" if wanted in ("approve", "refuse") else "resources.manage"
    if right not in staff.rights:
        messages.error(request, _("The right for this is missing."))
    elif wanted not in acts or (wanted in ("approve", "receive") and not pieces):
        messages.error(request, _("Write how many pieces."))
    elif done_with(request, acts[wanted]):
        messages.success(request, _("Done; it stands in the audit."))
    return redirect("console:stock_requests")


@require_GET
@needs("resources.view")
def moves(request: HttpRequest) -> HttpResponseBase:
    """Every move of stock at one's own places, the newest first: what the equation is made of."""
    own, items = places_of(request), item_names()

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        del sort
        found = resources.list_moves(filters=filters, org_codes=own, offset=paging.offset, limit=paging.size)
        return *found, {}

    screen = ListScreen(
        name="stock-moves",
        title=gettext_lazy("Moves of stock"),
        columns=(
            Column("at", gettext_lazy("When"), "moment"),
            place_column(),
            Column("item_code", gettext_lazy("Stock item"), read=lambda row: items.get(row.item_code, row.item_code)),
            Column("cause", gettext_lazy("What"), "word:stock_cause"),
            Column("reason", gettext_lazy("Reason")),
            Column("staff_id", gettext_lazy("By"), read=lambda row: staff_name(row.staff_id)),
            Column("pieces", gettext_lazy("Pieces"), "count"),
        ),
        filters=(
            place_filter(request),
            Filter("item", gettext_lazy("Stock item"), "choice", list(items.items())),
            Filter("cause", gettext_lazy("What"), "choice", words.choices("stock_cause")),
        ),
        fetch=fetch,
        empty=gettext_lazy("Nothing moved yet."),
    )
    return show_list(request, screen, active="console:stock_moves")
