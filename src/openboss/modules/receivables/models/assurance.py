"""What the checks of money found, day by day, and what became of each difference."""

from django.db import models
from django.db.models import Q


class CheckRun(models.Model):
    """One run of one check: how much was compared, how many differences there were, and how many were new."""

    check_run_id = models.BigAutoField(primary_key=True)
    check_code = models.CharField(max_length=16)
    run_on = models.DateField()
    run_at = models.DateTimeField()
    compared = models.BigIntegerField()
    compared_fen = models.BigIntegerField()
    found = models.IntegerField()
    fresh = models.IntegerField()

    class Meta:
        db_table = "receivables_checkrun"
        indexes = [models.Index(fields=["check_code", "-run_on", "-check_run_id"], name="receivables_checkrun_newest")]


class Difference(models.Model):
    """Two books that tell the same money differently, from the day it was found until it is settled."""

    class State(models.TextChoices):
        OPEN = "OPEN"
        REPAIRED = "REPAIRED"
        EXPLAINED = "EXPLAINED"
        GONE = "GONE"  # the next run did not find it any more

    difference_id = models.BigAutoField(primary_key=True)
    check_code = models.CharField(max_length=16)
    kind = models.CharField(max_length=24)
    object_kind = models.CharField(max_length=16)
    object_id = models.CharField(max_length=80)
    expected_fen = models.BigIntegerField()
    found_fen = models.BigIntegerField()
    unit = models.CharField(max_length=3)  # FEN or LI; KB, S or MSG of use; NO: account numbers
    cause = models.CharField(max_length=32)
    repair = models.CharField(max_length=24)
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    first_on = models.DateField()
    last_on = models.DateField()
    settled_at = models.DateTimeField(null=True)
    settled_by = models.BigIntegerField(null=True)
    note = models.CharField(max_length=200, default="")

    class Meta:
        db_table = "receivables_difference"
        constraints = [
            models.UniqueConstraint(
                fields=["check_code", "kind", "object_id"],
                condition=Q(state="OPEN"),
                name="receivables_difference_once",
            ),
            models.CheckConstraint(
                condition=Q(state="OPEN") | Q(settled_at__isnull=False), name="receivables_difference_settled"
            ),
            models.CheckConstraint(
                condition=~Q(state="EXPLAINED") | ~Q(note=""), name="receivables_difference_explained"
            ),
        ]
        indexes = [models.Index(fields=["state", "-difference_id"], name="receivables_difference_state")]


class CollectorItem(models.Model):
    """A line of a collector's own file of a day: what a bank or agent says it took for us."""

    pk = models.CompositePrimaryKey("channel", "serial_no")
    channel = models.CharField(max_length=16)
    serial_no = models.CharField(max_length=64)
    business_on = models.DateField()
    paid_fen = models.BigIntegerField()
    sequence = models.IntegerField(null=True)  # the file that named it first, where it came in a payment file

    class Meta:
        db_table = "receivables_collectoritem"
        indexes = [models.Index(fields=["channel", "business_on"], name="receivables_collectoritem_day")]
