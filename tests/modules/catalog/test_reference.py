"""Reference tables: loaded whole, given back as they were, refused by name."""

from pathlib import Path

import polars as pl
import pytest

from openboss.modules.catalog import functions as catalog
from openboss.modules.system.functions import list_audit
from tests.modules.catalog.conftest import AT

EXAMPLE = Path(__file__).parents[3] / "example" / "reference"


def test_bill_items_are_listed_in_the_order_of_the_bill(reference: Path) -> None:
    assert [item.code for item in catalog.bill_item_types()] == ["RENT", "LOCAL", "LD_DOM", "ROAM_CALL"]
    local = catalog.bill_item_types()[1]
    assert (local.item_id, local.group_code, local.is_voice, local.is_third) == (11, "G2_VOICE", True, False)


def test_a_table_comes_back_with_the_columns_of_its_file(db: None) -> None:
    catalog.import_reference(EXAMPLE, at=AT)
    for name, frame in catalog.reference_frames().items():
        written = pl.read_csv(EXAMPLE / f"{name}.csv", schema_overrides=frame.schema)
        assert frame.sort(frame.columns).equals(written.sort(frame.columns)), name


def test_the_same_files_again_change_nothing(reference: Path) -> None:
    assert catalog.import_reference(reference, at=AT) == {"bill_items": False, "tariff_limits": False}
    assert list_audit(action="catalog.replace_reference")[1] == 1


def test_a_file_with_a_wrong_column_is_refused_and_nothing_is_changed(reference: Path) -> None:
    path = reference / "bill_items.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("sort_order", "order"), encoding="utf-8")
    with pytest.raises(catalog.ReferenceRefused, match=r"bill_items.csv: bill_items: missing \['sort_order'\]"):
        catalog.import_reference(reference, at=AT)
    assert len(catalog.bill_item_types()) == 4


def test_a_file_with_a_wrong_value_is_refused_by_name(reference: Path) -> None:
    (reference / "holidays.csv").write_text("date,name_zh,name_en\n2026-13-01,元旦,New Year\n", encoding="utf-8")
    with pytest.raises(catalog.ReferenceRefused, match="holidays.csv"):
        catalog.import_reference(reference, at=AT)
