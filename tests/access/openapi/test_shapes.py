"""Answers keep to our own description under any parameters, and to the TM Forum's published schemas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

pytestmark = pytest.mark.django_db
Ask = Callable[..., Any]
STANDARDS = Path(__file__).parents[4] / "shared" / "standards" / "tmf"
PUBLISHED = [
    ("customerManagement/v4/customer", "TMF629-Customer-v4.0.0", "Customer"),
    ("party/v4/individual", "TMF632-Party-v4.0.0", "Individual"),
    ("party/v4/organization", "TMF632-Party-v4.0.0", "Organization"),
    ("partyRoleManagement/v4/partyRole", "TMF669-PartyRole-v4.0", "PartyRole"),
    ("partyRoleManagement/v4/partyRole?name=payer", "TMF669-PartyRole-v4.0", "PartyRole"),
    ("productInventory/v4/product", "TMF637-ProductInventory-v4.0.0", "Product"),
    ("accountManagement/v4/billingAccount", "TMF666-Account-v4.1.0", "BillingAccount"),
    ("customerBillManagement/v4/customerBill", "TMF678-Customer_Bill-v4.0.0", "CustomerBill"),
    ("productCatalogManagement/v4/productOffering", "TMF620-ProductCatalog-v4.1.0", "ProductOffering"),
    ("productCatalogManagement/v4/productOfferingPrice", "TMF620-ProductCatalog-v4.1.0", "ProductOfferingPrice"),
]


@contextmanager
def _one_connection() -> Iterator[None]:
    """Keep the connection of the test open over requests, as Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def test_any_parameters_are_answered_as_described(token: Callable[..., str]) -> None:
    headers = {"Authorization": f"Bearer {token()}"}
    checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
    with _one_connection():
        described = schemathesis.openapi.from_wsgi("/tmf-api/openapi.json", get_wsgi_application())
        for found in described.get_all_operations():

            @settings(max_examples=5, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            @given(case=found.ok().as_strategy())
            def answer(case: Any) -> None:
                case.query.pop("fields", None)  # a part of a resource is not the whole that is described
                case.call_and_validate(headers=headers, checks=checks)

            answer()


@pytest.mark.parametrize(("path", "standard", "name"), PUBLISHED)
def test_answers_fit_the_published_schemas(get: Ask, path: str, standard: str, name: str) -> None:
    file = STANDARDS / f"{standard}.swagger.json"
    if not file.exists():
        pytest.skip("the TM Forum's definitions are not part of the project")
    document = json.loads(file.read_text(encoding="utf-8"))
    validator = jsonschema.Draft4Validator({**document["definitions"][name], "definitions": document["definitions"]})
    address, _, name = path.partition("?name=")
    rows = get(address, limit=200, **({"name": name} if name else {})).json()
    assert rows
    for row in rows:
        validator.validate(row)
