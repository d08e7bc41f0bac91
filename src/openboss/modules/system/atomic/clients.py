"""Other systems that call the open interfaces: each acts as a member of staff, within the rights it was given."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from allauth.idp.oidc.adapter import get_adapter
from allauth.idp.oidc.models import Client, Token
from django.contrib.auth.hashers import make_password
from django.db import transaction

from openboss.modules.system.atomic.audit import record_audit
from openboss.modules.system.atomic.staff import StaffView, staff_by_id, staff_by_login
from openboss.modules.system.models import Listener
from openboss.modules.system.statements import ask


class ClientUnknown(LookupError):
    """There is no such client."""


class ScopeBeyondRights(ValueError):
    """A client may be given only rights that the member of staff holds in whose name it acts."""


@dataclass(frozen=True)
class ClientView:
    """A registered client; scopes are names of rights."""

    client_id: str
    name: str
    staff_login: str
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class TokenHolder:
    """The system that holds a valid access token: for which rights it was given, and in whose name it acts."""

    client_id: str
    name: str
    staff_id: int | None
    scopes: frozenset[str]


def holder_of_token(*, value: str) -> TokenHolder | None:
    """Say who holds an access token that is valid now; None for any other. With every request: one statement."""
    found = ask(
        f"SELECT c.id, c.name, c.owner_id, t.scopes FROM {Token._meta.db_table} t"
        f" JOIN {Client._meta.db_table} c ON c.id = t.client_id WHERE t.type = %s::text AND t.hash = %s::text"
        " AND (t.expires_at IS NULL OR t.expires_at > now())",
        [str(Token.Type.ACCESS_TOKEN), get_adapter().hash_token(value)],
    )
    if not found:
        return None
    ((client_id, name, staff_id, scopes),) = found
    return TokenHolder(client_id, name, staff_id, frozenset(Token(scopes=scopes).get_scopes()))


@transaction.atomic
def add_client(*, name: str, staff_login: str, scopes: Iterable[str], at: datetime) -> tuple[ClientView, str]:
    """Register a client for the client-credentials grant of OAuth 2 (RFC 6749, 4.4); return it with its secret.

    The secret is kept as a hash only: it is shown this once. Raises StaffUnknown, ScopeBeyondRights.
    """
    staff = staff_by_login(login=staff_login)
    wanted = sorted(set(scopes))
    if beyond := [scope for scope in wanted if scope not in staff.rights]:
        raise ScopeBeyondRights(", ".join(beyond))
    secret = get_adapter().generate_client_secret()
    client = Client(name=name, owner_id=staff.staff_id, secret=make_password(secret), type=Client.Type.CONFIDENTIAL)
    client.grant_types = Client.GrantType.CLIENT_CREDENTIALS
    client.set_scopes(wanted)
    client.set_default_scopes(wanted)
    client.save()
    record_audit(
        staff_id=None,
        action="system.add_client",
        object_kind="client",
        object_id=client.id,
        at=at,
        after={"name": name, "staff": staff_login, "scopes": wanted},
    )
    return _view(client, staff_login), secret


@transaction.atomic
def remove_client(*, client_id: str, at: datetime) -> None:
    """Take a client's access away at once, its tokens and listeners too. Raises ClientUnknown."""
    client = Client.objects.filter(id=client_id).first()
    if client is None:
        raise ClientUnknown(client_id)
    record_audit(
        staff_id=None,
        action="system.remove_client",
        object_kind="client",
        object_id=client_id,
        at=at,
        before={"name": client.name, "scopes": client.get_scopes()},
    )
    Listener.objects.filter(client_id=client_id).delete()
    client.delete()


def staff_of_client(*, client_id: str) -> StaffView | None:
    """In whose name a client acts; None if it was removed."""
    client = Client.objects.filter(id=client_id).first()
    return staff_by_id(staff_id=client.owner_id) if client and client.owner_id else None


def list_clients() -> list[ClientView]:
    """List the registered clients by name."""
    found = Client.objects.select_related("owner").order_by("name", "id")
    return [_view(client, client.owner.login) for client in found if client.owner]


def _view(client: Client, staff_login: str) -> ClientView:
    return ClientView(client.id, client.name, staff_login, tuple(client.get_scopes()))
