"""How amounts, numbers, volumes and moments are written for people. Integers in, text out; no arithmetic of money."""

from __future__ import annotations

from datetime import date, datetime

from django.utils import timezone
from django.utils.translation import get_language, gettext, ngettext

LI_IN_YUAN = 1000
FEN_IN_YUAN = 100
MINUS = "−"


def yuan_of_fen(amount_fen: int) -> str:
    """Write an amount of fen as yuan with two places and thousands: -123456 -> −1,234.56."""
    sign = MINUS if amount_fen < 0 else ""
    yuan, fen = divmod(abs(amount_fen), FEN_IN_YUAN)
    return f"{sign}{yuan:,}.{fen:02d}"


def signed_yuan_of_fen(amount_fen: int) -> str:
    """Write a difference of fen with its sign: 5800 -> +58.00."""
    return f"+{yuan_of_fen(amount_fen)}" if amount_fen > 0 else yuan_of_fen(amount_fen)


def yuan_of_li(amount_li: int) -> str:
    """Write an amount of li as yuan with three places, as rated records carry it."""
    sign = MINUS if amount_li < 0 else ""
    yuan, li = divmod(abs(amount_li), LI_IN_YUAN)
    return f"{sign}{yuan:,}.{li:03d}"


def count(number: int) -> str:
    """Write a count with thousands."""
    return f"{number:,}".replace("-", MINUS)


def phone(number: int | str | None) -> str:
    """Write a number as people dial it: without the country's 86, a foreign one with +; masked digits stay masked."""
    digits = "" if number in (None, 0) else str(number)
    if len(digits) == 13 and digits.startswith("86"):
        return f"{digits[2:5]} {digits[5:9]} {digits[9:]}"
    if digits.startswith("86") and len(digits) > 10:
        return f"0{digits[2:]}"
    return f"+{digits}" if len(digits) > 12 else digits


def masked_phone(number: int | str | None) -> str:
    """Write a number with the four digits before the last four hidden."""
    digits = "" if number in (None, 0) else str(number)
    if len(digits) == 13 and digits.startswith("86"):
        digits = digits[2:]
    return f"{digits[:-8]}****{digits[-4:]}" if len(digits) >= 11 else digits


def percent(ten_thousandths: int) -> str:
    """Write ten-thousandths as a percentage: 5000 -> 50 %."""
    whole, rest = divmod(ten_thousandths, 100)
    return f"{whole}.{rest:02d} %" if rest else f"{whole} %"


def duration(duration_s: int) -> str:
    """Write seconds as h:mm:ss."""
    hours, rest = divmod(duration_s, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"


def volume(volume_kb: int) -> str:
    """Write a volume of KB in the largest unit that keeps it readable (1 GB = 1024 MB, D3.7)."""
    for unit, size_kb in (("GB", 1024 * 1024), ("MB", 1024)):
        if abs(volume_kb) >= size_kb:
            whole, rest = divmod(abs(volume_kb), size_kb)
            tenths = rest * 10 // size_kb
            sign = MINUS if volume_kb < 0 else ""
            return f"{sign}{whole:,}.{tenths} {unit}" if tenths else f"{sign}{whole:,} {unit}"
    return f"{volume_kb:,} KB"


def bytes_size(size_bytes: int) -> str:
    """Write the size of a file."""
    return f"{size_bytes} B" if size_bytes < 1024 else volume(size_bytes // 1024)


def amount_of_unit(quantity: int, unit: str) -> str:
    """Write an amount of a free resource in its own unit: MIN, MSG, KB, SECOND or EVENT."""
    if unit == "KB":
        return volume(quantity)
    if unit == "MIN":
        return ngettext("%(n)s min", "%(n)s min", quantity) % {"n": count(quantity)}
    if unit == "SECOND":
        return duration(quantity)
    if unit == "MSG":
        return ngettext("%(n)s message", "%(n)s messages", quantity) % {"n": count(quantity)}
    return ngettext("%(n)s time", "%(n)s times", quantity) % {"n": count(quantity)}


def cycle_name(cycle: int | None) -> str:
    """Write a billing cycle such as 202610 as a month."""
    if not cycle:
        return ""
    return gettext("%(year)d-%(month)02d") % {"year": cycle // 100, "month": cycle % 100}


def moment(at: datetime | None) -> str:
    """Write a moment on the operator's clock, to the second."""
    if at is None:
        return ""
    return (timezone.localtime(at) if timezone.is_aware(at) else at).strftime("%Y-%m-%d %H:%M:%S")


def day(on: date | datetime | None) -> str:
    """Write a day; a moment becomes its day on the operator's clock."""
    if on is None:
        return ""
    if isinstance(on, datetime) and timezone.is_aware(on):
        on = timezone.localtime(on)
    return on.strftime("%Y-%m-%d")


def is_chinese() -> bool:
    """Whether this request is answered in Chinese."""
    return (get_language() or "").startswith("zh")


def language() -> str:
    """The language of this request, zh or en."""
    return "zh" if is_chinese() else "en"


def named(thing: object) -> str:
    """The name of a thing that carries one in both languages, in the language of the request."""
    wanted = ("name_zh", "zh") if is_chinese() else ("name_en", "en")
    if isinstance(thing, dict):
        return str(next((thing[key] for key in wanted if thing.get(key)), ""))
    names = getattr(thing, "names", None)
    if isinstance(names, dict):
        return named(names)
    return str(next((getattr(thing, key) for key in wanted if getattr(thing, key, "")), ""))
