"""SIM cards and vouchers: what there is by state, vendors' files, and ranges activated, frozen or made void."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.counter import places_of
from openboss.access.console.views.money import SecondRefused, second_person
from openboss.access.console.views.stock import (
    counted_states,
    done_with,
    item_names,
    place_choices,
    place_column,
    place_filter,
)
from openboss.access.jobs import clock
from openboss.modules.resources import functions as resources
from openboss.modules.system import functions as system

FILE_LIMIT = 32 * 1024 * 1024  # a vendor's file of 100,000 cards has 9 MB
SAID = 20
VOUCHER_STEPS = ("ACTIVE", "FROZEN", "THAWED", "VOID")


def _items(kind: str) -> list[tuple[str, str]]:
    return [(item.code, formats.named(item)) for item in resources.item_types(kind=kind)]


@require_GET
@needs("resources.view")
def sims(request: HttpRequest) -> HttpResponseBase:
    """The cards of one's places: how many in which state, and each of them; their codes stay sealed."""
    own, items = places_of(request), item_names()

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        found = resources.list_sims(filters=filters, org_codes=own, sort=sort, offset=paging.offset, limit=paging.size)
        return *found, {}

    screen = ListScreen(
        name="sims",
        title=gettext_lazy("SIM cards"),
        columns=(
            Column("iccid", gettext_lazy("ICCID"), "nowrap", sort=True),
            Column("imsi", gettext_lazy("IMSI"), "number", sort=True),
            Column("item_code", gettext_lazy("Stock item"), read=lambda row: items.get(row.item_code, row.item_code)),
            Column("state", gettext_lazy("State"), "word:sim_state", sort=True),
            Column("number", gettext_lazy("Number"), "phone", sort=True),
            place_column(),
            Column("hlr_code", gettext_lazy("Register")),
        ),
        filters=(
            Filter("iccid", gettext_lazy("ICCID begins with"), "search"),
            Filter("state", gettext_lazy("State"), "choice", words.choices("sim_state")),
            Filter("item", gettext_lazy("Stock item"), "choice", _items("SIM")),
            place_filter(request),
        ),
        fetch=fetch,
        default_sort="iccid",
        empty=gettext_lazy("No card lies at your places."),
        template="sims.html",
        context={
            **counted_states("sim_state", resources.count_sims(org_codes=own)),
            "items": _items("SIM"),
            "places": place_choices(own),
        },
    )
    return show_list(request, screen, active="console:sims")


@require_POST
@needs("resources.load")
def load(request: HttpRequest) -> HttpResponse:
    """Take a vendor's file of cards in: good lines become stock, each wrong line is said with its reason (BMR-06)."""
    sent, place = request.FILES.get("file"), request.POST.get("place", "")
    if sent is None or sent.size is None or sent.size > FILE_LIMIT or place not in places_of(request):
        messages.error(request, _("Choose the vendor's file and a place of yours."))
        return redirect("console:sims")
    made: list[resources.SimImport] = []

    def take_in() -> None:
        made.append(
            resources.import_sims(
                content=sent.read(),
                file_name=(sent.name or "")[:200],
                item_code=request.POST.get("item", ""),
                hlr_code=request.POST.get("hlr_code", "").strip().upper()[:16],
                org_code=place,
                at=clock.now(),
                staff_id=staff_of(request).staff_id,
            )
        )

    if done_with(request, take_in):
        _say(request, made[0])
    return redirect("console:sims")


def _say(request: HttpRequest, done: resources.SimImport) -> None:
    text = _("%(good)s cards in stock, %(bad)s lines refused.")
    messages.success(request, text % {"good": formats.count(done.accepted), "bad": formats.count(len(done.errors))})
    for line, iccid, wrong in done.errors[:SAID]:
        messages.warning(
            request, _("Line %(line)s, %(iccid)s: %(wrong)s") % {"line": line, "iccid": iccid, "wrong": wrong}
        )


@require_GET
@needs("resources.view")
def vouchers(request: HttpRequest) -> HttpResponseBase:
    """The vouchers of one's places by state and value; nobody reads a PIN."""
    own, items = places_of(request), item_names()

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        found = resources.list_vouchers(
            filters=filters, org_codes=own, sort=sort, offset=paging.offset, limit=paging.size
        )
        return *found, {}

    screen = ListScreen(
        name="vouchers",
        title=gettext_lazy("Vouchers"),
        columns=(
            Column("serial_no", gettext_lazy("Serial number"), "nowrap", sort=True),
            Column("item_code", gettext_lazy("Stock item"), read=lambda row: items.get(row.item_code, row.item_code)),
            Column("state", gettext_lazy("State"), "word:voucher_state", sort=True),
            place_column(),
            Column("expires_on", gettext_lazy("Last day"), "day", sort=True),
            Column("face_fen", gettext_lazy("Value"), "fen", sort=True),
        ),
        filters=(
            Filter("serial", gettext_lazy("Serial number begins with"), "search"),
            Filter("state", gettext_lazy("State"), "choice", words.choices("voucher_state")),
            Filter("item", gettext_lazy("Stock item"), "choice", _items("VOUCHER")),
            place_filter(request),
        ),
        fetch=fetch,
        default_sort="serial_no",
        empty=gettext_lazy("No voucher lies at your places."),
        template="vouchers.html",
        context={
            **counted_states("voucher_state", resources.count_vouchers(org_codes=own)),
            "steps": [(state, words.word("voucher_step", state).text) for state in VOUCHER_STEPS],
        },
    )
    return show_list(request, screen, active="console:vouchers")


@require_POST
@needs("resources.manage")
def move(request: HttpRequest) -> HttpResponse:
    """Activate, freeze, thaw or make void a range of vouchers, all of them or none; void takes two people (D12.4)."""
    first, last = (request.POST.get(name, "").strip() for name in ("first", "last"))
    state = request.POST.get("state", "")
    if state not in VOUCHER_STEPS or not first:
        messages.error(request, _("Write the first and the last serial number."))
        return redirect("console:vouchers")
    try:
        second = second_person(request)
    except SecondRefused:
        messages.error(request, _("The second person's login or password is wrong."))
        return redirect("console:vouchers")
    if second and "resources.approve" not in system.menu_rights(staff_id=second):
        messages.error(request, _("The right for this is missing."))
        return redirect("console:vouchers")
    moved: list[int] = []
    about: dict[str, Any] = {"reason": request.POST.get("reason", "").strip()[:200], "approved_by": second}

    def act() -> None:
        moved.append(
            resources.move_vouchers(
                first=first,
                last=last or first,
                state=state,
                at=clock.now(),
                staff_id=staff_of(request).staff_id,
                within=places_of(request),
                **about,
            )
        )

    if done_with(request, act):
        messages.success(request, _("%s vouchers; it stands in the audit.") % formats.count(moved[0]))
    return redirect("console:vouchers")
