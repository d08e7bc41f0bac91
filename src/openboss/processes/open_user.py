"""A user is opened at a counter, and from that moment on the whole house knows them.

One transaction: the customer's record, number, card, plan and payer, and the charging engine's word of it. Bills read
the same tables, the call centre finds the same row; nothing is copied. Source: ARC-04, ARC-11, D2.3.
"""

from datetime import datetime

from django.db import transaction

from openboss.modules.charging.functions.engine import announce_users
from openboss.modules.customers import functions as customers


@transaction.atomic
def open_user(
    *,
    customer_id: int,
    account_id: int,
    service_type: str,
    brand: str,
    home_area: int,
    pay_type: str,
    number: int,
    iccid: str,
    imsi: int,
    main_offer_id: int,
    first_month: str,
    at: datetime,
    staff_id: int | None,
) -> int:
    """Open a user whose usage can be rated at once; return the id.

    Raises the refusals of customers.open_subscriber; then nothing was changed.
    """
    subscriber_id = customers.open_subscriber(
        customer_id=customer_id,
        account_id=account_id,
        service_type=service_type,
        brand=brand,
        home_area=home_area,
        pay_type=pay_type,
        number=number,
        iccid=iccid,
        imsi=imsi,
        main_offer_id=main_offer_id,
        first_month=first_month,
        at=at,
        staff_id=staff_id,
    )
    announce_users(customers.engine_image(subscriber_ids=[subscriber_id]))
    return subscriber_id
