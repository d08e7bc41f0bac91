"""The charging engine's tables: who owns a stream, its journal, its snapshots, the commands that wait for it.

Source: design of the engine in docs/architecture.md section 5.
"""

from django.db import models
from django.db.models import Q


class EngineOwner(models.Model):
    """The one process that may write a stream. A higher epoch fences the process that had it before."""

    stream = models.SmallIntegerField(primary_key=True)
    epoch = models.BigIntegerField(default=0)
    timeline = models.IntegerField(default=1)
    timeline_from = models.BigIntegerField(default=0)  # last position of the timelines before that counts

    class Meta:
        db_table = "charging_engineowner"


class EngineJournal(models.Model):
    """Inputs in the order in which they were applied; append-only (a trigger refuses the rest).

    Partitioned by position; the partitions are made ahead by the engine (atomic.make_journal_room).
    """

    pk = models.CompositePrimaryKey("stream", "position")
    stream = models.SmallIntegerField()
    position = models.BigIntegerField()
    timeline = models.IntegerField()
    kind = models.CharField(max_length=12)
    payload = models.JSONField(null=True)
    images = models.BinaryField(null=True)  # of a group of requests: what it changed
    requests = models.IntegerField(default=0)
    sha256 = models.CharField(max_length=64)

    class Meta:
        db_table = "charging_enginejournal"


class EngineSnapshot(models.Model):
    """A complete state on disk at a position."""

    snapshot_id = models.BigAutoField(primary_key=True)
    stream = models.SmallIntegerField()
    position = models.BigIntegerField()
    folder = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)

    class Meta:
        db_table = "charging_enginesnapshot"
        indexes = [models.Index(fields=["stream", "-snapshot_id"], name="charging_enginesnapshot_last")]


class EngineCommand(models.Model):
    """Something other modules want the engine to know: written in their transaction, taken in id order."""

    command_id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=12)
    payload = models.JSONField()
    state = models.CharField(max_length=8, default="WAITING")
    position = models.BigIntegerField(null=True)
    answer = models.JSONField(null=True)
    serial_no = models.CharField(max_length=64, null=True, unique=True)  # of a write of money: never done twice (D0.4)

    class Meta:
        db_table = "charging_enginecommand"
        constraints = [
            models.CheckConstraint(
                condition=Q(state="WAITING", position__isnull=True)
                | Q(state="DONE", position__isnull=False)
                | Q(state="REFUSED", position__isnull=True),
                name="charging_enginecommand_state",
            )
        ]
        indexes = [
            models.Index(fields=["command_id"], condition=Q(state="WAITING"), name="charging_enginecommand_waits"),
            models.Index(fields=["position"], condition=Q(kind="TOP_UPS"), name="charging_enginecommand_money"),
        ]
