"""Decoders: bytes of a network element -> text of the delimited form. A new format is one file here and one row below.

A decoder is a function `decode(file, source_code, sequence)` that yields UsageText pieces of whole lines and, if the
format has one, a Trailer at the end; it raises Undecodable (E104) or TrailerMismatch (E103). It holds only a few
megabytes at a time, whatever the file. What a record means is read in one place: modules/charging/canonical.py.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from openboss.access.network.decoders import delimited, freeradius_detail, kamailio_acc, kannel_access, pgw_ber
from openboss.modules.charging.canonical import Trailer, UsageText

Decoder = Callable[[Path, str, int | None], Iterator[UsageText | Trailer]]

DECODERS: dict[str, Decoder] = {
    "delimited": delimited.decode,
    "pgw_ber": pgw_ber.decode,
    "kamailio_acc": kamailio_acc.decode,
    "freeradius_detail": freeradius_detail.decode,
    "kannel_access": kannel_access.decode,
}
