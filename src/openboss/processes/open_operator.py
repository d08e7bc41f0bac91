"""An operator opens: its organisation, tables, tariffs and sources are read in, then its customers, then the engine.

Each step may be repeated; what is there already is left as it is. Source: architecture section 3, D0.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from openboss.modules.billing.functions import set_calendar
from openboss.modules.catalog.functions import import_reference, import_tariffs, publish
from openboss.modules.charging.functions.collection import define_source
from openboss.modules.charging.functions.engine import load_users, open_cycle, publish_tariffs
from openboss.modules.customers.functions import engine_image, load_base, put_class
from openboss.modules.receivables.functions.set_up import import_money
from openboss.modules.system.atomic import put_parameter
from openboss.modules.system.functions import import_organisation
from openboss.processes.multi_person import import_flows

SOURCES_FILE = "sources.yaml"
CALENDAR_FILE = "calendar.yaml"
BRANDS_FILE = "brands.yaml"
CLASSES_FILE = "customer_classes.yaml"
ALWAYS = date(2000, 1, 1)


class SourcesRefused(ValueError):
    """The file of usage sources cannot be used; the message says what an entry lacks. No source was changed."""


@dataclass(frozen=True)
class OperatorOpened:
    """What reading an operator's documents came to."""

    organisation: dict[str, int]
    tables: dict[str, bool]
    money: dict[str, int]
    offers: dict[str, int]
    sources: int
    tariff_sha256: str


def open_operator(folder: Path, *, at: datetime) -> OperatorOpened:
    """Read an operator's documents (`reference/`, `tariffs/`, `workflows/`), publish tariffs, and tell the engine.

    Raises OrganisationRefused, ReferenceRefused, ChartRefused, DocumentRefused, TariffRefused, SourcesRefused,
    CalendarWrong, DiagramRefused, ClassUnknown, ClassWrong.
    """
    reference = folder / "reference"
    organisation = import_organisation(reference, at=at)
    tables = import_reference(reference, at=at)
    money = import_money(reference, at=at)
    sources = import_sources(reference / SOURCES_FILE)
    import_calendar(reference / CALENDAR_FILE, at=at)
    import_brands(reference / BRANDS_FILE, at=at)
    offers = import_tariffs(folder / "tariffs", at=at)
    import_classes(reference / CLASSES_FILE, at=at)
    import_flows(folder / "workflows", at=at)
    publication = publish(at=at)
    publish_tariffs(publication.path, publication.sha256)
    return OperatorOpened(organisation, tables, money, offers, sources, publication.sha256)


def import_sources(path: Path) -> int:
    """Configure the sources of usage files that a document names; return how many. Raises SourcesRefused."""
    rows: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    wanted = {"code", "decoder", "file_name_pattern", "names"}
    for row in rows:
        if lacking := wanted - row.keys():
            raise SourcesRefused(f"{path.name}: {row!r:.80} lacks {', '.join(sorted(lacking))}")
    for row in rows:
        define_source(
            code=row["code"],
            name_zh=row["names"]["zh"],
            name_en=row["names"]["en"],
            decoder=row["decoder"],
            file_name_pattern=row["file_name_pattern"],
            is_sequence_controlled=row.get("is_sequence_controlled", True),
            **{name: row[name] for name in ("window", "sequence_from", "sequence_to") if name in row},
        )
    return len(rows)


def import_calendar(path: Path, *, at: datetime) -> int:
    """Set the operator's calendar (ACP-05), if there is a document of it; return how many values changed.

    Raises CalendarWrong.
    """
    if not path.is_file():
        return 0
    rows: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    values = ({name: value for name, value in row.items() if name != "from"} for row in rows)
    return sum(set_calendar(values=said, from_on=row["from"], at=at) for row, said in zip(rows, values, strict=True))


def import_brands(path: Path, *, at: datetime) -> int:
    """Name the operator's brands as bills show them (ACP-20), if there is a document of them; how many changed."""
    if not path.is_file():
        return 0
    rows: list[dict[str, str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return sum(
        put_parameter(key=f"brand.{row['code']}", value={"zh": row["zh"], "en": row["en"]}, from_on=ALWAYS, at=at)
        for row in rows
    )


def import_classes(path: Path, *, at: datetime) -> int:
    """Write the operator's tree of customer classes (BMC-07), if there is a document of it; how many changed.

    Rows {code, zh, en, parent, offer_id}, those above first; the last two may be left out.
    Raises ClassUnknown, ClassWrong, OfferUnknown.
    """
    if not path.is_file():
        return 0
    rows: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return sum(
        put_class(
            code=row["code"],
            name_zh=row["zh"],
            name_en=row["en"],
            parent=row.get("parent"),
            offer_id=row.get("offer_id"),
            at=at,
        )
        for row in rows
    )


def take_customers_over(folder: Path, *, first_cycle: int, at: datetime) -> dict[str, int]:
    """Load a customer base (one parquet file a table, as `openboss generate` writes), tell the engine its users,
    and open the first cycle (202609) to their usage.

    Returns the rows by table. Raises WrongColumns, BaseRefused.
    """
    frames: Mapping[str, pl.DataFrame] = {path.stem: pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    rows = load_base(frames=frames, at=at)
    load_users(engine_image())
    open_cycle(first_cycle)
    return rows
