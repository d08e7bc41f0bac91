"""Who calls, what they may, how lists are asked for, and how refusals read (TM Forum TMF630)."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, TypeVar

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Query, Router
from ninja.security.base import AuthBase, SecuritySchema
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from openboss.access.jobs import clock
from openboss.modules.system import functions as system
from openboss.modules.system.functions import StaffView

WORDS = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"  # a line, not of spaces alone
PAGE_LIMIT = 1000
T = TypeVar("T")


class Refusal(Exception):
    """A request that cannot be answered: an HTTP status, a code, and what to do."""

    def __init__(self, status: int, code: str, reason: str, message: str = "") -> None:
        super().__init__(reason)
        self.status, self.code, self.reason, self.message = status, code, reason, message


@dataclass(frozen=True)
class Caller:
    """The system that calls and the person in whose name it acts."""

    client_id: str
    client_name: str
    staff: StaffView
    scopes: frozenset[str]

    @property
    def staff_id(self) -> int:
        """Who acts, by number."""
        return self.staff.staff_id


class Holder(AuthBase):
    """Lets a token through that was given for a right which its member of staff still holds."""

    openapi_type = "oauth2"

    def __init__(self, right: str) -> None:
        super().__init__()
        self.right = right
        flows = {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": {right: right}}}
        self.openapi_security_schema = SecuritySchema(type="oauth2", flows=flows)

    def __call__(self, request: HttpRequest) -> Caller | None:
        """The caller; None (401) without a valid token of this scope in the header. Raises Refusal (403).

        The library's own way to a token takes five times the statements.
        """
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        holder = system.holder_of_token(value=value.strip()) if kind.lower() == "bearer" else None
        if holder is None or self.right not in holder.scopes:
            return None
        staff = system.staff_by_id(staff_id=holder.staff_id) if holder.staff_id else None
        if staff is None or not staff.is_active or self.right not in staff.rights:
            raise Refusal(403, "rightMissing", f"the right {self.right} is not held any more")
        return Caller(holder.client_id, holder.name, staff, holder.scopes)


def refusing_unknown_filters(run: Callable[..., Any]) -> Callable[..., Any]:
    """Let an operation refuse parameters it does not know: a filter that is not kept must not be taken for one."""
    operation = run.__self__  # type: ignore[attr-defined]  # ninja hands over the operation's own method
    asked = [model for model in operation.models if model.__ninja_param_source__ == "query"]
    known = {name for model in asked for name in model.__ninja_flatten_map__}

    @functools.wraps(run)
    def strict(request: HttpRequest, **more: Any) -> Any:
        unknown = sorted(set(request.GET) - known)
        if unknown:
            names = ", ".join(sorted(known)) or "none"
            refusal = Refusal(400, "unknownParameter", f"{unknown[0]} is no parameter here; those known: {names}")
            return operation.api.on_exception(request, refusal)
        return run(request, **more)

    return strict


def serial_no_of(caller: Caller, kind: str, name: str) -> str:
    """The serial number of what a caller calls by a name of their own: sent again, it is done once (D0.4)."""
    return f"{kind} {hashlib.sha256(f'{caller.client_id} {name}'.encode()).hexdigest()[:48]}"


def places_of(caller: Caller) -> frozenset[str]:
    """The places whose stock a caller may use: those of its member of staff, and those below."""
    return frozenset(system.org_subtree(code=caller.staff.org_code))


def router(right: str, title: str) -> Router:
    """The operations of one API, open to those who hold a right; what is unknown is left out of the answers."""
    return Router(by_alias=True, exclude_none=True, auth=Holder(right), tags=[title])


def _outside(name: str) -> str:
    """A name as TM Forum writes it: start_date > startDate, at_type > @type."""
    return f"@{to_camel(name.removeprefix('at_'))}" if name.startswith("at_") else to_camel(name)


class Shape(BaseModel):
    """A TM Forum resource."""

    model_config = ConfigDict(alias_generator=_outside, populate_by_name=True)


class Ref(Shape):
    """Another resource by id."""

    id: str
    href: str | None = None
    name: str | None = None
    at_referred_type: str | None = None
    role: str | None = None


class TimePeriod(Shape):
    """A half-open period; an open end is missing."""

    start_date_time: str | None = None
    end_date_time: str | None = None


class Money(Shape):
    """An amount with its currency."""

    unit: str
    value: float


class Error(Shape):
    """Why a request was not answered (TMF630)."""

    code: str
    reason: str
    message: str | None = None
    status: str | None = None


def answers(shape: Any) -> dict[int, Any]:
    """What an operation may answer: its resource, or why not."""
    return {200: shape, 400: Error, 401: Error, 403: Error, 404: Error}


FAILURES = {400: Error, 401: Error, 403: Error, 404: Error, 409: Error}  # why a write was not done


def money(amount_fen: int, currency: str = "CNY") -> Money:
    """Write fen as TM Forum's number of yuan: the one place where money becomes a JSON number.

    A number with two decimals below 10^13 is written by its shortest digits, so nothing is lost on the way.
    """
    return Money(unit=currency, value=amount_fen / 100)


def yuan_of_li(amount_li: int) -> float:
    """Write li as TM Forum's number of yuan, with three decimals."""
    return amount_li / 1000


def midnight(day: date) -> str:
    """The first moment of a day on the operator's clock, as TM Forum writes moments."""
    return clock.begin_of(day).isoformat()


class Paging(BaseModel):
    """Which part of a list: `offset` is a multiple of `limit`; `fields` names the attributes wanted."""

    offset: Annotated[int, Field(ge=0, le=10**9)] = 0
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT)] = 50
    fields: Annotated[str | None, Field(max_length=500)] = None

    def page(self) -> int:
        """The number of the page, from 1. Raises Refusal."""
        if self.offset % self.limit:
            raise Refusal(400, "invalidOffset", "offset must be a multiple of limit")
        return self.offset // self.limit + 1

    def part(self, rows: Sequence[T]) -> Sequence[T]:
        """This page of rows that are all in memory. Raises Refusal."""
        first = (self.page() - 1) * self.limit
        return rows[first : first + self.limit]


PagingQuery: Any = Query()


def listed(response: HttpResponse, paging: Paging, rows: Sequence[Shape], total: int) -> Any:
    """One page of a list with the headers that say how much there is in all."""
    response["X-Total-Count"] = str(total)
    response["X-Result-Count"] = str(len(rows))
    if not paging.fields:
        return rows
    answer = JsonResponse([_part(row, paging.fields) for row in rows], safe=False)
    for name in ("X-Total-Count", "X-Result-Count"):
        answer[name] = response[name]
    return answer


def chosen(row: Shape, fields: str | None) -> Any:
    """A resource, whole or with the attributes that were asked for."""
    return JsonResponse(_part(row, fields)) if fields else row


def _part(row: Shape, fields: str) -> Any:
    """The named attributes of a resource; id, href and @type always stay."""
    wanted = {"id", "href", "@type", *(name.strip() for name in fields.split(","))}
    return {name: value for name, value in row.model_dump(by_alias=True, exclude_none=True).items() if name in wanted}


def whole_number(text: str, what: str) -> int:
    """Read an id. Raises Refusal (404): what is no number names nothing."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise Refusal(404, "notFound", f"no such {what}")
    return int(text)
