"""Points of users (D11): every change is kept, the balance of a user is one row that is locked while it changes."""

from django.db import models
from django.db.models import Q


class PointsBalance(models.Model):
    """What a user has; below zero where points were used and the payment behind them was taken back."""

    subscriber_id = models.BigIntegerField(primary_key=True)
    points = models.BigIntegerField(default=0)

    class Meta:
        db_table = "receivables_pointsbalance"


class PointsEntry(models.Model):
    """One change of a user's points; the oldest points are used first, so that no row says which ones went."""

    class Kind(models.TextChoices):
        EARNED = "EARNED"  # for what was paid in a month; below zero: a payment of that month was taken back
        ADJUSTED = "ADJUSTED"
        REDEEMED = "REDEEMED"
        EXPIRED = "EXPIRED"
        ENDED = "ENDED"  # with the user: cancelled, or another owner (D11.5)

    points_entry_id = models.BigAutoField(primary_key=True)
    subscriber_id = models.BigIntegerField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    points = models.BigIntegerField()
    month = models.IntegerField(null=True)  # of EARNED
    factor_tenths = models.SmallIntegerField(null=True)  # of EARNED: counting a month again keeps its factor
    expires_on = models.DateField(null=True)  # none: never
    serial_no = models.CharField(max_length=64, unique=True)
    reason = models.CharField(max_length=200, default="")
    staff_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "receivables_pointsentry"
        constraints = [
            models.CheckConstraint(condition=~Q(points=0), name="receivables_points_not_zero"),
            models.CheckConstraint(
                condition=Q(kind="EARNED", month__isnull=False) | (~Q(kind="EARNED") & Q(month__isnull=True)),
                name="receivables_points_month",
            ),
        ]
        indexes = [
            models.Index(fields=["subscriber_id", "points_entry_id"], name="receivables_points_user"),
            models.Index(fields=["month"], condition=Q(kind="EARNED"), name="receivables_points_month"),
        ]
