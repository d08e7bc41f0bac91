"""Data of orders (D13.3). No logic here."""

from django.db import models
from django.db.models import Q


class ProductOrder(models.Model):
    """One order of one customer through one channel, from the first word to the end."""

    order_id = models.BigAutoField(primary_key=True)
    serial_no = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=24)
    channel = models.CharField(max_length=16)
    state = models.CharField(max_length=16)
    customer = models.ForeignKey("customers.Customer", models.PROTECT, null=True, related_name="+")
    subscriber = models.ForeignKey("customers.Subscriber", models.PROTECT, null=True, related_name="+")
    request = models.JSONField()  # what was asked for; personal data is never kept here
    result = models.JSONField(null=True)  # what carrying it out came to: what an undoing order needs
    proofs = models.JSONField()  # what the customer showed (D14.2)
    effective = models.CharField(max_length=16)
    effective_at = models.DateTimeField(null=True)
    staff_id = models.BigIntegerField(null=True)
    org_code = models.CharField(max_length=32)
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, default="")
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")
    part_of = models.ForeignKey("self", models.PROTECT, null=True, related_name="parts")  # the cart it lies in

    class Meta:
        db_table = "orders_order"
        constraints = [
            models.UniqueConstraint(
                fields=["subscriber", "kind"], condition=Q(state="PENDING"), name="orders_one_pending"
            ),
            models.CheckConstraint(
                condition=Q(state="COMPLETED", completed_at__isnull=False) | ~Q(state="COMPLETED"),
                name="orders_completed",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "-order_id"], name="orders_of_customer"),
            models.Index(fields=["subscriber", "-order_id"], name="orders_of_subscriber"),
            models.Index(fields=["effective_at"], condition=Q(state="PENDING"), name="orders_due"),
            models.Index(fields=["created_at"], condition=Q(state="ACKNOWLEDGED"), name="orders_begun"),
            models.Index(fields=["org_code", "-order_id"], name="orders_of_place"),
        ]


class OrderItem(models.Model):
    """One thing of an order: added, changed or ended; it may wait for another one."""

    order_item_id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(ProductOrder, models.PROTECT, related_name="items")
    position = models.PositiveSmallIntegerField()
    action = models.CharField(max_length=8)  # add | modify | delete (TMF622)
    what = models.CharField(max_length=24)  # SUBSCRIBER | NUMBER | SIM | OFFER | STOP | PAYER | CUSTOMER
    values = models.JSONField()
    depends_on = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=16)

    class Meta:
        db_table = "orders_item"
        constraints = [models.UniqueConstraint(fields=["order", "position"], name="orders_item_once")]


class OrderStep(models.Model):
    """One step of an order's checklist (HAL-01): who did it, when, and what came of it."""

    order_step_id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(ProductOrder, models.PROTECT, related_name="steps")
    position = models.PositiveSmallIntegerField()
    step = models.CharField(max_length=24)
    done_at = models.DateTimeField(null=True)
    done_by = models.BigIntegerField(null=True)
    note = models.CharField(max_length=200, default="")

    class Meta:
        db_table = "orders_step"
        constraints = [models.UniqueConstraint(fields=["order", "step"], name="orders_step_once")]


class OrderDocument(models.Model):
    """A document shown for an order, or the signed form: its kind, its hash, who verified it (HAL-02, HAL-17)."""

    order_document_id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(ProductOrder, models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=24)
    sha256 = models.CharField(max_length=64)
    content_sealed = models.BinaryField(null=True)
    verified_by = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "orders_document"
        constraints = [models.UniqueConstraint(fields=["order", "kind", "sha256"], name="orders_document_once")]


class OrderFee(models.Model):
    """One line of what an order costs; paid when receivables has booked it under its serial number."""

    order_fee_id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(ProductOrder, models.PROTECT, related_name="fees")
    position = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=24)
    booking = models.CharField(max_length=8)  # FEE: revenue at once; DEPOSIT; ADVANCE: into the account's cash
    fee_fen = models.BigIntegerField()
    serial_no = models.CharField(max_length=64, null=True, unique=True)
    payment_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "orders_fee"
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="orders_fee_once"),
            models.CheckConstraint(condition=Q(fee_fen__gt=0), name="orders_fee_positive"),
        ]


