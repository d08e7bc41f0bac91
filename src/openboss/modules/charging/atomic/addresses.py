"""Where networks are told of their sessions, over Nchf and Diameter, kept so that a restart forgets none."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.db import connection, transaction

from openboss.modules.charging.models import GatewaySession, NotifyAddress
from openboss.modules.charging.session_homes import GatewayAddress

KEPT = timedelta(days=7)  # of a session whose end nobody told
_COPY = "COPY charging_gatewaysession (session_key, session_id, host, realm, via, state_id, said_at) FROM STDIN"


@transaction.atomic
def keep_addresses(*, said: Mapping[str, str], ended: Collection[str], at: datetime) -> None:
    """Write down addresses by session, and let those of ended sessions and of ones that fell silent go.

    No audit row: an address is the network's doing.
    """
    NotifyAddress.objects.bulk_create(
        [NotifyAddress(session_key=key, uri=uri, said_at=at) for key, uri in said.items()],
        update_conflicts=True,
        unique_fields=["session_key"],
        update_fields=["uri", "said_at"],
    )
    NotifyAddress.objects.filter(session_key__in=ended).delete()
    NotifyAddress.objects.filter(said_at__lt=at - KEPT).delete()


def addresses_of(session_keys: Collection[str]) -> dict[str, str]:
    """The addresses of some sessions; one of which none is known is left out."""
    return dict(NotifyAddress.objects.filter(session_key__in=session_keys).values_list("session_key", "uri"))


@transaction.atomic
def keep_gateways(*, said: Mapping[str, GatewayAddress], gone: Collection[str], at: datetime) -> None:
    """Write down where sessions live, anew if need be, and let ended ones go and those that were said long ago.

    No audit row: an address is the network's doing. Nobody waits for the disk: what a power cut takes is learnt again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute("DELETE FROM charging_gatewaysession WHERE session_key = ANY(%s::uuid[])", [[*gone, *said]])
        cursor.execute("DELETE FROM charging_gatewaysession WHERE said_at < %s", [at - KEPT])
        if said:
            with cursor.copy(_COPY) as rows:
                for key, address in said.items():
                    rows.write_row((key, *address, at))


def gateways_of(session_keys: Collection[str]) -> dict[str, GatewayAddress]:
    """Where some Diameter sessions live; one of which nothing is known is left out."""
    found = GatewaySession.objects.filter(session_key__in=session_keys)
    rows = found.values_list("session_key", *GatewayAddress._fields)
    return {key.hex: GatewayAddress(bytes(session_id), *rest) for key, session_id, *rest in rows}


def gateways_before(*, host: str, state_id: int) -> list[str]:
    """The sessions that a gateway opened in an earlier life than the one of an Origin-State-Id."""
    older = GatewaySession.objects.filter(host=host, state_id__gt=0, state_id__lt=state_id)
    return [key.hex for key in older.values_list("session_key", flat=True)]
