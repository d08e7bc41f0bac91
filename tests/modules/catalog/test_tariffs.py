"""Tariff documents: dated, checked, refused with a sentence that helps; published once and for ever."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from openboss.kernel.rating import charge_li
from openboss.kernel.tariffs import PRICE_DEN, PRICE_NUM, usage_class, version_at
from openboss.kernel.trace import NO_TRACE
from openboss.kernel.usage import Component, LdType, OtherNet, RecordType, RoamType
from openboss.modules.catalog import functions as catalog
from openboss.modules.catalog.atomic import VersionPublished
from openboss.modules.system.functions import list_audit
from tests.modules.catalog.conftest import AT

EXAMPLE = Path(__file__).parents[3] / "example"
Plan = Callable[..., dict[str, int]]


def _local_s(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86_400


def _problems(plan: Plan, versions: dict[str, str], **changes: str) -> list[str]:
    with pytest.raises(catalog.DocumentRefused) as refused:
        plan(versions, **changes)
    return [str(problem) for problem in refused.value.problems]


def test_the_same_document_again_changes_nothing(plan: Plan) -> None:
    assert plan({"2026-10-01": '"0.40"'}) == {"PLAN": 1}
    rules = catalog.rule_names()
    assert plan({"2026-10-01": '"0.40"'}) == {"PLAN": 0}
    assert catalog.rule_names() == rules
    assert list_audit(action="catalog.put_offer")[1] == 1


@pytest.mark.requirement("CHG-14")
def test_a_price_entered_for_the_first_of_next_month_applies_only_from_then(plan: Plan) -> None:
    plan({"2003-01-01": '"0.40"', "2026-10-01": '"0.30"'})
    tables = catalog.load_publication(*_published())
    prices = []
    for day in (date(2026, 9, 30), date(2026, 10, 1)):
        version = version_at(tables, 102, _local_s(day))
        price = tables.price_map[tables.version_map[version]].max()
        prices.append((tables.price[price, PRICE_NUM], tables.price[price, PRICE_DEN]))
    assert prices == [(400, 1), (300, 1)]  # li a minute


def _published() -> tuple[Path, str]:
    from django.conf import settings

    publication = catalog.publish(at=AT)
    return settings.LAKE_DIR / "tariffs", publication.sha256


def test_before_its_first_day_an_offer_has_no_version(plan: Plan) -> None:
    plan({"2026-10-01": '"0.40"'})
    assert catalog.offers_at(date(2026, 9, 30)) == []
    (version,) = catalog.offers_at(date(2026, 10, 1))
    assert (version.offer_id, version.code, version.names["en"]) == (102, "PLAN", "Test plan")
    assert set(version.rule_ids) == {"RENT", "OUT"}


def test_a_cycle_knows_every_version_in_force_on_one_of_its_days(plan: Plan) -> None:
    plan({"2003-01-01": '"0.40"', "2026-10-16": '"0.35"', "2026-11-01": '"0.30"'})
    days = {
        cycle: [version.from_on for version in catalog.offers_in_force(cycle)] for cycle in (202609, 202610, 202612)
    }
    assert days[202609] == [date(2003, 1, 1)]
    assert days[202610] == [date(2003, 1, 1), date(2026, 10, 16)]
    assert days[202612] == [date(2026, 11, 1)]


def test_a_draft_may_change_and_its_rules_keep_their_ids(plan: Plan) -> None:
    plan({"2026-10-01": '"0.40"'})
    before = catalog.all_versions()[0].rule_ids
    assert plan({"2026-10-01": '"0.35"'}) == {"PLAN": 1}
    assert catalog.all_versions()[0].rule_ids == before


def test_a_published_version_never_changes(plan: Plan) -> None:
    plan({"2026-10-01": '"0.40"'})
    catalog.publish(at=AT)
    with pytest.raises(VersionPublished, match="PLAN from 2026-10-01"):
        plan({"2026-10-01": '"0.35"'})
    assert catalog.all_versions()[0].document["prices"][0]["price"] == "0.40"
    assert plan({"2026-10-01": '"0.40"', "2026-11-01": '"0.35"'}) == {"PLAN": 1}


def test_publishing_again_without_a_change_gives_the_same_publication(plan: Plan) -> None:
    plan({"2026-10-01": '"0.40"'})
    first = catalog.publish(at=AT)
    assert catalog.publish(at=AT) == first
    plan({"2026-10-01": '"0.40"', "2026-11-01": '"0.35"'})
    assert catalog.publish(at=AT).sha256 != first.sha256


def test_a_publication_that_was_changed_on_disk_is_refused(plan: Plan) -> None:
    plan({"2026-10-01": '"0.40"'})
    folder, sha256 = _published()
    plan({"2026-10-01": '"0.40"', "2026-11-01": '"0.35"'})
    _, other = _published()
    (folder / f"{sha256}.json.gz").write_bytes((folder / f"{other}.json.gz").read_bytes())
    with pytest.raises(catalog.PublicationRefused, match="publish again"):
        catalog.load_publication(folder, sha256)


def test_tables_of_another_layout_are_compiled_again_from_the_published_documents(plan: Plan) -> None:
    plan({"2026-10-01": '"0.40"'})
    folder, sha256 = _published()
    before = catalog.hash_of_tables(catalog.load_publication(folder, sha256))
    plan({"2026-10-01": '"0.40"', "2026-11-01": '"0.35"'})  # what came later is not in the older publication
    (kept,) = folder.glob(f"{sha256}-*.npz")
    kept.rename(folder / f"{sha256}-0123456789abcdef.npz")
    assert catalog.hash_of_tables(catalog.load_publication(folder, sha256)) == before
    (folder / f"{sha256}.json.gz").unlink()
    with pytest.raises(catalog.PublicationRefused, match="bring the file back from a backup"):
        catalog.load_publication(folder, sha256)


def test_a_publication_from_before_documents_were_kept_is_compiled_from_the_database(plan: Plan) -> None:
    plan({"2026-10-01": '"0.40"'})
    folder, sha256 = _published()
    tables = catalog.hash_of_tables(catalog.load_publication(folder, sha256))
    (folder / "0ld.npz").write_bytes(b"tables of a layout that nobody reads any more")
    assert catalog.hash_of_tables(catalog.load_publication(folder, "0ld")) == tables


@pytest.mark.requirement("CHG-23")
def test_a_roaming_price_above_the_regulated_cap_is_refused(plan: Plan) -> None:
    roaming = {"roam": "INTER_PROV_OUT", "item": "ROAM_CALL"}
    (problem,) = _problems(plan, {"2026-10-01": '"0.65"'}, **roaming)
    assert problem == ("plan.yaml, line 12: prices OUT: 0.65 is above the cap of 0.60 per 60 s (domestic roaming)")
    assert catalog.offers() == []
    assert plan({"2026-10-01": '"0.60"'}, **roaming) == {"PLAN": 1}


def test_a_price_below_the_approved_floor_is_refused_while_the_floor_stands(plan: Plan) -> None:
    (problem,) = _problems(plan, {"2013-12-31": '"0.09"'})
    assert problem == "plan.yaml, line 12: prices OUT: 0.09 is below the floor of 0.10 per 60 s (local floor)"
    assert plan({"2014-01-01": '"0.09"'}) == {"PLAN": 1}


def test_a_cap_of_another_time_does_not_bind(plan: Plan) -> None:
    assert plan({"2008-02-29": '"0.80"'}, roam="INTER_PROV_OUT", item="ROAM_CALL") == {"PLAN": 1}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"price": "0.40"}, 'line 12: prices OUT: price is 0.4; write it in quotes, such as "0.40"'),
        ({"price": '"0.1234567"'}, "line 12: prices OUT: price '0.1234567' is no amount"),
        ({"price": '"forty"'}, "line 12: prices OUT: price 'forty' is no amount"),
        ({"item": "LOCALL"}, "line 12: prices OUT: there is no bill item 'LOCALL'"),
        ({"roam": "ABROAD"}, "line 12: prices OUT: roam 'ABROAD' is unknown; one of HOME, INTRA_PROV"),
        ({"kind": "PLAN"}, "line 1: kind is 'PLAN'; one of STANDARD, MAIN, ADDON, GROUP, FAMILY"),
        ({"day": "October"}, "line 8: from is 'October'; write a day such as 2026-10-01"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_remedy(plan: Plan, change: dict[str, str], problem: str) -> None:
    versions = {change.pop("day", "2026-10-01"): change.pop("price", '"0.40"')}
    assert any(f"plan.yaml, {problem}" in found for found in _problems(plan, versions, **change))
    assert catalog.offers() == []


def test_every_mistake_of_every_file_is_told_at_once(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "tariffs" / "other.yaml").write_text("offer: OTHER\nnames: {zh: 其他}\n", encoding="utf-8")
    problems = _problems(plan, {"2026-10-01": "0.40"})
    assert "other.yaml, line 1: the offer: names must be given in both languages, {zh: ..., en: ...}" in problems
    assert "other.yaml, line 1: the offer lacks kind, offer_id, versions" in problems
    assert any(problem.startswith("plan.yaml, line 12") for problem in problems)


def test_a_field_given_twice_and_a_file_that_is_no_yaml_are_refused(plan: Plan, tmp_path: Path) -> None:
    folder = tmp_path / "tariffs"
    (folder / "twice.yaml").write_text("offer: A\noffer: B\n", encoding="utf-8")
    (folder / "rubbish.yaml").write_bytes(b"\xff\xfe\x00\x01")
    problems = _problems(plan, {"2026-10-01": '"0.40"'})
    assert any("twice.yaml" in problem and "'offer' is given twice" in problem for problem in problems)
    assert any(problem.startswith("rubbish.yaml: this is not readable as UTF-8 YAML") for problem in problems)


def test_the_whole_example_catalog_loads_and_compiles(db: None, tmp_path: Path, settings: object) -> None:
    settings.LAKE_DIR = tmp_path  # type: ignore[attr-defined]
    catalog.import_reference(EXAMPLE / "reference", at=AT)
    written = catalog.import_tariffs(EXAMPLE / "tariffs", at=AT)
    assert sum(written.values()) == len(catalog.all_versions()) > 60
    assert catalog.load_publication(*_published()).item_count > 70
    named = catalog.rule_names()
    assert all(rule.name_zh and rule.name_en for rule in named.values())
    assert len(named) == sum(len(version.rule_ids) for version in catalog.all_versions())


@pytest.mark.requirement("BMT-01")
def test_two_versions_of_the_long_distance_price_stand_side_by_side_for_late_records(
    db: None, tmp_path: Path, settings: object
) -> None:
    settings.LAKE_DIR = tmp_path  # type: ignore[attr-defined]
    catalog.import_reference(EXAMPLE / "reference", at=AT)
    catalog.import_tariffs(EXAMPLE / "tariffs", at=AT)
    tables = catalog.load_publication(*_published())
    call = usage_class(RecordType.MOC, RoamType.HOME, LdType.INTER_PROV_LD, OtherNet.OWN_MOBILE, 0)
    charged_li = []
    last_second, cut = _local_s(date(2010, 1, 1)) - 1, _local_s(date(2010, 1, 1))
    for at_s in (last_second, cut):
        prices = tables.price_map[tables.version_map[version_at(tables, 0, at_s)], call]
        noon_s = at_s - at_s % 86_400 + 12 * 3600
        fees_li = [charge_li(tables, NO_TRACE, price, noon_s, 0, 61, 0)[0] if price >= 0 else 0 for price in prices]
        charged_li.append((fees_li[Component.BASIC], fees_li[Component.LD]))
    assert charged_li == [(800, 770), (0, 770)]  # 61 s: 0.80 + 0.77 before, 0.77 alone from then (D3.10)