class OfferMade(models.Model):
    """An offer that was made at the end of something else, and what the customer said (HAL-01, HAL-05)."""

    offer_made_id = models.BigAutoField(primary_key=True)
    subscriber = models.ForeignKey("customers.Subscriber", models.PROTECT, related_name="+")
    offer = models.ForeignKey("catalog.Offer", models.PROTECT, related_name="+")
    answer = models.CharField(max_length=8)  # TAKEN | DECLINED
    channel = models.CharField(max_length=16)
    payment_id = models.BigIntegerField(null=True)  # the payment after which it was made
    org_code = models.CharField(max_length=32)
    staff_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "orders_offermade"
        constraints = [
            models.CheckConstraint(condition=Q(answer__in=["TAKEN", "DECLINED"]), name="orders_offermade_answer"),
            models.UniqueConstraint(
                fields=["payment_id"], condition=Q(payment_id__isnull=False), name="orders_offermade_one"
            ),
        ]
        indexes = [models.Index(fields=["subscriber", "-at"], name="orders_offermade_newest")]


class QueueTicket(models.Model):
    """Somebody who waits in a hall: since when, when they were called, when they were done (HAL-15)."""

    queue_ticket_id = models.BigAutoField(primary_key=True)
    org_code = models.CharField(max_length=32)
    on = models.DateField()
    kind = models.CharField(max_length=16)  # PAY | BUSINESS | ADVICE | UNIT
    number = models.PositiveIntegerField()
    rank = models.SmallIntegerField()  # 0 = key customers, who are called first
    customer = models.ForeignKey("customers.Customer", models.PROTECT, null=True, related_name="+")
    preparation = models.CharField(max_length=200, default="")  # what was done while they waited
    taken_at = models.DateTimeField()
    called_at = models.DateTimeField(null=True)
    called_by = models.BigIntegerField(null=True)
    window = models.CharField(max_length=16, default="")
    closed_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=8, default="")  # SERVED | LEFT
    alarmed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "orders_queueticket"
        constraints = [
            models.UniqueConstraint(fields=["org_code", "on", "kind", "number"], name="orders_ticket_once"),
            models.CheckConstraint(
                condition=Q(called_at__isnull=True) | Q(called_at__gte=models.F("taken_at")),
                name="orders_ticket_times",
            ),
        ]
        indexes = [
            models.Index(
                fields=["org_code", "rank", "taken_at"],
                condition=Q(called_at__isnull=True, closed_at__isnull=True),
                name="orders_ticket_waits",
            ),
            models.Index(fields=["taken_at"], name="orders_ticket_taken"),
        ]


class HubOrder(models.Model):
    """What our hall asked of another province for a user of theirs (HAL-14); never what was shown as proof."""

    hub_order_id = models.BigAutoField(primary_key=True)
    trans_id = models.CharField(max_length=40, unique=True)  # our number of the transaction (TransIDO)
    home = models.CharField(max_length=8)  # the user's province
    number = models.BigIntegerField()
    activity = models.CharField(max_length=16)
    state = models.CharField(max_length=12)  # ASKED | DONE | REFUSED | REVERSING | REVERSED | MANUAL
    content = models.JSONField()
    code = models.CharField(max_length=4, default="")
    words = models.CharField(max_length=200, default="")
    their_id = models.CharField(max_length=40, default="")  # theirs (TransIDH)
    answer = models.JSONField(null=True)
    paid_fen = models.BigIntegerField(default=0)
    means = models.CharField(max_length=16, default="")
    till_id = models.BigIntegerField(null=True)
    staff_id = models.BigIntegerField(null=True)  # none: the system asked
    org_code = models.CharField(max_length=32)
    at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    reversals = models.PositiveSmallIntegerField(default=0)

    class Meta:
        db_table = "orders_huborder"
        constraints = [
            models.CheckConstraint(
                condition=Q(state="ASKED", answered_at__isnull=True) | ~Q(state="ASKED"), name="orders_hub_answered"
            ),
            models.CheckConstraint(condition=Q(paid_fen=0) | Q(activity="PAY", paid_fen__gt=0), name="orders_hub_paid"),
        ]
        indexes = [models.Index(fields=["org_code", "-hub_order_id"], name="orders_hub_newest")]
