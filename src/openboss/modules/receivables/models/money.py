"""Money over the border: payments in and out, tills, documents."""

from django.db import models
from django.db.models import F, Q


class Payment(models.Model):
    """Money that came in (above zero) or went out (below), by one means through one channel."""

    class State(models.TextChoices):
        POSTED = "POSTED"
        SUSPENDED = "SUSPENDED"  # nobody knows yet whose it is
        REVERSED = "REVERSED"

    class Purpose(models.TextChoices):
        BILL = "BILL"
        DEPOSIT = "DEPOSIT"
        FEE = "FEE"
        REFUND = "REFUND"
        REVERSAL = "REVERSAL"
        RECOVERY = "RECOVERY"  # of debt that was written off
        AGENT = "AGENT"  # an agent's own money
        REMOTE = "REMOTE"  # collected for another province

    payment_id = models.BigAutoField(primary_key=True)
    serial_no = models.CharField(max_length=64, unique=True)
    account_id = models.BigIntegerField(null=True)  # none while suspended
    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    paid_fen = models.BigIntegerField()
    means = models.CharField(max_length=16)
    channel = models.CharField(max_length=16)
    reference = models.CharField(max_length=64, default="")  # the payer's or collector's own number
    note = models.CharField(max_length=200, default="")
    staff_id = models.BigIntegerField(null=True)
    till_id = models.BigIntegerField(null=True)
    business_on = models.DateField()
    at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State.choices)
    entry_id = models.BigIntegerField()
    reverses_id = models.BigIntegerField(null=True, unique=True)  # the payment this one takes back

    class Meta:
        db_table = "receivables_payment"
        constraints = [
            models.CheckConstraint(condition=~Q(paid_fen=0), name="receivables_payment_not_zero"),
        ]
        indexes = [
            models.Index(fields=["account_id", "payment_id"], name="receivables_payment_account"),
            models.Index(fields=["business_on", "channel"], name="receivables_payment_day"),
            models.Index(fields=["till_id"], name="receivables_payment_till"),
            models.Index(fields=["reference"], condition=~Q(reference=""), name="receivables_payment_ref"),
            models.Index(fields=["payment_id"], condition=Q(state="SUSPENDED"), name="receivables_payment_waiting"),
        ]


class Till(models.Model):
    """A cashier's session: opened with a float, closed by counting (D22.2)."""

    till_id = models.BigAutoField(primary_key=True)
    staff_id = models.BigIntegerField()
    place = models.CharField(max_length=32)  # the outlet, or the kiosk whose cash box it is
    opened_at = models.DateTimeField()
    opening_fen = models.BigIntegerField()
    closed_at = models.DateTimeField(null=True)
    expected_fen = models.BigIntegerField(null=True)
    counted_fen = models.BigIntegerField(null=True)
    difference_reason = models.CharField(max_length=200, default="")

    class Meta:
        db_table = "receivables_till"
        constraints = [
            models.UniqueConstraint(
                fields=["staff_id", "place"], condition=Q(closed_at__isnull=True), name="receivables_till_one_open"
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, counted_fen__isnull=True)
                | Q(closed_at__isnull=False, counted_fen__isnull=False, expected_fen__isnull=False),
                name="receivables_till_counted",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | Q(counted_fen=F("expected_fen")) | ~Q(difference_reason=""),
                name="receivables_till_explained",
            ),
        ]


class DocumentSeries(models.Model):
    """The numbers of a kind of document, given in ascending order without gaps."""

    kind = models.CharField(primary_key=True, max_length=16)
    prefix = models.CharField(max_length=8)
    next_no = models.BigIntegerField(default=1)

    class Meta:
        db_table = "receivables_documentseries"


class Document(models.Model):
    """A numbered receipt or invoice; printed again it says COPY (ACM-19)."""

    class Kind(models.TextChoices):
        RECEIPT = "RECEIPT"
        INVOICE = "INVOICE"

    class State(models.TextChoices):
        ISSUED = "ISSUED"
        RETURNED = "RETURNED"

    document_id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    number = models.CharField(max_length=32, unique=True)
    payment_id = models.BigIntegerField(null=True)
    bill_id = models.BigIntegerField(null=True)
    account_id = models.BigIntegerField()
    total_fen = models.BigIntegerField()
    issued_at = models.DateTimeField()
    staff_id = models.BigIntegerField(null=True)
    copies = models.IntegerField(default=0)
    state = models.CharField(max_length=8, choices=State.choices, default=State.ISSUED)

    class Meta:
        db_table = "receivables_document"
        constraints = [
            models.CheckConstraint(
                condition=Q(payment_id__isnull=True) ^ Q(bill_id__isnull=True), name="receivables_document_of_one"
            ),
            models.UniqueConstraint(
                fields=["payment_id"], condition=Q(state="ISSUED"), name="receivables_document_payment_once"
            ),
            models.UniqueConstraint(
                fields=["bill_id"], condition=Q(state="ISSUED"), name="receivables_document_bill_once"
            ),
        ]
