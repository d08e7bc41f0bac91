"""The tariff documents of a quote, checked and compiled as the catalog does it, each set once a process."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from openboss.kernel.tariffs import TariffTables
from openboss.modules.catalog.functions import (
    BillItemTypeView,
    DocumentRefused,
    Limit,
    OfferDocument,
    OfferVersionView,
    TariffRefused,
    compile_tariffs,
    limits_of_file,
    read_holidays,
    read_items,
    read_text,
)
from openboss.processes.quote.form import Problem, QuoteRefused


@dataclass(frozen=True)
class Rule:
    """A rule of a document as answers name it."""

    rule_id: int
    code: str  # OFFER/RULE
    section: str  # prices, free ...
    version_on: date
    document: dict[str, Any]


@dataclass(frozen=True)
class Tariffs:
    """Compiled documents with everything an answer needs to name what was used."""

    tables: TariffTables
    versions: tuple[OfferVersionView, ...]
    items: tuple[BillItemTypeView, ...]
    rules: dict[int, Rule]
    offer_ids: dict[str, int]

    def rule_ids(self, code: str) -> list[int]:
        """Give the ids of OFFER/RULE in all versions of the offer, the oldest first."""
        return [rule.rule_id for rule in self.rules.values() if rule.code == code]

    def item_id(self, code: str) -> int | None:
        """Give the id of a bill item; None if there is none of that code."""
        return next((item.item_id for item in self.items if item.code == code), None)


def tariffs_of(named: Sequence[str | dict[str, Any]], *, reference: Path, beside: Path) -> Tariffs:
    """Read and compile the documents a quote names: files, folders, or documents in place.

    beside  the folder paths are relative to. Raises QuoteRefused. The same files again cost nothing.
    """
    texts: list[tuple[str, str]] = []
    for number, one in enumerate(named):
        if isinstance(one, str):
            texts += _texts_of(beside / one, f"tariffs[{number}]")
        else:
            texts.append((f"tariffs[{number}]", json.dumps(one, ensure_ascii=False, default=str)))
    return _compiled(tuple(texts), reference)


def _texts_of(path: Path, place: str) -> tuple[tuple[str, str], ...]:
    folder, stamps = path, list[tuple[str, int]]()
    if path.is_dir():
        with os.scandir(path) as entries:
            stamps = sorted((one.name, one.stat().st_mtime_ns) for one in entries if one.name.endswith(".yaml"))
    elif path.is_file():
        folder, stamps = path.parent, [(path.name, path.stat().st_mtime_ns)]
    if not stamps:
        said = f"{place}: there is no tariff document at {path}"
        raise QuoteRefused([Problem(said, f"{place}：{path} 处没有资费文件")])
    return _read(folder, tuple(stamps))


@lru_cache(maxsize=256)
def _read(folder: Path, stamps: tuple[tuple[str, int], ...]) -> tuple[tuple[str, str], ...]:
    """Read files of a folder, anew when one was changed (nanoseconds of each file's last change)."""
    return tuple((name, (folder / name).read_text(encoding="utf-8")) for name, _ in stamps)


@lru_cache(maxsize=64)
def _items_and_limits(reference: Path) -> tuple[tuple[BillItemTypeView, ...], list[Limit]]:
    return tuple(read_items(reference)), limits_of_file(reference)


@lru_cache(maxsize=512)
def _document(name: str, text: str, reference: Path) -> OfferDocument:
    items, limits = _items_and_limits(reference)
    return read_text(text, name=name, item_codes={item.code for item in items}, limits=limits)


@lru_cache(maxsize=64)
def _compiled(texts: tuple[tuple[str, str], ...], reference: Path) -> Tariffs:
    documents: list[OfferDocument] = []
    problems: list[Problem] = []
    for name, text in texts:
        try:
            documents.append(_document(name, text, reference))
        except DocumentRefused as refused:
            problems += [Problem(str(one), one.of("zh")) for one in refused.problems]
    if problems:
        raise QuoteRefused(problems)
    items, _ = _items_and_limits(reference)
    return compiled(numbered(documents), items, holidays=read_holidays(reference))


def compiled(
    versions: Sequence[OfferVersionView], items: Sequence[BillItemTypeView], *, holidays: Iterable[date]
) -> Tariffs:
    """Compile versions whose rules have their ids. Raises QuoteRefused."""
    try:
        tables = compile_tariffs(versions, items, holidays=holidays)
    except TariffRefused as refused:
        raise QuoteRefused([Problem(str(refused), refused.of("zh"))]) from refused
    return Tariffs(
        tables=tables,
        versions=tuple(versions),
        items=tuple(items),
        rules={rule.rule_id: rule for version in versions for rule in rules_of(version)},
        offer_ids={version.code: version.offer_id for version in versions},
    )


def numbered(documents: Sequence[OfferDocument]) -> list[OfferVersionView]:
    """Give every rule of some documents an id, in the order of offer ids and days, as an empty catalog would."""
    versions, last = [], 0
    for document in sorted(documents, key=lambda document: document.offer_id):
        for version in document.versions:
            rule_ids = {code: last + place for place, (code, *_) in enumerate(version.rules, 1)}
            last += len(rule_ids)
            versions.append(
                OfferVersionView(
                    document.offer_id,
                    document.code,
                    document.kind,
                    document.brand,
                    {"zh": document.name_zh, "en": document.name_en},
                    version.from_on,
                    version.document,
                    rule_ids,
                )
            )
    return versions


def rules_of(version: OfferVersionView) -> list[Rule]:
    """List the rules of a version under their ids."""
    return [
        Rule(version.rule_ids[rule["rule"]], f"{version.code}/{rule['rule']}", section, version.from_on, rule)
        for section, rules in version.document.items()
        if isinstance(rules, list)
        for rule in rules
        if isinstance(rule, dict) and "rule" in rule
    ]
