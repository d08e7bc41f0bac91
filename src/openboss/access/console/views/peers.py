"""Who may ask online charging: Diameter peers, 5G session functions, access servers, and who was turned away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from openboss.access.console.page import page, part
from openboss.access.console.session import needs, staff_of
from openboss.access.jobs import clock
from openboss.config.options import Options, options
from openboss.modules.charging.functions import peers
from openboss.modules.charging.functions.peers import PeerUnknown, PeerView, PeerWish
from openboss.modules.charging.functions.watching import NoAnswer, charging_board

INTERFACES = ("DIAMETER", "NCHF", "RADIUS")


# --- the page -------------------------------------------------------------------------------------------------------


def asking(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Everybody who asks over any interface, as the board has it, with the moment of their last request."""
    connected = [{**one, "interface": "DIAMETER", "is_connected": True} for one in board["peers"]]
    return [
        {**one, "at": datetime.fromtimestamp(one["last_at_s"], UTC) if one["last_at_s"] else None}
        for one in [*connected, *board["heard"]]
    ]


def _doors(chosen: Options) -> dict[str, list[str]]:
    """Where each interface listens, as the options say."""
    found: dict[str, list[str]] = {name: [] for name in INTERFACES}
    tls = "TLS"
    for interface, host, port, how in (
        ("DIAMETER", chosen.diameter_host, chosen.diameter_port, "TCP"),
        ("DIAMETER", chosen.diameter_host, chosen.diameter_tls_port, tls),
        ("NCHF", chosen.nchf_host, chosen.nchf_port, f"HTTP/2 {tls}" if chosen.nchf_certificate else "HTTP/2"),
        ("RADIUS", chosen.radius_host, chosen.radius_port, "UDP"),
        ("RADIUS", chosen.radius_host, chosen.radius_accounting_port, "UDP"),
    ):
        if port:
            found[interface].append(f"{f'[{host}]' if ':' in host else host}:{port} {how}")
    return found


@require_GET
@needs("charging.monitor")
def peer_list(request: HttpRequest) -> HttpResponse:
    """Everybody on the list with what is heard of them, where we listen, and who was turned away lately."""
    listed, doors = peers.list_peers(), _doors(options())
    try:
        board = charging_board(now_s=int(clock.now().timestamp()))
    except NoAnswer:
        board = None
    heard = {(one["interface"], one["name"].lower()): one for one in asking(board)} if board else {}
    groups = [
        {
            "interface": interface,
            "doors": doors[interface],
            "rows": [(one, heard.get((interface, one.name))) for one in listed if one.interface == interface],
        }
        for interface in INTERFACES
    ]
    turned_away = [
        {**one, "at": datetime.fromtimestamp(one["last_at_s"], UTC)} for one in (board or {}).get("turned_away", [])
    ]
    context = {
        "active": "console:peers",
        "groups": groups,
        "is_silent": board is None,
        "turned_away": turned_away,
    }
    return part(request, "peers_live.html", context) if request.htmx else page(request, "peers.html", context)


# --- one of them ----------------------------------------------------------------------------------------------------


def _known(peer_id: int) -> PeerView:
    try:
        return peers.peer_by_id(peer_id=peer_id)
    except PeerUnknown as unknown:
        raise Http404 from unknown


def _written(request: HttpRequest, interface: str) -> dict[str, Any]:
    """What the form holds, as it was typed."""
    typed = {
        name: request.POST.get(name, "").strip()[:2000] for name in ("name", "realm", "addresses", "service", "secret")
    }
    return {
        **typed,
        "interface": interface,
        "needs_tls": "needs_tls" in request.POST,
        "change_port": request.POST.get("change_port", "").strip()[:8],
    }


def _wish(typed: dict[str, Any]) -> PeerWish:
    port = typed["change_port"] or "0"
    return PeerWish(
        **{
            **typed,
            "addresses": tuple(typed["addresses"].replace(",", " ").split()),
            "change_port": int(port) if port.isdecimal() else -1,
        }
    )


