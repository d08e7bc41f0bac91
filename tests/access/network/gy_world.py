"""An operator whose engine is asked over Diameter at every kind of door: made once for all tests of what is said there.

It has a database of its own. Every test takes users of its own, who have a number, an IMSI and a wallet.
"""

from __future__ import annotations

import itertools
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from diameter.message import Message
from diameter.message.avp.grouped import (
    MultipleServicesCreditControl,
    RequestedServiceUnit,
    SubscriptionId,
    UsedServiceUnit,
)
from diameter.message.commands.credit_control import CreditControlRequest
from django.conf import settings
from tests.access.console.small_operator import _create, at_work
from tests.access.network.network_operator import reference
from tests.access.network.online_door import OnlineDoor, free_port
from tests.access.network.test_diameter import Wire
from tests.access.network.test_nchf import make_certificate
from tests.database_template import migrated_template
from tests.modules.charging.engine.conftest import DATA_PRICE, ITEMS, NATIONAL_2010, Item, Version, image, local_s
from tests.modules.charging.engine.test_online import Network, moment

from openboss.access.network.diameter import avps
from openboss.access.network.diameter.door import open_doors
from openboss.access.network.diameter.node import Node
from openboss.access.network.diameter.peers import Identity
from openboss.access.network.diameter.session_names import key_of
from openboss.config.options import options
from openboss.modules.catalog.publications import publication_text, write_publication
from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.functions.engine import image_payload
from openboss.modules.charging.numbering import build_numbering

MB = 1024 * 1024
USERS = 200
FIRST_NUMBER, FIRST_IMSI = 8613900710100, 460001234500100
HAS_PASS = 199  # the user whose free data ends at PASS_ENDS
PASS_ENDS = "2026-10-05 12:00:00"
MORNING, NOBODY = "2026-10-05 10:00:00", (0, "8613900719999")
DATA, VOICE, SMS = "8.32251@3gpp.org", "8.32260@3gpp.org", "8.32274@3gpp.org"
INITIAL, UPDATE, TERMINATION, EVENT = 1, 2, 3, 4
ENDINGS = {"TERMINATE": "", "REDIRECT": "http://top.up/", "RESTRICT": "walled-garden"}


def _prices(data: str) -> list[dict[str, Any]]:
    """What use costs; of data by what the network says it is, and a rating group nobody has written down nothing."""
    on_net = [rule for rule in NATIONAL_2010 if rule["rule"] != "DATA"]
    by_group = [("FREE", {"rating_group": [9]}, "0"), ("VIDEO", {"service": ["1201"]}, "0.50"),
                ("DEAR", {"rating_group": [200]}, "10.00"), ("DATA", {"rating_group": [7, 100]}, data)]  # fmt: skip
    rules = [{**DATA_PRICE, "rule": name, "when": {"record": ["DATA"], **when}, "price": price}
             for name, when, price in by_group]  # fmt: skip
    wlan = {"rule": "WLAN", "when": {"record": ["WLAN"]}, "item": "WLAN", "unit": "60 s", "price": "0.05"}
    picture = {"rule": "PICTURE", "when": {"record": ["VIDEO_CALL"]}, "item": "LOCAL", "unit": "60 s", "price": "0.60"}
    mms = {"rule": "MMS", "when": {"record": ["MMS"]}, "item": "SMS", "unit": "1 MSG", "price": "0.30"}
    return [*on_net, *rules, wlan, picture, mms]


def _tariffs() -> list[Version]:
    """National prices, dearer from 2026-10-06 on; a plan without prices; a pass with free data."""
    free = {"rule": "KB", "unit": "KB", "granted": 1024 * 1024, "scope": {"record": ["DATA"]}}
    made = [
        Version(0, "STANDARD", "STANDARD", date(2010, 1, 1), {"prices": _prices("0.29")}),
        Version(0, "STANDARD", "STANDARD", date(2026, 10, 6), {"prices": _prices("1.00")}),
        Version(2, "DATA_1GB", "ADDON", date(2010, 1, 1), {"free": [free]}),
        Version(4, "EASYOWN", "MAIN", date(2003, 1, 1), {}),
    ]
    numbers = itertools.count(1)
    for version in made:
        version.document = deepcopy(version.document)
        for rule in itertools.chain(version.document.get("prices", ()), version.document.get("free", ())):
            version.rule_ids[rule["rule"]] = next(numbers)
    return made


def _everybody() -> Any:
    """The users, each with a number and an IMSI; one has a pass that ends."""
    known = {n: {"number": FIRST_NUMBER + n} for n in range(1, USERS)}
    known[HAS_PASS]["offers"] = [4, 2]
    found = image(known)
    cards = [(FIRST_IMSI + n, n, local_s("2000-01-01"), local_s("2099-01-01")) for n in known]
    holdings = found.holdings.with_columns(
        to_local_s=pl.when(pl.col("offer_id") == 2).then(local_s(PASS_ENDS)).otherwise("to_local_s")
    )
    imsis = pl.DataFrame(cards, schema=found.imsis.schema, orient="row")
    return found._replace(holdings=holdings, imsis=imsis)


