"""Debts: what is open on released bills, the money of accounts, and which money paid what."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class Receivable(models.Model):
    """A released bill as a debt of its account; late fees are added here, never to the bill."""

    class Standing(models.TextChoices):
        NORMAL = "NORMAL"
        DOUBTFUL = "DOUBTFUL"
        BAD = "BAD"

    bill_id = models.BigIntegerField(primary_key=True)
    cycle = models.IntegerField()
    account_id = models.BigIntegerField()
    customer_id = models.BigIntegerField()
    total_fen = models.BigIntegerField()  # as billed
    open_fen = models.BigIntegerField()  # late fees that were booked included
    due_on = models.DateField()
    late_from_on = models.DateField()  # the first day whose late fee is not booked yet
    late_cap_fen = models.BigIntegerField(null=True)  # principal at the first booking of a late fee
    late_fen = models.BigIntegerField(default=0)  # late fees booked
    written_off_fen = models.BigIntegerField(default=0)
    standing = models.CharField(max_length=8, choices=Standing.choices, default=Standing.NORMAL)
    booked_at = models.DateTimeField()
    position = models.BigIntegerField()  # its turn among the entries

    class Meta:
        db_table = "receivables_receivable"
        constraints = [
            models.CheckConstraint(condition=Q(open_fen__gte=0), name="receivables_open_not_negative"),
            models.CheckConstraint(
                condition=Q(late_fen__gte=0) & (Q(late_cap_fen__isnull=True) | Q(late_fen__lte=F("late_cap_fen"))),
                name="receivables_late_capped",
            ),
        ]
        indexes = [
            models.Index(fields=["account_id"], condition=Q(open_fen__gt=0), name="receivables_open_account"),
            models.Index(fields=["due_on"], condition=Q(open_fen__gt=0), name="receivables_open_due"),
        ]


class OpenItem(models.Model):
    """An item of a user on a released bill: what is due and what of it is paid; `rank` is its turn in clearing."""

    pk = models.CompositePrimaryKey("bill_id", "subscriber_id", "item_id")
    bill_id = models.BigIntegerField()
    subscriber_id = models.BigIntegerField()  # 0: the late fee of the whole bill
    item_id = models.SmallIntegerField()
    rank = models.SmallIntegerField()
    is_late_exempt = models.BooleanField()
    due_fen = models.BigIntegerField()
    paid_fen = models.BigIntegerField(default=0)

    class Meta:
        db_table = "receivables_openitem"
        constraints = [
            models.CheckConstraint(
                condition=Q(paid_fen__gte=0, paid_fen__lte=F("due_fen"))
                | Q(paid_fen__lte=0, paid_fen__gte=F("due_fen")),
                name="receivables_item_paid",
            ),
        ]
        indexes = [
            models.Index(
                fields=["subscriber_id"], condition=~Q(paid_fen=F("due_fen")), name="receivables_item_subscriber"
            ),
        ]


class Bucket(models.Model):
    """Money of an account kept apart (账本): of a kind, for some items, for some time."""

    class Kind(models.TextChoices):
        DEDICATED = "DEDICATED"  # a gift for some items
        RELEASED = "RELEASED"  # released month by month
        GIFT = "GIFT"
        CASH = "CASH"
        DEPOSIT = "DEPOSIT"
        AGENT = "AGENT"  # an agent's money, from which it recharges others
        CHARGED = "CHARGED"  # taken by the engine for use that is not billed yet

    bucket_id = models.BigAutoField(primary_key=True)
    account_id = models.BigIntegerField()
    kind = models.CharField(max_length=16, choices=Kind.choices)
    item_ids = ArrayField(models.SmallIntegerField(), default=list)  # none: all items
    valid_from_on = models.DateField()
    valid_to_on = models.DateField(null=True)
    balance_fen = models.BigIntegerField(default=0)

    class Meta:
        db_table = "receivables_bucket"
        constraints = [
            models.CheckConstraint(condition=Q(balance_fen__gte=0), name="receivables_bucket_not_negative"),
            models.UniqueConstraint(
                fields=["account_id", "kind"],
                condition=Q(kind__in=["CASH", "DEPOSIT", "AGENT", "CHARGED"]),
                name="receivables_bucket_one_of_a_kind",
            ),
        ]
        indexes = [models.Index(fields=["account_id"], name="receivables_bucket_account")]


class Clearing(models.Model):
    """One act of clearing of an account: what its money paid at one moment, or that there was nothing to pay.

    It is undone when what caused it is reversed.
    """

    clearing_id = models.BigAutoField(primary_key=True)
    account_id = models.BigIntegerField()
    payment_id = models.BigIntegerField(null=True)  # the payment that caused it
    cleared_on = models.DateField()
    at = models.DateTimeField()
    position = models.BigIntegerField()  # its turn among the entries; kept when it is done again without another
    entry_id = models.BigIntegerField(null=True)  # none: nothing was paid
    late_entry_id = models.BigIntegerField(null=True)
    is_undone = models.BooleanField(default=False)

    class Meta:
        db_table = "receivables_clearing"
        indexes = [
            models.Index(fields=["account_id", "clearing_id"], name="receivables_clearing_account"),
            models.Index(fields=["payment_id"], name="receivables_clearing_payment"),
        ]


class Allocation(models.Model):
    """What one act of clearing paid of one item out of one bucket."""

    pk = models.CompositePrimaryKey("clearing_id", "bill_id", "subscriber_id", "item_id", "bucket_id")
    clearing_id = models.BigIntegerField()
    bill_id = models.BigIntegerField()
    subscriber_id = models.BigIntegerField()
    item_id = models.SmallIntegerField()
    bucket_id = models.BigIntegerField()
    paid_fen = models.BigIntegerField()

    class Meta:
        db_table = "receivables_allocation"
        constraints = [models.CheckConstraint(condition=Q(paid_fen__gt=0), name="receivables_allocation_positive")]
        indexes = [models.Index(fields=["bill_id"], name="receivables_allocation_bill")]


class LateFee(models.Model):
    """The late fee of a bill for some days, booked when something was paid: principal, days, fee (D8.5)."""

    pk = models.CompositePrimaryKey("clearing_id", "bill_id")
    clearing_id = models.BigIntegerField()
    bill_id = models.BigIntegerField()
    from_on = models.DateField()
    to_on = models.DateField()  # the day of payment: its own late fee does not count
    principal_fen = models.BigIntegerField()
    fee_fen = models.BigIntegerField()

    class Meta:
        db_table = "receivables_latefee"
