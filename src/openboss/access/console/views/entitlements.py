"""What opens better prices to a user: numbers of their own choice, certificates, and free resources given away."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of, visit_tab
from openboss.access.console.views.counter import COUNTER_REFUSALS
from openboss.access.console.views.counter_refusals import sentence
from openboss.access.console.views.customer_figures import meter
from openboss.access.console.views.pay import serial_no
from openboss.access.console.views.shown import asked_in, proofs_of
from openboss.access.jobs import clock
from openboss.kernel.usage import Unit
from openboss.modules.charging.functions.engine import EngineRefused, EngineSilent
from openboss.modules.charging.functions.live import live_usage
from openboss.modules.customers import functions as customers
from openboss.processes import give_free

OPERATION = "CHANGE_PRODUCTS"
MOST = 10**9
KB_IN_MB = 1024


def line_context(request: HttpRequest, subscriber_id: int) -> dict[str, Any]:
    """What pages about one user share: the line and its number masked. Raises Http404."""
    try:
        line = customers.line_of(subscriber_id=subscriber_id, at=clock.now())
    except customers.CustomerUnknown as unknown:
        raise Http404 from unknown
    visit_tab(request, line.customer_id)
    number = formats.masked_phone(line.number) if line.number else ""
    return {"tab": line.customer_id, "line": line, "number": number}


@require_GET
@needs("customers.view")
def listed(request: HttpRequest, subscriber_id: int) -> HttpResponseBase:
    """The numbers a user has chosen that cost less (friends): those that count now, will count, and did."""
    context, now = line_context(request, subscriber_id), clock.now()
    rows = [
        {**vars(one), "phase": _phase(one.from_at, one.to_at, now), "masked": formats.masked_phone(one.number)}
        for one in customers.listed_history(subscriber_id=subscriber_id)
    ]
    tests = {
        "q": lambda row, text: str(row["number"]).endswith(text),
        "phase": lambda row, phase: row["phase"] == phase,
    }

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        return rows_in_memory(rows, tests, filters, sort, paging)

    most = customers.hall_rule("hall.listed_numbers", on=clock.today())
    screen = ListScreen(
        name="listed-numbers",
        title=gettext_lazy("Numbers that cost less"),
        columns=(
            Column("masked", gettext_lazy("Number"), "nowrap", sort=True),
            Column("phase", gettext_lazy("State"), "word:phase", sort=True),
            Column("from_at", gettext_lazy("From"), "moment", sort=True),
            Column("to_at", gettext_lazy("To"), "moment", sort=True),
        ),
        filters=(
            Filter("q", gettext_lazy("Ends with"), "search"),
            Filter("phase", gettext_lazy("State"), "choice", words.choices("phase")),
        ),
        fetch=fetch,
        default_sort="-from_at",
        empty=gettext_lazy("The user has chosen no number yet."),
        template="listed_numbers.html",
        context={**context, "standing": sum(row["phase"] == "NOW" for row in rows), "most": most},
    )
    return show_list(request, screen, active="console:customers")


def _phase(begins: Any, ends: Any, now: Any) -> str:
    if begins > now:
        return "LATER"
    return "NOW" if ends is None or ends > now else "PAST"


@require_GET
@needs("customers.view")
def certificates(request: HttpRequest, customer_id: int) -> HttpResponseBase:
    """The certificates a customer has shown: what they open while they are valid (BMT-07)."""
    try:
        name = customers.customer_360(customer_id=customer_id, at=clock.now()).customer.name_masked
    except customers.CustomerUnknown as unknown:
        raise Http404 from unknown
    visit_tab(request, customer_id)
    rows = [
        {**vars(one), "phase": _phase(one.from_on, one.to_on, clock.today())}
        for one in customers.list_certificates(customer_id=customer_id)
    ]
    tests = {"kind": lambda row, kind: row["kind"] == kind, "phase": lambda row, phase: row["phase"] == phase}

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        return rows_in_memory(rows, tests, filters, sort, paging)

    screen = ListScreen(
        name="certificates",
        title=gettext_lazy("Certificates"),
        columns=(
            Column("kind", gettext_lazy("Kind"), "word:certificate", sort=True),
            Column("number_masked", gettext_lazy("Number"), "nowrap"),
            Column("phase", gettext_lazy("State"), "word:phase", sort=True),
            Column("from_on", gettext_lazy("Valid from"), "day", sort=True),
            Column("to_on", gettext_lazy("No longer from"), "day", sort=True),
        ),
        filters=(
            Filter("kind", gettext_lazy("Kind"), "choice", words.choices("certificate")),
            Filter("phase", gettext_lazy("State"), "choice", words.choices("phase")),
        ),
        fetch=fetch,
        default_sort="-from_on",
        empty=gettext_lazy("The customer has shown no certificate yet."),
        template="certificates.html",
        context={
            "tab": customer_id,
            "name": name,
            "customer_id": customer_id,
            "kinds": words.choices("certificate"),
            "today": clock.today(),
        },
    )
    return show_list(request, screen, active="console:customers")


@require_POST
@needs("customers.edit")
def add_certificate(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Write down a certificate the customer has shown at the counter."""
    post, kind = request.POST, request.POST.get("kind", "")
    try:
        from_on = date.fromisoformat(post.get("from_on", ""))
        to_on = date.fromisoformat(post["to_on"]) if post.get("to_on") else None
        if kind not in dict(words.choices("certificate")):
            raise ValueError(kind)
        customers.add_certificate(
            customer_id=customer_id,
            kind=kind,
            number=post.get("number", "").strip()[:64],
            from_on=from_on,
            to_on=to_on,
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
        )
    except customers.CustomerUnknown as unknown:
        raise Http404 from unknown
    except ValueError:  # a day that is none, or CertificateWrong
        messages.error(request, _("A certificate has a number, and a last day after its first; each is written once."))
    else:
        messages.success(request, _("Written down. Offers and discounts that ask for it are open now."))
    return redirect("console:certificates", customer_id)