@dataclass(frozen=True)
class User:
    """Somebody who pays beforehand."""

    subscriber_id: int

    @property
    def account_id(self) -> int:
        return 500 + self.subscriber_id

    @property
    def number(self) -> int:
        return FIRST_NUMBER + self.subscriber_id

    @property
    def imsi(self) -> int:
        return FIRST_IMSI + self.subscriber_id


class AllDoors(OnlineDoor):
    """Doors of Diameter: one for each way in which services may end, one over IPv6, one under TLS."""

    currency = 156

    def __init__(self, engine: Network, folder: Path) -> None:
        self.certificate, self.key = make_certificate(folder)
        names = (*ENDINGS, "IPV6", "TLS")
        self.ports = {name: free_port() for name in names}
        super().__init__(engine, AllDoors._open, build_numbering(reference()))

    def prepare(self) -> None:
        """The engine is warm."""

    def node(self, ending: str) -> Node:
        identity = Identity("charge.test", "test", 1, lambda *_asked: True, avps.final_unit(ending, ENDINGS[ending]))
        return Node(identity=identity, server=self, now_s=self.now_s, fail=self.faults.append, loop=self.loop)

    async def _open(self) -> Callable:
        self.nodes = {ending: self.node(ending) for ending in ENDINGS}
        opened = []
        for ending, node in self.nodes.items():
            opened.append(await self.loop.create_server(node.new_peer, "127.0.0.1", self.ports[ending]))
        files = {f"diameter_{name}": str(self.key if name == "key" else self.certificate)
                 for name in ("certificate", "key", "clients")}  # fmt: skip
        for chosen in ({"diameter_host": "::1", "diameter_port": self.ports["IPV6"], "diameter_tls_port": 0},
                       {"diameter_host": "127.0.0.1", "diameter_port": 0, "diameter_tls_port": self.ports["TLS"],
                        **files}):  # fmt: skip
            said = options().model_copy(update=chosen)
            opened += await open_doors(self.nodes["TERMINATE"].new_peer, said, self.loop)

        async def end() -> None:
            for one in opened:
                one.close()
            for node in self.nodes.values():
                node.homes.close()

        return end


class World:
    """The engine, its doors, and users nobody has used yet."""

    def __init__(self, folder: Path) -> None:
        items = [*ITEMS, Item(len(ITEMS) + 1, "WLAN")]
        path, sha256 = write_publication(settings.LAKE_DIR / "tariffs", publication_text(_tariffs(), items, []))
        journal.send_command(kind="PUBLICATION", payload={"path": f"tariffs/{path.name}", "sha256": sha256})
        journal.send_command(kind="IMAGE", payload=image_payload(_everybody()))
        journal.send_command(kind="OPEN_CYCLE", payload={"cycle": 202610})
        (folder / "engine").mkdir()
        self.engine = Network(folder)
        self.doors = AllDoors(self.engine, folder)
        self._users, self._sessions = itertools.count(1), itertools.count(1)
        self._lines: dict[str, Gateway] = {}

    def at(self, text: str) -> None:
        """Let it be a moment of the operator's wall clock."""
        self.doors.at = moment(text)

    def new_user(self, balance_li: int, subscriber_id: int = 0, *, limit_li: int = 0) -> User:
        """Somebody who has a wallet with so much in it, which may fall so far below zero."""
        user = User(subscriber_id or next(self._users))
        wallet = {"account_id": user.account_id, "balance_li": balance_li, "limit_li": limit_li,
                  "subscriber_ids": [user.subscriber_id]}  # fmt: skip
        assert self.engine.order("WALLETS", wallets=[wallet]).state == "DONE"
        return user

    def wallet(self, user: User) -> tuple[int, int]:
        """What somebody has, and how much of it is reserved, in li."""
        wallets = self.engine.owner.state.desk.wallets
        found = wallets[wallets["account_id"] == user.account_id][0]
        return int(found["balance_li"]), int(found["reserved_li"])

    def place_of(self, session: Session) -> int:
        """Where the engine keeps a session."""
        known, key = self.engine.owner.state.desk.sessions, key_of(session.name)
        is_it = (known["key_hi"] == np.uint64(int(key[:16], 16))) & (known["key_lo"] == np.uint64(int(key[16:], 16)))
        return int(np.flatnonzero(is_it)[0])

    def sweep(self, text: str) -> None:
        """Let it be a moment at which the engine looks for sessions whose network fell silent."""
        self.at(text)
        self.doors.call(lambda: self.engine.owner.sweep(self.doors.at))

    def detail(self, user: User, *months: int) -> pl.DataFrame:
        """What was recorded of somebody's use."""
        self.engine.owner.flush()
        files = [name for month in months or (202610,) for name in self.engine.owner.lake.usage_files(month)]
        rows = pl.read_parquet(files, hive_partitioning=True)
        return rows.filter(pl.col("subscriber_id") == user.subscriber_id).sort("position", "row")

    def line(self, door: str = "TERMINATE") -> Gateway:
        """A gateway's connection, already introduced."""
        if door not in self._lines:
            self._lines[door] = self.meet(door)
        return self._lines[door]

    def meet(self, door: str) -> Gateway:
        """Another gateway, which introduces itself at a door."""
        return Gateway(self._connect(door))

    def _connect(self, door: str) -> socket.socket:
        line = socket.create_connection(("::1" if door == "IPV6" else "127.0.0.1", self.doors.ports[door]), 30)
        if door != "TLS":
            return line
        context = ssl.create_default_context(cafile=self.doors.certificate)
        context.check_hostname = False
        context.load_cert_chain(self.doors.certificate, self.doors.key)
        return context.wrap_socket(line)

    def session(self, user: User | None = None, context: str = DATA, door: str = "TERMINATE", **more: Any) -> Session:
        """A session that a gateway is about to begin for somebody."""
        known_as = more.pop("known_as", [(0, str(user.number))] if user else [])
        wire = more.pop("wire", None) or self.line(door)
        name = more.pop("name", f"gw.test;{next(self._sessions)}")
        return Session(wire, name, context, known_as, more)

    def stop(self) -> None:
        """Close everything."""
        for line in self._lines.values():
            line.line.close()
        self.doors.stop()


