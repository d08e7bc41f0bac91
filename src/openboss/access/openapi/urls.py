"""Where the open interfaces hang: the token endpoint, the description, and one path an API."""

from __future__ import annotations

from allauth.idp.oidc import views as oauth
from django.http import HttpRequest, HttpResponse
from django.urls import path
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError

from openboss.access.openapi.accounts import account_router
from openboss.access.openapi.bills import bill_router
from openboss.access.openapi.catalog import catalog_router
from openboss.access.openapi.communication import communication_router
from openboss.access.openapi.customers import customer_router, party_router
from openboss.access.openapi.door import Error, Refusal, refusing_unknown_filters
from openboss.access.openapi.hub import open_hub
from openboss.access.openapi.interactions import interaction_router
from openboss.access.openapi.party_roles import role_router
from openboss.access.openapi.payment_methods import method_router
from openboss.access.openapi.payments import balance_router, payment_router
from openboss.access.openapi.product_orders import order_router
from openboss.access.openapi.products import product_router
from openboss.access.openapi.resources import resource_router
from openboss.access.openapi.service_orders import service_order_router

for router, kind in (
    (catalog_router, "productOffering"),
    (order_router, "productOrder"),
    (customer_router, "customer"),
    (party_router, "party"),
    (product_router, "product"),
    (resource_router, "resource"),
    (service_order_router, "serviceOrder"),
    (account_router, "billingAccount"),
    (role_router, "partyRole"),
    (bill_router, "customerBill"),
    (interaction_router, "partyInteraction"),
):
    open_hub(router, kind)
api = NinjaAPI(
    title="OpenBOSS",
    version="4",
    description="TM Forum Open APIs over OpenBOSS. Personal data is masked; amounts are in yuan.",
    urls_namespace="openapi",
)
api.add_decorator(refusing_unknown_filters, mode="view")
api.add_router("productCatalogManagement/v4", catalog_router)
api.add_router("customerManagement/v4", customer_router)
api.add_router("party/v4", party_router)
api.add_router("productInventory/v4", product_router)
api.add_router("productOrderingManagement/v4", order_router)
api.add_router("resourceInventoryManagement/v4", resource_router)
api.add_router("serviceOrdering/v4", service_order_router)
api.add_router("accountManagement/v4", account_router)
api.add_router("partyRoleManagement/v4", role_router)
api.add_router("customerBillManagement/v4", bill_router)
api.add_router("paymentManagement/v4", payment_router)
api.add_router("paymentMethodManagement/v5", method_router)
api.add_router("prepayBalanceManagement/v4", balance_router)
api.add_router("communicationManagement/v4", communication_router)
api.add_router("partyInteractionManagement/v4", interaction_router)


def _say(request: HttpRequest, error: Error, status: int) -> HttpResponse:
    return api.create_response(request, error.model_dump(by_alias=True, exclude_none=True), status=status)


@api.exception_handler(Refusal)
def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """A request that was understood and refused."""
    error = Error(code=refusal.code, reason=refusal.reason, message=refusal.message or None, status=str(refusal.status))
    return _say(request, error, refusal.status)


@api.exception_handler(AuthenticationError)
def unauthenticated(request: HttpRequest, _: AuthenticationError) -> HttpResponse:
    """No token, an old one, or one of another scope."""
    reason = "a valid access token of this scope is needed: get one from /oauth/token"
    return _say(request, Error(code="unauthenticated", reason=reason, status="401"), 401)


@api.exception_handler(ValidationError)
def malformed(request: HttpRequest, wrong: ValidationError) -> HttpResponse:
    """A parameter or a body that cannot be read; the message names the places."""
    places = "; ".join(f"{'.'.join(str(part) for part in one['loc'][1:])}: {one['msg']}" for one in wrong.errors)
    return _say(
        request, Error(code="malformed", reason="the request cannot be read", message=places, status="400"), 400
    )


def nothing_there(request: HttpRequest, rest: str) -> HttpResponse:
    """An address of no interface."""
    return _say(request, Error(code="notFound", reason=f"no such resource: {rest}", status="404"), 404)


urlpatterns = [
    path("oauth/token", oauth.token, name="oauth_token"),
    path("oauth/revoke", oauth.revoke, name="oauth_revoke"),
    path("tmf-api/", api.urls),
    path("tmf-api/<path:rest>", nothing_there),
]
