"""Objections to items of released bills (账单异议), and what came of each (D8.12)."""

from django.db import models
from django.db.models import Q


class Objection(models.Model):
    """A customer says that an item of a bill is too high; staff decide whether it was our fault."""

    class State(models.TextChoices):
        OPEN = "OPEN"
        CONFIRMED = "CONFIRMED"
        REJECTED = "REJECTED"

    objection_id = models.BigAutoField(primary_key=True)
    serial_no = models.CharField(max_length=64, unique=True)
    account_id = models.BigIntegerField()
    bill_id = models.BigIntegerField()
    subscriber_id = models.BigIntegerField()
    item_id = models.SmallIntegerField()
    objected_fen = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    opened_by = models.BigIntegerField()
    opened_at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    over_fen = models.BigIntegerField(null=True)  # what was charged too much
    returned_fen = models.BigIntegerField(null=True)  # what of it was given back, a multiple
    answer = models.CharField(max_length=200, default="")
    decided_by = models.BigIntegerField(null=True)
    approved_by = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "receivables_objection"
        constraints = [
            models.CheckConstraint(condition=Q(objected_fen__gt=0), name="receivables_objection_fen"),
            models.CheckConstraint(
                condition=Q(state="CONFIRMED", over_fen__gt=0, returned_fen__gt=0)
                | Q(~Q(state="CONFIRMED"), over_fen__isnull=True, returned_fen__isnull=True),
                name="receivables_objection_returned",
            ),
            models.CheckConstraint(
                condition=Q(state="OPEN", decided_at__isnull=True)
                | Q(~Q(state="OPEN"), decided_at__isnull=False, decided_by__isnull=False),
                name="receivables_objection_decided",
            ),
            models.UniqueConstraint(
                fields=["bill_id", "subscriber_id", "item_id"],
                condition=~Q(state="REJECTED"),
                name="receivables_objection_item_once",
            ),
        ]
        indexes = [
            models.Index(fields=["account_id"], condition=Q(state="OPEN"), name="receivables_objection_open"),
            models.Index(fields=["bill_id"], name="receivables_objection_bill"),
        ]
