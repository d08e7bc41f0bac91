"""Gifts that are released month by month (分月返还): what was promised, and how much of it is money already."""

from django.db import models
from django.db.models import F, Q


class MonthlyGift(models.Model):
    """A gift of equal monthly parts; only released parts are money of the account, in a bucket of the gift's own."""

    gift_id = models.BigAutoField(primary_key=True)
    serial_no = models.CharField(max_length=64, unique=True)
    account_id = models.BigIntegerField()
    given_fen = models.BigIntegerField()  # all parts together
    parts = models.SmallIntegerField()
    released_parts = models.SmallIntegerField(default=0)
    first_on = models.DateField()  # the first of the month of the first part
    bucket_id = models.BigIntegerField(null=True)  # from the first part on
    reason = models.CharField(max_length=200)
    staff_id = models.BigIntegerField(null=True)
    granted_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)  # nothing more is released from then on

    class Meta:
        db_table = "receivables_monthlygift"
        constraints = [
            models.CheckConstraint(
                condition=Q(parts__gte=2, given_fen__gte=F("parts")), name="receivables_monthlygift_parts"
            ),
            models.CheckConstraint(
                condition=Q(released_parts__gte=0, released_parts__lte=F("parts")),
                name="receivables_monthlygift_released",
            ),
            models.CheckConstraint(condition=Q(first_on__day=1), name="receivables_monthlygift_first"),
        ]
        indexes = [
            models.Index(fields=["account_id"], name="receivables_monthlygift_acc"),
            models.Index(
                fields=["first_on"],
                condition=Q(ended_at__isnull=True, released_parts__lt=F("parts")),
                name="receivables_monthlygift_runs",
            ),
        ]
