"""Work that waits or runs: proposals for a second person, orders of the web, long runs with their progress."""

from django.db import models
from django.db.models import F, Q


class Proposal(models.Model):
    """Something that moves money and waits for a second person: a refund, a transfer, a waiver, a write-off (D8.10)."""

    class State(models.TextChoices):
        WAITING = "WAITING"
        APPROVED = "APPROVED"
        REFUSED = "REFUSED"

    proposal_id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=16)
    account_id = models.BigIntegerField()
    bill_id = models.BigIntegerField(null=True)
    to_account_id = models.BigIntegerField(null=True)
    amount_fen = models.BigIntegerField()
    means = models.CharField(max_length=16, default="")
    reason = models.CharField(max_length=200)
    serial_no = models.CharField(max_length=40, unique=True)
    proposed_by = models.BigIntegerField()
    proposed_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    decided_by = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=200, default="")

    class Meta:
        db_table = "receivables_proposal"
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="receivables_proposal_positive"),
            models.CheckConstraint(
                condition=Q(state="WAITING", decided_by__isnull=True, decided_at__isnull=True)
                | Q(~Q(state="WAITING"), decided_by__isnull=False, decided_at__isnull=False),
                name="receivables_proposal_decided",
            ),
            models.CheckConstraint(condition=~Q(decided_by=F("proposed_by")), name="receivables_proposal_four_eyes"),
            models.UniqueConstraint(
                fields=["bill_id", "kind"],
                condition=Q(state="WAITING", bill_id__isnull=False),
                name="receivables_proposal_bill_once",
            ),
        ]
        indexes = [models.Index(fields=["kind", "state"], name="receivables_proposal_state")]


class WebOrder(models.Model):
    """An order of payment on the web: given to a provider, who tells us by signed notices what became of it."""

    class State(models.TextChoices):
        OPEN = "OPEN"
        PAID = "PAID"
        FAILED = "FAILED"  # the provider may still try again and succeed

    order_no = models.CharField(primary_key=True, max_length=32)
    account_id = models.BigIntegerField()
    asked_fen = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    provider = models.CharField(max_length=16)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    payment_id = models.BigIntegerField(null=True)
    note = models.CharField(max_length=100, default="")

    class Meta:
        db_table = "receivables_weborder"
        constraints = [
            models.CheckConstraint(condition=Q(asked_fen__gt=0), name="receivables_weborder_positive"),
            models.CheckConstraint(
                condition=Q(state="PAID", payment_id__isnull=False) | Q(~Q(state="PAID"), payment_id__isnull=True),
                name="receivables_weborder_paid",
            ),
        ]
        indexes = [models.Index(fields=["account_id"], name="receivables_weborder_account")]


class LongRun(models.Model):
    """A long run that somebody started: how far it is, where it goes on after a stop, and what came of it."""

    class State(models.TextChoices):
        RUNNING = "RUNNING"
        DONE = "DONE"
        FAILED = "FAILED"

    long_run_id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=24)
    subject = models.CharField(max_length=64)
    started_by = models.BigIntegerField(null=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    done = models.BigIntegerField(default=0)
    whole = models.BigIntegerField(default=0)
    goes_on_after = models.BigIntegerField(default=0)  # the last key that is done
    result = models.JSONField(default=dict)  # and what its job was given, as "given"
    error = models.CharField(max_length=200, default="")

    class Meta:
        db_table = "receivables_longrun"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(state="RUNNING"), name="receivables_longrun_one"
            ),
            models.CheckConstraint(
                condition=Q(state="RUNNING", ended_at__isnull=True) | Q(~Q(state="RUNNING"), ended_at__isnull=False),
                name="receivables_longrun_ended",
            ),
        ]
