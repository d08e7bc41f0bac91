"""The ledger: entries and their postings, which nothing changes (see the triggers of the migration)."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q


class ChartAccount(models.Model):
    """An account of the chart of accounts (科目), as finance numbers it; code knows it by its role."""

    class Kind(models.TextChoices):
        ASSET = "ASSET"
        LIABILITY = "LIABILITY"
        INCOME = "INCOME"
        EXPENSE = "EXPENSE"

    chart_no = models.IntegerField(primary_key=True)
    role = models.CharField(max_length=32, unique=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    name_zh = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100)
    group_code = models.CharField(max_length=16, default="")  # bill items of this display group are credited here
    means = ArrayField(models.CharField(max_length=16), default=list)  # means of payment that are debited here

    class Meta:
        db_table = "receivables_chartaccount"
        constraints = [
            models.UniqueConstraint(fields=["group_code"], condition=~Q(group_code=""), name="receivables_chart_group"),
        ]


class BusinessDay(models.Model):
    """A day of the books that was closed, and perhaps opened again; a day without a row is open."""

    class State(models.TextChoices):
        OPEN = "OPEN"
        CLOSED = "CLOSED"

    business_on = models.DateField(primary_key=True)
    state = models.CharField(max_length=8, choices=State.choices)
    changed_at = models.DateTimeField()
    changed_by = models.BigIntegerField(null=True)

    class Meta:
        db_table = "receivables_businessday"


class Period(models.Model):
    """An accounting period (202611) that was closed, and perhaps opened again."""

    period = models.IntegerField(primary_key=True)
    state = models.CharField(max_length=8, choices=BusinessDay.State.choices)
    changed_at = models.DateTimeField()
    changed_by = models.BigIntegerField(null=True)

    class Meta:
        db_table = "receivables_period"


class Entry(models.Model):
    """Why money moved: one cause, done once. Append-only."""

    entry_id = models.BigAutoField(primary_key=True)
    serial_no = models.CharField(max_length=80, unique=True)
    cause = models.CharField(max_length=24)
    business_on = models.DateField()
    period = models.IntegerField()
    currency = models.CharField(max_length=3)
    staff_id = models.BigIntegerField(null=True)  # not a foreign key: the entry outlives everything
    channel = models.CharField(max_length=16)
    at = models.DateTimeField()
    reverses_id = models.BigIntegerField(null=True, unique=True)
    note = models.CharField(max_length=200, default="")

    class Meta:
        db_table = "receivables_entry"
        indexes = [models.Index(fields=["business_on", "cause"], name="receivables_entry_day")]


class Posting(models.Model):
    """One line of an entry: debit above zero, credit below. Append-only; an entry's lines come in one statement."""

    pk = models.CompositePrimaryKey("entry_id", "line_no")
    entry_id = models.BigIntegerField()
    line_no = models.SmallIntegerField()
    chart_no = models.IntegerField()
    amount_fen = models.BigIntegerField()
    business_on = models.DateField()
    account_id = models.BigIntegerField(null=True)
    subscriber_id = models.BigIntegerField(null=True)
    item_id = models.SmallIntegerField(null=True)
    bill_id = models.BigIntegerField(null=True)
    bucket_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "receivables_posting"
        constraints = [models.CheckConstraint(condition=~Q(amount_fen=0), name="receivables_posting_not_zero")]
        indexes = [
            models.Index(fields=["account_id", "entry_id"], name="receivables_posting_account"),
            BrinIndex(fields=["business_on"], pages_per_range=16, name="receivables_posting_day"),
        ]


class DaySeal(models.Model):
    """The hash of the entries of one closed business day, chained to the seal before. Append-only."""

    position = models.BigIntegerField(primary_key=True)
    business_on = models.DateField()
    first_entry_id = models.BigIntegerField()
    last_entry_id = models.BigIntegerField()
    entry_count = models.BigIntegerField()
    debit_fen = models.BigIntegerField()
    sha256 = models.BinaryField()
    sealed_at = models.DateTimeField()

    class Meta:
        db_table = "receivables_dayseal"
