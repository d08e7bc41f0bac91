"""Addresses at which network functions are told of their Nchf sessions, kept so that a restart forgets none."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.db import transaction

from openboss.modules.charging.models import NotifyAddress

KEPT = timedelta(days=7)  # of a session whose end nobody told


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
