"""What our halls ask of other provinces is brought to them, signed, and their signed answer is taken (HAL-14, D18).

Where a province is stands in `hub_peers.json` of the data folder: {"09": {"url": "https://.../hub/", "key": hex}},
readable by nobody else; the key is the one that province gave us. Without the file a simulated province answers, and
says in every answer that it is one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import structlog
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.utils import timezone

from openboss.access.hub.envelope import COUNTRY, SIGNATURE, Answer, kind_of
from openboss.access.hub.simulator import simulated_answer
from openboss.modules.orders import functions as orders
from openboss.modules.orders.functions import HubOrderView
from openboss.modules.receivables.functions.rules import rules_at
from openboss.modules.system.signing import MessageForged, refuse_forged, sign
from openboss.processes import ask_province
from openboss.processes.provision import Delivered, NotDelivered, send_all_due

TOPIC = "hub"
PEERS = "hub_peers.json"
ANSWER_S = 10.0
NUL = rb"\u0000"  # the database keeps none
_REST_S, _AFTER_TROUBLE_S = 0.5, 5.0

log = structlog.get_logger("hub")
Post = Callable[[str, bytes, str], tuple[int, bytes, str]]  # address, body, signature -> status, body, signature


@dataclass(frozen=True)
class Peer:
    """Where a province is, and the key it shares with us."""

    url: str
    key: bytes


def read_peers(path: Path) -> dict[str, Peer] | None:
    """The provinces of a file; None = there is no file, a simulated province answers."""
    if not path.is_file():
        return None
    rows: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return {province: Peer(row["url"], bytes.fromhex(row["key"])) for province, row in rows.items()}


def post(url: str, body: bytes, signature: str) -> tuple[int, bytes, str]:
    """Send a message to a province. Raises NotDelivered."""
    headers = {SIGNATURE: signature, "Content-Type": "application/json"}
    try:
        answer = httpx.post(url, content=body, headers=headers, timeout=ANSWER_S)
    except httpx.HTTPError as silent:
        raise NotDelivered(f"{type(silent).__name__}: {silent}") from silent
    return answer.status_code, answer.content, answer.headers.get(SIGNATURE, "")


def deliver(
    *, peers: Mapping[str, Peer] | None, now: Callable[[], datetime], send: Post = post, limit: int = 20
) -> Delivered:
    """Bring what waits to the provinces and take their answers; what is not answered waits or is taken back."""
    return send_all_due({TOPIC: partial(_bring, peers, now, send)}, now=now, limit=limit)


def _bring(
    peers: Mapping[str, Peer] | None, now: Callable[[], datetime], send: Post, payload: Mapping[str, Any]
) -> None:
    order = orders.hub_order(trans_id=payload["trans_id"])
    activity = payload["activity"]
    try:
        said = _asked(order, activity, payload.get("secret", {}), peers, now(), send)
    except NotDelivered:
        if ask_province.no_answer(trans_id=order.trans_id, activity=activity, at=now()):
            return
        raise
    ask_province.answered(
        trans_id=order.trans_id,
        activity=activity,
        code=said.Response.RspCode,
        words=said.Response.RspDesc,
        their_id=said.TransInfo.TransIDH,
        answer=said.SvcCont,
        at=now(),
    )


def _asked(
    order: HubOrderView,
    activity: str,
    secret: Mapping[str, str],
    peers: Mapping[str, Peer] | None,
    at: datetime,
    send: Post,
) -> Answer:
    """Ask, and give the answer whose signature is the province's. Raises NotDelivered."""
    message = _envelope(order, activity, secret, at)
    if peers is None:
        return Answer.model_validate(simulated_answer(message))
    if order.home not in peers:
        raise NotDelivered(f"province {order.home} has no address")
    peer, body = peers[order.home], json.dumps(message, ensure_ascii=False).encode()
    status, content, signature = send(peer.url, body, sign(body, key=peer.key, at=at))
    if status != 200:
        raise NotDelivered(f"province {order.home} answered {status}")
    try:
        refuse_forged(signature, content, key=peer.key, at=at)
        said = Answer.model_validate_json(content.replace(NUL, b""))
    except (MessageForged, ValueError) as wrong:
        raise NotDelivered(f"the answer of province {order.home} is not to be believed") from wrong
    if said.TransInfo.TransIDO != order.trans_id:
        raise NotDelivered("an answer to something else")
    return said


def _envelope(order: HubOrderView, activity: str, secret: Mapping[str, str], at: datetime) -> dict[str, Any]:
    content: dict[str, Any] = {**order.content, **secret}
    if activity == "PAY":
        content["PaidFen"] = order.paid_fen
    local = at.astimezone(timezone.get_default_timezone())
    return {
        "Version": "0100",
        "TestFlag": "0",
        "BIPType": {
            "BIPCode": kind_of(activity),
            "ActivityCode": activity,
            "ActionCode": "0",
        },
        "RoutingInfo": {
            "OrigDomain": rules_at(at).value("own_province"),
            "RouteType": "01",
            "Routing": {"HomeDomain": order.home, "RouteValue": str(order.number).removeprefix(COUNTRY)},
        },
        "TransInfo": {"SessionID": f"S{order.hub_order_id}", "TransIDO": order.trans_id},
        "TransIDC": f"C{order.hub_order_id}",
        "ProcessTime": local.strftime("%Y%m%d%H%M%S"),
        "SvcCont": {} if activity == ask_province.REVERSE else content,
    }


def run(*, stopping: threading.Event, data_dir: Path, now: Callable[[], datetime]) -> None:
    """Bring what waits twice a second until told to stop: part of the worker process."""
    while not stopping.is_set():
        try:
            done = deliver(peers=read_peers(data_dir / PEERS), now=now)
            if done.sent or done.failed:
                log.info("hub", sent=done.sent, failed=done.failed)
        except (OperationalError, InterfaceError) as away:
            log.warning("hub", trouble=str(away).splitlines()[0])
            close_old_connections()
            stopping.wait(_AFTER_TROUBLE_S)
            continue
        stopping.wait(_REST_S)
    connection.close()
