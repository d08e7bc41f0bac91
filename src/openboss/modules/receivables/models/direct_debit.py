"""Direct debit (托收): mandates, runs that go to a bank as files, and what came back of each item (D8.7)."""

from django.db import models
from django.db.models import Q


class Mandate(models.Model):
    """A customer's leave to debit a bank account; used only when the bank has confirmed it (ACM-29)."""

    class State(models.TextChoices):
        PENDING = "PENDING"
        VERIFIED = "VERIFIED"
        ENDED = "ENDED"

    mandate_id = models.BigAutoField(primary_key=True)
    account_id = models.BigIntegerField()
    contract_no = models.CharField(max_length=35, unique=True)
    bank = models.CharField(max_length=16)
    bank_account_sealed = models.BinaryField()  # encrypted
    holder_sealed = models.BinaryField()  # encrypted
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    since_at = models.DateTimeField()
    verified_by = models.BigIntegerField(null=True)

    class Meta:
        db_table = "receivables_mandate"
        constraints = [
            models.UniqueConstraint(
                fields=["account_id"], condition=~Q(state="ENDED"), name="receivables_mandate_one_live"
            ),
            models.CheckConstraint(
                condition=~Q(state="VERIFIED") | Q(verified_by__isnull=False), name="receivables_mandate_verified"
            ),
        ]


class DebitRun(models.Model):
    """One file of requests to a bank, numbered without gaps."""

    run_id = models.BigAutoField(primary_key=True)
    bank = models.CharField(max_length=16)
    sequence = models.IntegerField()
    run_on = models.DateField()
    made_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "receivables_debitrun"
        constraints = [models.UniqueConstraint(fields=["bank", "sequence"], name="receivables_debitrun_sequence")]


class DebitItem(models.Model):
    """One request of a run and the bank's answer to it: 00 paid, 01 insufficient, 02 closed, 03 name, 04 no mandate."""

    item_id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(DebitRun, models.PROTECT, related_name="items")
    mandate = models.ForeignKey(Mandate, models.PROTECT, related_name="items")
    account_id = models.BigIntegerField()
    asked_fen = models.BigIntegerField()
    code = models.CharField(max_length=2, default="")

    class Meta:
        db_table = "receivables_debititem"
        constraints = [models.UniqueConstraint(fields=["run", "account_id"], name="receivables_debititem_once")]
        indexes = [models.Index(fields=["account_id"], condition=Q(code=""), name="receivables_debititem_out")]