def _problems() -> dict[str, str]:
    """What to do about each field that can be wrong."""
    return {
        "name": _("A name has letters, digits, dots, hyphens or underscores, as the element says it of itself."),
        "realm": _("A realm is written like a name of the internet, for example net.example."),
        "addresses": _(
            "Write addresses or networks such as 10.0.0.0/24 or 2001:db8::/64; an access server has one address."
        ),
        "secret": _(
            "A secret has 16 to 128 letters, digits or signs without blanks: the same as in the access server."
        ),
        "service": _("Choose how its sessions are charged."),
        "change_port": _("A port is a number from 0 to 65535; 0: it takes no changes."),
        "known": _("Another one has this name or this address: change one of them."),
        "interface": _("What an element speaks cannot be changed: write it down anew."),
    }


def _form(request: HttpRequest, typed: dict[str, Any], known: PeerView | None, wrong: str = "") -> HttpResponse:
    context = {
        "active": "console:peers",
        "typed": typed,
        "known": known,
        "wrong": wrong,
        "problem": _problems().get(wrong, ""),
        "services": peers.SERVICES,
        "shortest": peers.SHORTEST_SECRET,
    }
    return page(request, "peer.html", context, status=422 if wrong else 200)


@require_http_methods(["GET", "POST"])
@needs("charging.peers")
def new_peer(request: HttpRequest, interface: str) -> HttpResponse:
    """Write an element down; what was turned away comes with what is known of it."""
    if interface not in INTERFACES:
        raise Http404
    if request.method == "POST":
        return _put(request, _written(request, interface), None)
    typed = {name: request.GET.get(name, "")[:253] for name in ("name", "addresses", "realm")}
    port = peers.CHANGE_PORT if interface == "RADIUS" else 0
    return _form(request, {**typed, "interface": interface, "service": "BROADBAND", "change_port": port}, None)


@require_http_methods(["GET", "POST"])
@needs("charging.peers")
def peer(request: HttpRequest, peer_id: int) -> HttpResponse:
    """One element, to change. Its secret is not shown; an empty field keeps it."""
    known = _known(peer_id)
    if request.method == "POST":
        return _put(request, _written(request, known.interface), known)
    return _form(request, {**asdict(known), "addresses": "\n".join(known.addresses)}, known)


def _put(request: HttpRequest, typed: dict[str, Any], known: PeerView | None) -> HttpResponse:
    try:
        peer_id = peers.put_peer(
            peer_id=known.peer_id if known else None,
            wish=_wish(typed),
            staff_id=staff_of(request).staff_id,
            at=clock.now(),
        )
    except peers.PeerWrong as wrong:
        return _form(request, typed, known, str(wrong.args[0]))
    except peers.PeerKnown:
        return _form(request, typed, known, "known")
    except PeerUnknown as gone:
        raise Http404 from gone
    messages.success(request, _("Written down: it counts within two seconds, without a restart."))
    return (
        redirect("console:peer", peer_id) if typed["interface"] == "NCHF" and not known else redirect("console:peers")
    )


@require_POST
@needs("charging.peers")
def act(request: HttpRequest, peer_id: int) -> HttpResponse:
    """Shut an element out or let it in again, strike it off, or make a key, which is shown this once."""
    by: dict[str, Any] = {"peer_id": peer_id, "staff_id": staff_of(request).staff_id, "at": clock.now()}
    acts: dict[str, Callable[[], str | None]] = {
        "shut_out": lambda: peers.admit_peer(is_admitted=False, **by),
        "let_in": lambda: peers.admit_peer(is_admitted=True, **by),
        "remove": lambda: peers.remove_peer(**by),
        "key": lambda: peers.give_key(**by),
    }
    action = request.POST.get("action", "")
    if action not in acts:
        raise Http404
    try:
        key = acts[action]()
    except PeerUnknown as gone:
        raise Http404 from gone
    if key is None:
        messages.success(request, _("Done: it counts within two seconds."))
        return redirect("console:peers")
    shown = page(request, "peer_key.html", {"active": "console:peers", "known": _known(peer_id), "key": key})
    shown["Cache-Control"] = "no-store"
    return shown
