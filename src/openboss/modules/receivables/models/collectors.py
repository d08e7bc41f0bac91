"""Files of payments that banks' counters and collectors hand in, numbered without gaps."""

from django.db import models
from django.db.models import Q


class CollectorFile(models.Model):
    """A payment file that was checked whole and admitted; ended_at when its last payment was posted."""

    file_id = models.BigAutoField(primary_key=True)
    collector = models.CharField(max_length=16)
    sequence = models.IntegerField()
    business_on = models.DateField()
    payments = models.IntegerField()
    paid_fen = models.BigIntegerField()
    digest = models.CharField(max_length=64)  # SHA-256 of the file: the same again is the same file
    admitted_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "receivables_collectorfile"
        constraints = [
            models.UniqueConstraint(fields=["collector", "sequence"], name="receivables_collectorfile_sequence"),
            models.UniqueConstraint(
                fields=["collector"], condition=Q(ended_at=None), name="receivables_collectorfile_one_open"
            ),
        ]
