"""Which AVPs credit control knows, which of them are groups, and how long their values are. Compiled.

Source: RFC 6733, RFC 8506, TS 32.299.
"""

from openboss.kernel.compiled import compiled

THREE_GPP = 10415
# Service-Information; of data, calls, multimedia and short messages with their recipients; SDP; triggers; circuits
_GROUPS = (873, 874, 876, 877, 2000, 2026, 1201, 843, 1264, 3410)


@compiled
def is_group(code: int, vendor: int) -> bool:
    """Say whether the AVPs inside an AVP are looked at."""
    if vendor == 0:
        return code in (456, 437, 446, 443, 413, 445, 458)
    return vendor == THREE_GPP and code in _GROUPS


@compiled
def is_known(code: int, vendor: int) -> bool:
    """Say whether an AVP may be marked as one that matters: RADIUS, base and credit control, all of 3GPP."""
    if vendor != 0:
        return vendor == THREE_GPP
    return code < 300 or 411 <= code <= 461 or code == 480 or code == 485 or 620 <= code <= 670


@compiled
def wanted_length(code: int, vendor: int) -> int:
    """How long the value of an AVP must be; 0 = any."""
    if vendor == 0:
        if code in (258, 278, 416, 415, 436, 432, 439, 450, 452, 420, 55, 425, 429, 459):
            return 4
        if code in (421, 412, 414, 417, 447):
            return 8
    elif vendor == THREE_GPP and code in (2, 829, 870, 872, 3415):
        return 4
    return 0


@compiled
def is_astray(code: int, vendor: int, depth: int, inside: int) -> bool:
    """Say whether services or units stand in a group where they are none: what they say could count twice."""
    if vendor != 0 or depth == 0:
        return False
    return code == 456 or ((code == 437 or code == 446) and inside != 456)
