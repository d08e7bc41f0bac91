"""Payments that other provinces took for our users and told us through the hub."""

from django.db import models
from django.db.models import Q


class HubPayment(models.Model):
    """A payment by the other province's number; a compensation that came first keeps its place (EMPTY)."""

    class State(models.TextChoices):
        POSTED = "POSTED"
        COMPENSATED = "COMPENSATED"  # taken back
        EMPTY = "EMPTY"  # compensated before it came: it is refused if it comes

    hub_payment_id = models.BigAutoField(primary_key=True)  # our number of the transaction (TransIDH)
    province = models.CharField(max_length=8)
    trans_id = models.CharField(max_length=40)  # theirs (TransIDO)
    number = models.BigIntegerField(null=True)
    paid_fen = models.BigIntegerField(null=True)
    payment_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=State.choices)

    class Meta:
        db_table = "receivables_hubpayment"
        constraints = [
            models.UniqueConstraint(fields=["province", "trans_id"], name="receivables_hubpayment_once"),
            models.CheckConstraint(
                condition=Q(state="EMPTY", payment_id__isnull=True) | Q(~Q(state="EMPTY"), payment_id__isnull=False),
                name="receivables_hubpayment_posted",
            ),
        ]