class Gateway(Wire):
    """A gateway on a line that is open; it remembers what was said."""

    def __init__(self, line: socket.socket) -> None:
        self.line, self.said = line, []
        self.introduce()

    def send(self, data: bytes) -> None:
        self.said.append((False, data))
        super().send(data)

    def read(self) -> bytes:
        data = super().read()
        self.said.append((True, data))
        return data


@dataclass
class Session:
    """A credit-control session: its requests are made by python-diameter, its answers read by it."""

    wire: Wire
    name: str
    context: str
    known_as: list[tuple[int, str]]
    more: dict[str, Any] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    heard: bytes = b""

    def ask(self, kind: int, *services: MultipleServicesCreditControl, **more: Any) -> Any:
        """Send a request of a kind about some services; return the answer."""
        self.wire.send(self.request(kind, *services, **more))
        self.heard = self.wire.hear()
        return Message.from_bytes(self.heard)

    def request(self, kind: int, *services: MultipleServicesCreditControl, **more: Any) -> bytes:
        """Write the next request."""
        request = CreditControlRequest()
        request.header.application_id = 4
        request.session_id, request.origin_host, request.origin_realm = self.name, b"gw.test", b"test"
        request.destination_realm, request.auth_application_id = b"test", 4
        request.service_context_id, request.cc_request_type = self.context, kind
        request.cc_request_number = next(self.numbers)
        request.subscription_id = [
            SubscriptionId(subscription_id_type=kind_of, subscription_id_data=data) for kind_of, data in self.known_as
        ]
        request.multiple_services_credit_control = list(services)
        for name, value in {**self.more, **more}.items():
            setattr(request, name, value)
        return bytes(request.as_bytes())

    @property
    def change_at(self) -> list[str]:
        """The moments at which the last answer says that prices change, by the operator's wall clock (UTC + 8)."""
        found = Message.from_bytes(self.heard, plain_msg=True).find_avps((456, 0), (431, 0), (451, 0))
        since = [int.from_bytes(one.payload, "big") for one in found]  # seconds since 1900 (RFC 6733 4.3.1)
        return [str(datetime(1900, 1, 1) + timedelta(seconds=seconds, hours=8)) for seconds in since]


def service(
    group: int | None = 100, *used: dict[str, int], wants: dict[str, Any] | None = None, asks: bool = True, **more: Any
) -> MultipleServicesCreditControl:
    """One service of a request: what was used of it, and what is wanted next."""
    found = MultipleServicesCreditControl(rating_group=group, **more)
    if asks:
        found.requested_service_unit = RequestedServiceUnit(**(wants or {}))
    found.used_service_unit = [UsedServiceUnit(**one) for one in used]
    return found


def last(group: int | None = 100, *used: dict[str, int], **more: Any) -> MultipleServicesCreditControl:
    """One service of a request that wants nothing more."""
    return service(group, *used, asks=False, **more)


def of(answer: Any) -> dict[int, Any]:
    """The services of an answer by rating group."""
    return {one.rating_group: one for one in answer.multiple_services_credit_control}


@contextmanager
def opened_world(fields: dict[str, Any], folder: Path) -> Iterator[World]:
    """A world on a server of databases, which fields name, while this lasts."""
    name = f"test_openboss_{os.getpid()}_gy"
    _create(fields, name, migrated_template(fields))
    with at_work(folder, name):
        found = World(folder)
        yield found
        found.stop()
