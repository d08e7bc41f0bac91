"""How complete customers' data are, and who is worth most."""

from __future__ import annotations

from typing import Any

import pytest

from openboss.access.console.lists import Paging
from openboss.modules.billing import functions as billing
from openboss.modules.customers import functions as customers

from .conftest import signed_in
from .small_operator import NOW

pytestmark = pytest.mark.usefixtures("operator")


def _rows(address: str, login: str = "billing", **filters: str) -> list[dict[str, Any]]:
    screen = signed_in(login).get(address).context["list"]["screen"]
    return list(screen.fetch(filters, screen.default_sort, Paging(1, 200))[0])


@pytest.mark.requirement("CRM-06")
def test_a_missing_id_number_lowers_the_score_and_the_report_is_by_outlet() -> None:
    customer_id = customers.find_or_create_customer(
        kind="INDIVIDUAL", name="程一一", cert_type="ID_CARD", cert_no="110105199001010010", org_code="17.027",
        at=NOW, staff_id=None,
    )  # fmt: skip
    customers.put_contact(customer_id=customer_id, kind="PHONE", label="HOME", value="027", at=NOW, staff_id=None)

    def score() -> int:
        row = next(one for one in _rows("/customers/quality/17.027/") if one["customer_id"] == customer_id)
        return int(row["score"])

    whole = score()
    assert whole == 60  # document, birthday and phone of five
    from openboss.modules.customers.models import Customer

    Customer.objects.filter(pk=customer_id).update(cert_no_index=None)
    assert score() == 40
    (outlet,) = (row for row in _rows("/customers/quality/") if row["org_code"] == "17.027")
    assert (outlet["customers"], outlet["score"], outlet["document"], outlet["phone"]) == (1, 40, 1, 0)
    lacking = _rows("/customers/quality/17.027/", lacks="document")
    assert [row["customer_id"] for row in lacking] == [customer_id]
    assert _rows("/customers/quality/17.027/", lacks="phone") == []
    page = signed_in("billing").get("/customers/quality/17.027/").content.decode()
    assert "No document · No address · No consent asked" in page


@pytest.mark.requirement("CRM-27")
def test_the_top_five_per_cent_by_value_are_listed() -> None:
    averages = billing.average_by_customer(before=202611, months=12).sort("average_fen", descending=True)
    top = -(-averages.height * 5 // 100)
    rows = _rows("/customers/value/")
    assert [row["rank"] for row in rows] == list(range(1, top + 1))
    assert [row["average_fen"] for row in rows] == averages["average_fen"].head(top).to_list()
    assert len(_rows("/customers/value/", share="20")) == -(-averages.height // 5)
    assert signed_in("stock").get("/customers/value/").status_code == 403
