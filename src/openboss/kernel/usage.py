"""The codes of a usage record, as small integers that compiled code can index by.

Source: D4.1 (canonical record), D4.2 (error codes). The numbers are stored in files: append, never renumber.
"""

from enum import IntEnum


class RecordType(IntEnum):
    """What kind of use the network saw."""

    MOC = 0  # call made
    MTC = 1  # call received
    CALL_FORWARD = 2
    SMS_MO = 3
    SMS_MT = 4
    MMS = 5
    DATA = 6
    WLAN = 7
    IN_PRERATED = 8  # charged already by the intelligent network (ARC-21)
    SP_FEE = 9
    BROADBAND = 10
    TAP_IN = 11
    GATEWAY = 12
    VIDEO_CALL = 13


class RoamType(IntEnum):
    """Where the served user was, seen from home."""

    HOME = 0
    INTRA_PROV = 1
    INTER_PROV_OUT = 2
    INTER_PROV_IN = 3
    INTL_OUT = 4
    INTL_IN = 5


class LdType(IntEnum):
    """How far the call went."""

    LOCAL = 0
    INTRA_PROV_LD = 1
    INTER_PROV_LD = 2
    HMT = 3  # Hong Kong, Macao, Taiwan
    INTL = 4
    INTL_LISTED = 5  # countries with a night price (D5.1)
    IP_LD = 6  # domestic with prefix 17951


class OtherNet(IntEnum):
    """Whose network the other party is on."""

    OWN_MOBILE = 0
    CUCC = 1
    CTCC = 2
    FIXED = 3
    SATELLITE = 4
    FOREIGN = 5


class ClosedGroup(IntEnum):
    """Which closed group, if any, both parties belong to."""

    NONE = 0
    FAMILY = 1
    VPMN = 2
    ACCOUNT = 3  # users who share an account: not a group prices ask about, but one that shares free resources


class Component(IntEnum):
    """The parts of a charge that tariffs price one by one (D4.7 step 4)."""

    BASIC = 0
    LD = 1


class Status(IntEnum):
    """What became of a record (D4.1)."""

    RATED = 0
    FREE = 1
    ERROR = 2
    DUPLICATE = 3
    FILTERED = 4


class Unit(IntEnum):
    """What a price or a free resource is counted in."""

    SECOND = 0
    MIN = 1
    MSG = 2
    KB = 3
    EVENT = 4
    MONEY = 5  # li
    HOUR = 6
    MB = 7
    GB = 8


NAME_BIT = 1 << 61  # set in a hashed name, so that it never equals a plain number


def name_code(text: str) -> int:
    """Number an identity, a switch or a provider's service: plain digits are themselves, other text is a hash."""
    if not text:
        return 0
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    hashed = 0xCBF29CE484222325
    for byte in text.encode():
        hashed = ((hashed ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return (hashed & (NAME_BIT - 1)) | NAME_BIT


def text_id(text: str) -> int:
    """Number a name that usage carries as text in any case of letters: an access point (FNV-1a, 31 bits)."""
    number = 0x811C9DC5
    for byte in text.lower().encode():
        number = ((number ^ byte) * 0x01000193) & 0xFFFFFFFF
    return number & 0x7FFFFFFF if text else 0


RECORD_TYPES = 16  # widths of the class axes; room to append
ROAM_TYPES = 6
LD_TYPES = 8
OTHER_NETS = 6
CLOSED_GROUPS = 3
COMPONENTS = 2
USAGE_CLASSES = RECORD_TYPES * ROAM_TYPES * LD_TYPES * OTHER_NETS * CLOSED_GROUPS
