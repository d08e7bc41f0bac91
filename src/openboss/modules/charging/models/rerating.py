"""Proposals to rate usage again (CHG-36)."""

from django.db import models
from django.db.models import F, Q


class Rerating(models.Model):
    """One re-rating: what was chosen and why, what it would change, who decided; its frames lie under lake/rerate."""

    class State(models.TextChoices):
        ASKED = "ASKED"  # waits to be worked out
        PROPOSED = "PROPOSED"  # worked out: a second person decides
        APPROVED = "APPROVED"  # is being carried out
        APPLIED = "APPLIED"
        REFUSED = "REFUSED"
        FAILED = "FAILED"  # could not be worked out or carried out; nothing was changed

    rerating_id = models.BigAutoField(primary_key=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.ASKED)
    cause = models.CharField(max_length=150)
    chosen = models.JSONField()  # what was asked for
    found = models.JSONField(default=dict)  # users, months, files: how it was worked out
    done_records = models.BigIntegerField(default=0)
    all_records = models.BigIntegerField(default=0)
    users = models.IntegerField(default=0)
    changed_records = models.BigIntegerField(default=0)
    before_fen = models.BigIntegerField(default=0)
    after_fen = models.BigIntegerField(default=0)
    posted_fen = models.BigIntegerField(default=0)  # adjustments of months that are closed
    asked_by = models.BigIntegerField()
    asked_at = models.DateTimeField()
    decided_by = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=150, default="")
    position = models.BigIntegerField(null=True)  # of the journal, where the engine was put right
    applied_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, default="")

    class Meta:
        db_table = "charging_rerating"
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("asked_by")), name="charging_rerating_four_eyes"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("APPROVED", "APPLIED", "REFUSED")) | Q(decided_by__isnull=False),
                name="charging_rerating_decided",
            ),
            models.CheckConstraint(
                condition=Q(state="APPLIED", position__isnull=False, applied_at__isnull=False)
                | ~Q(state="APPLIED") & Q(applied_at=None),
                name="charging_rerating_applied",
            ),
        ]
