"""Overlaps that must never exist are refused by the database itself, whoever writes (issue 5, section 1)."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange, NumericRange

from openboss.modules.customers.models import Holding, NumberPeriod, PaymentRelation, SimPeriod
from tests.modules.receivables.conftest import desk
from tests.processes.hall_office import AT, Office, office

__all__ = ["desk", "office"]
LATER = AT + timedelta(days=3)


def copies(office: Office) -> dict[str, tuple]:
    """Of each thing a user has, one more of the same at once: the row that is there, and what the copy changes."""
    first, second = office.open_user(), office.open_user(number=8613900001291)
    of = {model: model.objects.get(subscriber_id=first) for model in (NumberPeriod, SimPeriod, PaymentRelation)}
    number, sim, rest = (of[model] for model in (NumberPeriod, SimPeriod, PaymentRelation))
    return {
        "two users of a number": (number, {"subscriber_id": second}),
        "two users of a card": (sim, {"subscriber_id": second}),
        "two cards of a user": (sim, {"imsi": 460009999999999, "iccid": "8986009999999999999"}),
        "two main offers": (Holding.objects.get(subscriber_id=first, kind="MAIN"), {"offer_id": 103}),
        "two payers of the rest": (rest, {}),
    }


@pytest.mark.django_db
def test_two_users_of_a_number_or_card_two_main_offers_and_two_rests_cannot_be_written(office: Office) -> None:
    for what, (row, changes) in copies(office).items():
        count = type(row).objects.count()
        span = "cycles" if isinstance(row, PaymentRelation) else "period"
        begins = {"cycles": NumericRange(202612, None), "period": DateTimeTZRange(LATER, None)}[span]
        twin = {field.attname: getattr(row, field.attname) for field in row._meta.fields if not field.primary_key}
        with pytest.raises(IntegrityError), transaction.atomic():
            type(row).objects.create(**{**twin, span: begins, **changes})
        assert type(row).objects.count() == count, what
