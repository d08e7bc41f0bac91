"""Requests and answers of online charging as columns: filled by an interface, read by the engine, and back.

Neither knows the other's protocol. A request has any number of asks: one for each service (rating group) it names, or
one that is implicit where the message asks for itself. Source: RFC 8506, 3GPP TS 32.299; D4.8.
"""

from enum import IntEnum

import numpy as np

MOST_COUNTED = 2**30 - 1  # seconds or messages of a record; with as large a quota on top they still fit in 32 bits
MOST_OCTETS = 2**50  # each way
BELIEVED_S = 3600  # a network's clock that is further off is not believed
REMEMBERED_S = 86_400  # a debit that was settled, for when it is sent again


class Kind(IntEnum):
    """What a request does with its session (CC-Request-Type)."""

    INITIAL = 1
    UPDATE = 2
    TERMINATION = 3
    EVENT = 4


class Action(IntEnum):
    """What an event wants (Requested-Action)."""

    DEBIT = 0
    REFUND = 1
    CHECK_BALANCE = 2
    PRICE = 3
    # It has happened and says what it used: debited, with money or without. Of Nchf, and what opens a RADIUS session
    # that runs or ran already (INITIAL); nothing of Diameter.
    OVER = 4


class Result(IntEnum):
    """How a request or a service fared (Result-Code of RFC 6733 and 8506)."""

    SUCCESS = 2001
    TOO_BUSY = 3004
    UNKNOWN_SESSION = 5002
    INVALID_VALUE = 5004
    END_USER_SERVICE_DENIED = 4010
    CREDIT_LIMIT_REACHED = 4012
    UNABLE_TO_COMPLY = 5012
    USER_UNKNOWN = 5030
    RATING_FAILED = 5031


class Measure(IntEnum):
    """What a quota is counted in."""

    NONE = 0
    SECONDS = 1
    OCTETS = 2
    UNITS = 3
    LI = 4  # money: what the network itself has priced


REQUEST = np.dtype(
    [
        ("key_hi", np.uint64),  # hash of the session's name
        ("key_lo", np.uint64),
        ("debit_hi", np.uint64),  # of a refund: the session of the debit, 0 = the same session
        ("debit_lo", np.uint64),
        ("served", np.int64),  # numbers coded as in charging.numbering: leading zeros * 10**18 + digits
        ("imsi", np.int64),
        ("other", np.int64),
        ("at_s", np.int64),  # UTC second of the event as the network has it, 0 = not said
        ("call_ref", np.int64),
        ("apn", np.int64),  # kernel.usage.text_id of the access point, 0 = not said
        ("network", np.int64),  # country and network code of the network visited, 0 = not said
        ("tracking_area", np.int64),  # or location area, where the user is in that network, 0 = not said
        ("imei", np.int64),  # the 14 digits that name the handset, 0 = not said
        ("number", np.int64),  # number of the request in its session
        ("first_ask", np.int32),
        ("asks", np.int32),
        ("kind", np.uint8),
        ("action", np.uint8),
        ("record_type", np.uint8),  # kernel.usage.RecordType
        ("is_repeated", np.uint8),  # the network says it may have sent it before
    ],
    align=True,
)

_COUNTS = ("s", "up", "down", "units", "li")
USED_FIELDS = tuple(f"{when}_{count}" for when in ("used", "after") for count in _COUNTS)
ASK = np.dtype(
    [
        ("rating_group", np.int64),  # -1 = the request itself
        ("service_id", np.int64),  # -1 = none; what prices know as the provider's service
        ("want_s", np.int64),
        ("want_octets", np.int64),
        ("want_units", np.int64),
        ("want_li", np.int64),
        *((name, np.int64) for name in USED_FIELDS),  # after_*: used after the tariff change
        ("is_asking", np.uint8),  # a quota is wanted
        ("is_final", np.uint8),  # the network has ended this service
        ("is_changed", np.uint8),  # what was used is reported because circumstances are others from now on
    ],
    align=True,
)

ANSWER = np.dtype(
    [
        ("place", np.int32),  # of the session, -1 = none
        ("result", np.int32),
        ("balance_li", np.int64),
        ("cost_li", np.int64),  # of a price enquiry or a direct debit; what a refund gave back
        ("is_repeat", np.uint8),
        ("has_credit", np.uint8),  # of a check of the balance
    ],
    align=True,
)

QUOTA = np.dtype(
    [
        ("result", np.int32),
        ("measure", np.uint8),
        ("is_last", np.uint8),  # nothing can follow: the network must end the service when it is used up
        ("granted", np.int64),
        ("validity_s", np.int64),  # 0 = not limited
        ("change_at_s", np.int64),  # UTC second at which other prices begin, 0 = none within the quota's life
    ],
    align=True,
)
"""What an ask was given, in the order of the asks."""


def empty_requests(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Make room for `count` requests with an ask each, all absent."""
    asks = np.zeros(count, ASK)
    asks["rating_group"] = asks["service_id"] = -1
    return np.zeros(count, REQUEST), asks
