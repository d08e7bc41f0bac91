"""An operator's numbers and cards are taken over as they are in use, and the halls get stock to sell."""

from datetime import timedelta
from pathlib import Path

import pytest

from openboss.access.jobs.generate_stock import CARDS_A_HALL, NUMBERS_A_HALL, generate_stock
from openboss.modules.customers import functions as customers
from openboss.modules.resources import functions as resources
from openboss.modules.system.functions import import_organisation
from openboss.processes import stock_halls
from tests.modules.customers.conftest import AT, loaded, offers

__all__ = ["loaded", "offers"]

EXAMPLE = Path(__file__).parents[2] / "example"


@pytest.fixture
def register(loaded: None) -> str:
    """The example's organisation and items."""
    import_organisation(EXAMPLE / "reference", at=AT)
    return stock_halls.import_items(EXAMPLE / "reference" / stock_halls.STOCK_FILE, at=AT)[0]


def test_what_users_have_is_occupied_and_what_they_left_rests(register: str) -> None:
    customers.terminate(subscriber_id=1001, remove_tag=7, at=AT, staff_id=None)
    customers.change_number(subscriber_id=1002, number=8613900012222, at=AT, staff_id=None)
    done = stock_halls.take_resources_over(register=register, at=AT)
    assert done == {"numbers": 4, "cards": 3}
    assert resources.count_numbers() == {"OCCUPIED": 2, "QUARANTINE": 2}
    assert resources.number_view(number=8613900011001, at=AT).until_at == AT + timedelta(days=90)
    assert resources.count_sims() == {"IN_USE": 2, "SCRAPPED": 1}
    assert resources.sim_view(iccid="89860000000000001002").number == 8613900012222
    assert resources.free_numbers_due(at=AT + timedelta(days=90)) == {"QUARANTINE": 2}


def test_a_hall_in_each_city_has_numbers_and_cards_to_sell_and_vouchers_that_work(register: str) -> None:
    halls = generate_stock(EXAMPLE)
    done = stock_halls.fill_halls(halls, register=register, at=AT)
    assert done == {"numbers": len(halls) * NUMBERS_A_HALL, "cards": len(halls) * CARDS_A_HALL}
    place = halls[0].org_code
    assert len(resources.free_sims(org_codes=[place], limit=100)) == CARDS_A_HALL
    assert len(resources.find_numbers(at=AT, org_codes=[place], limit=1000)) == NUMBERS_A_HALL
    made = stock_halls.sell_vouchers(
        item_code="VOUCHER_50", count=3, first_serial=1, province="17", org_code=place,
        expires_on=AT.date(), at=AT,
    )  # fmt: skip
    assert resources.use_voucher(pin=made[1].pin, number=8613900011002, at=AT).face_fen == 5_000


def test_an_item_without_a_price_is_refused_by_name(tmp_path: Path, db: None) -> None:
    path = tmp_path / "stock.yaml"
    path.write_text("register: H\nitems:\n- {code: X, kind: SIM, names: {zh: 卡, en: Card}}\n", encoding="utf-8")
    with pytest.raises(stock_halls.StockRefused, match="price"):
        stock_halls.import_items(path, at=AT)
    assert resources.item_types() == []