@require_http_methods(["GET", "POST"])
@needs("customers.edit")
def gifts(request: HttpRequest, subscriber_id: int) -> HttpResponse:
    """Give what is left of a free resource to another user, if the tariff lets it go."""
    context = line_context(request, subscriber_id)
    if request.method == "POST" and _give(request, subscriber_id, context["tab"]):
        return redirect("console:gifts", subscriber_id)
    live = live_usage(subscriber_id)
    free = [one for one in (live.free if live else []) if give_free.may_be_given(one.rule_id, clock.now())]
    context |= {
        "active": "console:customers",
        "resources": [meter(one) for one in free],
        "typed": request.POST,
        **asked_in(request, context["tab"], OPERATION),
        "asks": True,
        "serial_no": serial_no(),
    }
    return page(request, "gifts.html", context)


def _give(request: HttpRequest, subscriber_id: int, customer_id: int) -> bool:
    """Give what the form says; what is refused is said in words and gives False."""
    post = request.POST
    rule, units = post.get("rule", ""), post.get("units", "").strip()
    live = live_usage(subscriber_id)
    chosen = next((one for one in (live.free if live else []) if str(one.rule_id) == rule), None)
    if chosen is None or not units.isdecimal() or not 0 < int(units) < MOST:
        messages.error(request, _("Choose what is given, and write how much as a whole number."))
        return False
    try:
        left = give_free.give(
            subscriber_id=subscriber_id,
            to_number=customers.read_number(post.get("to", "")),
            rule_id=chosen.rule_id,
            units=int(units) * (KB_IN_MB if chosen.unit == Unit.KB else 1),
            proofs=proofs_of(request, customer_id, subscriber_id),
            serial_no=post.get("serial_no", "")[:60] or serial_no(),
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
        )
    except give_free.NotForGiving:
        messages.error(request, _("The tariff does not let this be given to somebody else."))
    except customers.SubscriberUnknown:
        messages.error(request, _("No user has this number. Check it digit by digit."))
    except EngineRefused:
        messages.error(request, _("There is not so much left to give."))
    except EngineSilent:
        messages.error(request, _("Charging is silent: try again in a minute. Nothing is given twice."))
    except COUNTER_REFUSALS as refused:
        messages.error(request, sentence(refused))
    else:
        text = formats.amount_of_unit(left, Unit(chosen.unit).name)
        messages.success(request, _("Given. What is left: %s.") % text)
        return True
    return False
