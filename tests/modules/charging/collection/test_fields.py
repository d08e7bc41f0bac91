"""Plain reading takes only what careful reading takes, and makes the same of it."""

import random

import numpy as np
import pytest

from openboss.modules.charging import fields as f

VALUES = [
    "0", "7", "12", "1234567", "12345678", "123456780", "8613900000001", "013900000001", "123456789012345",
    "1234567890123456", "12345678901234567", "123456789012345678", "1234567890123456789", "+8613900000001", "+0",
    "-5", "-", "6l", "l6", "1234567l", "12345678l", "PGW01", "\x00", "é", " 1", "1 ", "/", ":", "1:2", "12\r",
    "2026-10-31T10:00:00", "2026-10-31 10:00:00", "2026-10-31T10:00:00Z", "2026-10-31T10:00:00+08:00",
    "2026-02-29T10:00:00", "2024-02-29T23:59:59", "1969-12-31T10:00:00", "1970-01-01T00:00:00", "2026-10-31T24:00:00",
    "2026-13-01T00:00:00", "2026-00-01T00:00:00", "2026-10-00T00:00:00", "2026/10/31T10:00:00", "2026-10-31T10:60:00",
    "2026-10-31T10:00:60", "2026-10-31T10:00:0x", "2O26-10-31T10:00:00", "MOC", "SMS_MO", "GATEWAY", "CALL_FORWARD",
    "IN_PRERATED", "FAX", "MOCX", "MO", "moc",
]  # fmt: skip


def both(value: str, how: int) -> tuple[tuple[int, int] | None, tuple[int, int, int, int]]:
    """A field as it is read plainly (None = it is not plain) and with care."""
    data = np.frombuffer(value.encode() + b"|MOC\n" + bytes(f.PADDING), np.uint8)
    word = np.uint64(f.word_at(data, 0))  # as compiled code has it
    if how == f.MOMENT:
        plain = f.plain_moment(data, 0, word)
    else:
        plain = f.plain_kind(0, word) if how == f.KIND else f.plain_digits(data, 0, word)
    return (plain if plain[0] >= 0 else None), f.careful(data, 0, how)


@pytest.mark.parametrize("how", [f.KIND, f.NUMBER, f.WHOLE, f.NAME, f.MOMENT])
def test_what_is_read_plainly_is_what_care_makes_of_it(how):
    chance, taken = random.Random(1), 0
    digits = ["".join(chance.choices("0123456789", k=chance.randint(1, 20))) for _ in range(200)]
    for value in [*VALUES, *digits]:
        plain, (end, expected, offset_s, code) = both(value, how)
        if plain is None or (how == f.NUMBER and value.startswith("0")):  # leading zeros are left to careful reading
            continue
        assert (plain, offset_s, code) == ((end, expected), f.ABSENT, 0), value
        taken += 1
    assert taken >= 3


@pytest.mark.parametrize(
    ("value", "how"),
    [("8613900000001", f.NUMBER), ("460007250727535", f.WHOLE), ("78", f.WHOLE), ("861374632010", f.NAME),
     ("2026-10-01T00:00:01", f.MOMENT), ("DATA", f.KIND), ("SMS_MT", f.KIND)],
)  # fmt: skip
def test_usual_fields_are_plain(value, how):
    assert both(value, how)[0] is not None
