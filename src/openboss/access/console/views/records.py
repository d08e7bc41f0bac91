"""Records of customers: documents on lists, classes as a tree, two records of one person made one (D1.5, BMC-06)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of, visit_tab
from openboss.access.console.views.counter_refusals import sentence
from openboss.access.console.views.customers import whole_picture
from openboss.access.console.views.money import day_of
from openboss.access.console.views.new_customer import DOCUMENTS
from openboss.access.jobs import clock
from openboss.modules.catalog import functions as catalog
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import ClassView, CustomerUnknown, DocumentWrong, NotMergeable

LISTS = ("BLACK", "WHITE")


def _tree() -> list[dict[str, Any]]:
    """Classes, each below the one it belongs to, with how deep it stands and what its users hold."""
    known = customers.classes()
    names = {one.offer_id: formats.named(one) for one in catalog.offers()}

    def under(parent: str | None, depth: int) -> list[dict[str, Any]]:
        found: list[ClassView] = [one for one in known.values() if one.parent == parent]
        rows: list[dict[str, Any]] = []
        for one in found:
            rows.append({"one": one, "depth": depth, "offer": names.get(one.offer_id or 0, "")})
            rows += under(one.code, depth + 1)
        return rows

    return under(None, 0)


@require_GET
@needs("customers.view")
def records(request: HttpRequest) -> HttpResponse:
    """The lists of documents, and the tree of classes."""
    context = {
        "active": "console:records",
        "listed": customers.listed_documents(at=clock.now()),
        "lists": [(code, words.word("list_kind", code).text) for code in LISTS],
        "documents": [(code, words.word("cert_type", code).text) for code in DOCUMENTS],
        "tree": _tree(),
    }
    return page(request, "records.html", context)


@require_POST
@needs("customers.edit")
def put_on_list(request: HttpRequest) -> HttpResponse:
    """Put a document on a list, until a day or for ever."""
    list_kind, reason = request.POST.get("list_kind", ""), request.POST.get("reason", "").strip()[:200]
    until_on = day_of(request.POST.get("until", ""))
    if list_kind not in LISTS or not reason:
        messages.error(request, _("Which list, which document and why are needed."))
        return redirect("console:records")
    try:
        customers.put_on_list(
            list_kind=list_kind,
            cert_type=request.POST.get("cert_type", ""),
            cert_no=request.POST.get("cert_no", ""),
            reason=reason,
            until_at=clock.begin_of(until_on) if until_on else None,
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
        )
    except DocumentWrong as refused:
        messages.error(request, sentence(refused))
    else:
        messages.success(request, _("Written down."))
    return redirect("console:records")


@require_POST
@needs("customers.edit")
def take_off_list(request: HttpRequest, list_entry_id: int) -> HttpResponse:
    """Take a document off a list, for a reason that stays."""
    reason = request.POST.get("reason", "").strip()[:200]
    if not reason:
        messages.error(request, _("Give a reason; it stays with the entry."))
        return redirect("console:records")
    about = {"at": clock.now(), "staff_id": staff_of(request).staff_id}
    try:
        customers.take_off_list(list_entry_id=list_entry_id, reason=reason, **about)
    except CustomerUnknown:
        messages.error(request, _("It stands on the list no more."))
    return redirect("console:records")


@require_GET
@needs("customers.edit")
def merge(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Both records side by side before they become one."""
    visit_tab(request, customer_id)
    other = request.GET.get("other", "")
    picture = whole_picture(customer_id)
    context = {"active": "console:customers", "tab": customer_id, "picture": picture, "who": picture.customer}
    if other.isdecimal() and int(other) != customer_id:
        try:
            context["other"] = whole_picture(int(other))
        except Http404:
            messages.error(request, _("There is no such customer."))
    return page(request, "merge.html", context)


@require_POST
@needs("customers.edit")
def make_one(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Let the other record become this one; its number stays an alias."""
    other, reason = request.POST.get("other", ""), request.POST.get("reason", "").strip()[:200]
    if not other.isdecimal() or not reason:
        messages.error(request, _("Which record, and why they are one person, are needed."))
        return redirect("console:merge", customer_id)
    about = {"at": clock.now(), "staff_id": staff_of(request).staff_id}
    try:
        moved = customers.merge_customers(keep_id=customer_id, alias_id=int(other), reason=reason, **about)
    except (CustomerUnknown, NotMergeable):
        messages.error(request, _("These two are not made one: there is no such record, or they are of two kinds."))
        return redirect("console:merge", customer_id)
    text = _("They are one now: %(users)d users and %(accounts)d accounts came here; the old number still finds them.")
    messages.success(request, text % {"users": moved["subscribers"], "accounts": moved["accounts"]})
    return redirect("console:customer", customer_id)
