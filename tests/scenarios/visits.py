"""What users do on a network, request by request: data sessions of one or two services, calls, events.

A user has seats; on each one visit follows the other. Whose money never runs out has one seat, and what it uses is a
function of its number and the visit: a run without trouble comes to the same. The others have several seats at once,
use no more than they were granted, and may be refused: then the visit ends.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from openboss.access.network.diameter import avps
from openboss.access.network.diameter.avps import avp, message, read_avps, read_message

STEPS, MB = 5, 1024 * 1024
CALM_SEATS, BUSY_SEATS = 1, 3  # the last seat of three is for events
DEBIT_LI = 7
CREDIT_LIMIT_REACHED = 4012
THREE_GPP = struct.pack(">I", 10415)
GROUPS = (100, 200)


@dataclass
class Told:
    """What was acknowledged of one user: records that must be there, and what they hold."""

    records: int = 0
    seconds: int = 0
    octets: int = 0
    events_li: int = 0
    refused: int = 0


@dataclass
class Visit:
    """One session of a user, or one event with perhaps its refund, and how far it has got."""

    number: int  # of the user
    seat: int
    seats: int
    count: int = 0  # which one of the seat's
    step: int = 0
    used: dict[int, tuple[int, int]] = field(default_factory=dict)  # by rating group: seconds and octets acknowledged
    _granted: dict[int, int] | None = None  # of users who may run out: by rating group; 0 = a call

    @property
    def is_event(self) -> bool:
        """Whether it is a debit at once, every third with a refund."""
        return self.seats > 1 and self.seat == self.seats - 1

    @property
    def steps(self) -> int:
        """How many requests it has, if nothing is refused."""
        return (2 if self.count % 3 == 2 else 1) if self.is_event else STEPS

    @property
    def is_call(self) -> bool:
        """Whether it is a call."""
        return self.count % 3 == 2

    @property
    def _groups(self) -> tuple[int, ...]:
        return (0,) if self.is_call else GROUPS[: 1 + self.count % 3]

    @property
    def name(self) -> str:
        """Its Session-Id."""
        return f"gw.fire;{self.number};{self.seat};{self.count}"

    def write(self, hop: int) -> bytes:
        """Write the request of the present step."""
        is_spoken = self.is_call and not self.is_event
        content = avp(avps.SESSION_ID, self.name) + avp(avps.ORIGIN_HOST, "gw.fire")
        content += avp(avps.ORIGIN_REALM, "fire") + avp(avps.DESTINATION_REALM, "openboss.invalid")
        content += avp(avps.AUTH_APPLICATION, avps.CREDIT_APPLICATION)
        content += avp(461, "32260@3gpp.org" if is_spoken else "32251@3gpp.org")
        content += avp(avps.CC_TYPE, self._kind()) + avp(avps.CC_NUMBER, self.step)
        content += avp(443, avp(450, 0) + avp(444, str(self.number)))
        content += self._event() if self.is_event else self._services()
        return message(flags=0xC0, command=272, application=4, hop=hop, end=hop, avps=content)

    def _kind(self) -> int:
        return 4 if self.is_event else 1 if self.step == 0 else 3 if self.step == STEPS - 1 else 2

    def _event(self) -> bytes:
        """Debit an amount of money, or take it back."""
        units = avp(413, avp(445, avp(447, DEBIT_LI.to_bytes(8, "big")) + avp(429, 2**32 - 3)) + avp(425, 156))
        return avp(436, self.step) + avp(456, avp(437, units) + avp(432, 9))

    def _services(self) -> bytes:
        wanted = b"" if self.step == STEPS - 1 else avp(437, b"")
        content = b""
        for group in self._groups:
            seconds, octets = self.uses(group)
            said = avp(446, avp(420, seconds) if self.is_call else avp(421, octets.to_bytes(8, "big")))
            service = (said if self.step else b"") + wanted
            content += service if self.is_call else avp(456, service + avp(432, group))
        if self.is_call:
            content += _vendor(873, _vendor(876, _vendor(829, bytes(4)) + _vendor(832, b"tel:+8613001000001")))
        return content

    def uses(self, group: int) -> tuple[int, int]:
        """Seconds and octets that the present step reports of a rating group."""
        if self.step == 0:
            return 0, 0
        seconds, octets = (60 if self.step < STEPS - 1 else 7), 0
        if not self.is_call:
            seconds, octets = 0, group // 100 * MB + self.number * 37 % 900_001 + self.count * 101 + self.step
        if self._granted is None:
            return seconds, octets
        most = self._granted.get(group, 0)
        return min(seconds, most), min(octets, most)

    def take(self, data: bytes, told: Told) -> str:
        """Take the answer to the present step over; return what is wrong with it."""
        answer = read_message(data)
        result = answer.number(avps.RESULT_CODE)
        if self.is_event:
            return self._take_event(result, told)
        may_run_out = self.seats > 1
        is_refused = may_run_out and result == CREDIT_LIMIT_REACHED and self.step < STEPS - 1
        if result != avps.SUCCESS and not is_refused:
            return f"{self.name} step {self.step}: {result}"
        for group in self._groups:
            added, before = self.uses(group), self.used.get(group, (0, 0))
            self.used[group] = (before[0] + added[0], before[1] + added[1])
        self._granted = _granted(answer) if may_run_out else None
        told.refused += is_refused
        if is_refused and self.step == 0:
            self.step = STEPS
        elif may_run_out and not all(self._granted.get(group) for group in self._groups) and self.step < STEPS - 1:
            self.step = STEPS - 1
        else:
            self.step += 1
        if self.is_over:
            told.records += sum(any(one) for one in self.used.values())
            told.seconds += sum(seconds for seconds, _ in self.used.values())
            told.octets += sum(octets for _, octets in self.used.values())
        return ""

    def _take_event(self, result: int | None, told: Told) -> str:
        if result == CREDIT_LIMIT_REACHED and self.step == 0:
            told.refused += 1
            self.step = self.steps
            return ""
        if result != avps.SUCCESS:
            return f"{self.name} event {self.step}: {result}"
        told.events_li += -DEBIT_LI if self.step else DEBIT_LI
        self.step += 1
        return ""

    @property
    def is_over(self) -> bool:
        """Whether nothing follows."""
        return self.step >= self.steps

    def next(self) -> Visit:
        """The next one of the seat."""
        return Visit(self.number, self.seat, self.seats, self.count + 1)


def _granted(answer: avps.Message) -> dict[int, int]:
    """Units granted by rating group (0 = the message itself); none if a service was refused."""
    found = {}
    for code, vendor, value in answer.avps:
        if vendor == 0 and code == 456:
            inside = list(read_avps(value))
            group = next(int.from_bytes(one, "big") for number, _, one in inside if number == 432)
            found[group] = next((_units(one) for number, _, one in inside if number == 431), 0)
        elif vendor == 0 and code == 431:
            found[0] = _units(value)
    return found


def _units(value: bytes) -> int:
    return next(int.from_bytes(one, "big") for code, _, one in read_avps(value) if code in (420, 421))


def _vendor(code: int, value: bytes) -> bytes:
    return struct.pack(">II", code, 0xC0 << 24 | 12 + len(value)) + THREE_GPP + value + bytes(-len(value) % 4)
