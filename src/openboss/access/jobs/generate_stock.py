"""Stock for the halls of the demo: in each city one hall gets idle numbers of a segment of its own, and cards."""

from pathlib import Path

import numpy as np
import yaml

from openboss.access.jobs.generate_base import read_catalogue
from openboss.access.jobs.generate_frames import card_numbers
from openboss.processes.stock_halls import HallStock

NUMBERS_A_HALL = 500
CARDS_A_HALL = 60
FIRST_SERIAL = 900_000  # cards of the base count from 0
FIRST_IMSI = 460_009_000_000_000


def generate_stock(example: Path) -> list[HallStock]:
    """Draw numbers and cards for one hall of each city, one whose staff log in if there is; the same every time."""
    catalogue = read_catalogue(example)
    staffed = _places_of_staff(example)
    halls = []
    for place, area in enumerate(sorted(catalogue.outlets)):
        first = 8_600_000_000_000 + int(catalogue.segments[area][-1]) * 10_000 + 5_000
        halls.append(
            HallStock(
                min(catalogue.outlets[area], key=lambda outlet: (outlet not in staffed, outlet)),
                area,
                first,
                first + NUMBERS_A_HALL - 1,
                vendor_file(first=place * CARDS_A_HALL, count=CARDS_A_HALL, number=first - 8_600_000_000_000),
            )
        )
    return halls


def _places_of_staff(example: Path) -> set[str]:
    document = yaml.safe_load((example / "reference" / "staff.yaml").read_text(encoding="utf-8"))
    return {person["org"] for person in document["staff"]}


def vendor_file(*, first: int, count: int, number: int) -> bytes:
    """A vendor's file of cards, counted from `first` on; number: a national number of the network they are for."""
    index = FIRST_SERIAL + first + np.arange(count)
    cards = card_numbers(index, np.full(count, number), 26)
    lines = [
        ",".join([iccid, str(FIRST_IMSI + serial), *[f"{serial % 9000 + 1000}", f"{serial:08d}"] * 2, f"HSM:{serial}"])
        for iccid, serial in zip(cards.to_list(), index.tolist(), strict=True)
    ]
    return "\n".join(["iccid,imsi,pin1,puk1,pin2,puk2,ki_reference", *lines, ""]).encode("ascii")
