"""The events of a quote as usage that the kernel rates."""

from fractions import Fraction
from typing import Any

from openboss.kernel.usage import LdType, OtherNet, RecordType, RoamType, name_code, text_id
from openboss.processes.quote.form import VOLUME_BYTES, Problem, QuoteRefused
from openboss.processes.quote.parties import Parties, local_s, moment

FOREIGN_AREA = 1_000_000  # architecture section 2.1


def cycle_of(value: Any) -> int:
    """The month of a moment of the form, as 202610."""
    at = moment(value)
    return at.year * 100 + at.month


def cycles_of(quote: dict[str, Any]) -> list[int]:
    """The months a quote is about, in order: those of its events, of its bill, and one after a month that is closed.

    Raises QuoteRefused if they are more than the engine holds at once.
    """
    events = quote.get("events") or []
    found = {cycle_of(event["at"]) for event in events if "close" not in event}
    found |= {next_cycle(event["close"]) for event in events if "close" in event}
    found |= {event["close"] for event in events if "close" in event}
    if quote.get("cycle"):
        found = {cycle for cycle in found if cycle >= quote["cycle"]} | {quote["cycle"]}
    if not found:
        raise QuoteRefused(
            [
                Problem(
                    "quote: name the month (cycle: 202610) or give an event",
                    "quote：请写出月份（cycle: 202610）或给出事件",
                )
            ]
        )
    months, cycle = [], min(found)
    while cycle <= max(found):
        months.append(cycle)
        cycle = next_cycle(cycle)
    return months


def next_cycle(cycle: int) -> int:
    """The month after a month."""
    return cycle + 89 if cycle % 100 == 12 else cycle + 1


def columns_of(event: dict[str, Any], parties: Parties, place: str) -> dict[str, int]:
    """Turn an event into columns of kernel.records.Usage. Raises QuoteRefused."""
    if "record" not in event:
        known = ", ".join(kind.name for kind in RecordType)
        said = f"{place}: record is missing; write one of {known}"
        raise QuoteRefused([Problem(said, f"{place}：缺少 record；请写 {known} 之一")])
    user = parties.user_of(event, place)
    if event.get("to") and event["to"] not in parties.ids:
        raise parties.nobody(f"{place}.to", event["to"])
    volume, _, unit = str(event.get("volume") or "0 B").partition(" ")
    return {
        "record_type": int(RecordType[event["record"]]),
        "served_number": parties.numbers[user],
        "other_number": parties.numbers[event["to"]] if event.get("to") else event.get("number") or 0,
        "start_local_s": local_s(event["at"], 0),
        "duration_s": event.get("duration_s") or 0,
        "up_bytes": event.get("up_bytes") or 0,
        "down_bytes": (event.get("down_bytes") or 0) + int(volume) * VOLUME_BYTES[unit],
        "message_count": event.get("messages") or 0,
        "roam_type": int(RoamType[event.get("roam") or "HOME"]),
        "ld_type": int(LdType[event.get("ld") or "LOCAL"]),
        "other_net": int(OtherNet[event.get("net") or "OWN_MOBILE"]),
        "free_number": int(bool(event.get("free_number"))),
        "band_shift_s": event.get("band_shift_s") or 0,
        "info_fee_li": li(event.get("info_fee"), f"{place}.info_fee"),
        "home_area": event.get("home") or 0,
        "visited_area": _area(event, "visited", "visited_country"),
        "other_area": _area(event, "area", "country"),
        "sp_code": event.get("sp") or 0,
        "service": name_code(str(event.get("service") or "")),
        "apn": text_id(event.get("apn") or ""),
        "rating_group": event.get("rating_group") or 0,
        "partner": int(event.get("partner") or 0),
    }


def _area(event: dict[str, Any], area: str, country: str) -> int:
    """An area as usage carries it: the national area code, or 1 000 000 + the country code."""
    return FOREIGN_AREA + event[country] if event.get(country) else event.get(area) or 0


def li(yuan: str | None, place: str) -> int:
    """Turn an amount of the form into li. Raises QuoteRefused if it is finer than that."""
    exact = Fraction(yuan or 0) * 1000
    if exact.denominator != 1:
        said = f"{place}: {yuan} is finer than a li; write at most 3 decimals"
        raise QuoteRefused([Problem(said, f"{place}：{yuan} 不足一厘；最多写 3 位小数")])
    return int(exact)
