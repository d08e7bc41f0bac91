"""Usage files from arrival to rating: sources, files, chunks, stage counters, the error pool, alarms.

Source: CHG-02, CHG-08, CHG-37, D4.2, D4.5.
"""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

TAKEN_STATES = ("RECEIVED", "CHUNKED", "RATED")
STAGES = ("DECODE", "VALIDATE", "NORMALISE", "RATE")


class Source(models.Model):
    """A network element (or a partner) that delivers usage files into its own inbox folder."""

    source_id = models.BigAutoField(primary_key=True)
    code = models.CharField(max_length=40, unique=True)
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80)
    decoder = models.CharField(max_length=40)
    file_name_pattern = models.CharField(max_length=200)
    is_sequence_controlled = models.BooleanField(default=True)
    window = models.IntegerField(default=1000)
    sequence_from = models.BigIntegerField(default=1)
    sequence_to = models.BigIntegerField(null=True)  # after it the numbers begin again; null = they never do
    is_active = models.BooleanField(default=True)

    class Meta:
        db_table = "charging_source"
        constraints = [
            models.CheckConstraint(condition=Q(window__gt=0), name="charging_source_window"),
            models.CheckConstraint(
                condition=Q(sequence_to__isnull=True) | Q(sequence_to__gte=F("sequence_from") + 2 * F("window")),
                name="charging_source_sequence",
            ),
        ]


class UsageFile(models.Model):
    """One file as it arrived; a refused or held one keeps its row and its reason."""

    file_id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Source, null=True, on_delete=models.PROTECT)
    inbox = models.CharField(max_length=80)
    name = models.CharField(max_length=255)
    sequence = models.BigIntegerField(null=True)
    round = models.IntegerField(default=0)  # how many times the source's numbers had begun again
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    records = models.BigIntegerField(default=0)
    trailer_records = models.BigIntegerField(null=True)
    state = models.CharField(max_length=10)
    error_code = models.CharField(max_length=4, default="", blank=True)
    cause = models.TextField(default="", blank=True)
    arrived_at = models.DateTimeField()
    entered_at = models.DateTimeField(db_default=Now())  # the database's clock, so that delays are real
    chunked_at = models.DateTimeField(null=True)
    rated_at = models.DateTimeField(null=True)
    first_event_at = models.DateTimeField(null=True)
    last_event_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "charging_usagefile"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=(*TAKEN_STATES, "HELD", "REFUSED")), name="charging_usagefile_state"
            ),
            models.UniqueConstraint(
                fields=["sha256"], condition=Q(state__in=TAKEN_STATES), name="charging_usagefile_content_once"
            ),
            models.UniqueConstraint(
                fields=["source", "round", "sequence"],
                condition=Q(state__in=TAKEN_STATES),
                name="charging_usagefile_sequence_once",
            ),
            models.UniqueConstraint(
                fields=["source", "round", "name"],
                condition=Q(state__in=TAKEN_STATES),
                name="charging_usagefile_name_once",
            ),
        ]
        indexes = [
            models.Index(fields=["-arrived_at"], name="charging_usagefile_arrived"),
            models.Index(fields=["state", "-arrived_at"], name="charging_usagefile_by_state"),
        ]


class UsageChunk(models.Model):
    """A parquet file of normalised records, durable before this row exists; the engine takes READY ones in id order."""

    chunk_id = models.BigAutoField(primary_key=True)
    file = models.ForeignKey(UsageFile, on_delete=models.PROTECT)
    path = models.CharField(max_length=255, unique=True)
    sha256 = models.CharField(max_length=64)
    rows = models.IntegerField()
    is_recycled = models.BooleanField(default=False)
    state = models.CharField(max_length=5, default="READY")
    position = models.BigIntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "charging_usagechunk"
        constraints = [
            models.CheckConstraint(
                condition=Q(state="READY", position__isnull=True) | Q(state="RATED", position__isnull=False),
                name="charging_usagechunk_state",
            ),
            models.CheckConstraint(condition=Q(rows__gt=0), name="charging_usagechunk_rows"),
        ]
        indexes = [
            models.Index(fields=["chunk_id"], condition=Q(state="READY"), name="charging_usagechunk_ready"),
        ]


class StageCounter(models.Model):
    """What one stage made of one file's records; the row cannot be stored out of balance (D4.5)."""

    counter_id = models.BigAutoField(primary_key=True)
    file = models.ForeignKey(UsageFile, on_delete=models.PROTECT)
    stage = models.CharField(max_length=9)
    records_in = models.BigIntegerField(default=0)
    rated = models.BigIntegerField(default=0)
    free = models.BigIntegerField(default=0)
    duplicate = models.BigIntegerField(default=0)
    error = models.BigIntegerField(default=0)
    filtered = models.BigIntegerField(default=0)
    passed = models.BigIntegerField(default=0)

    class Meta:
        db_table = "charging_stagecounter"
        constraints = [
            models.UniqueConstraint(fields=["file", "stage"], name="charging_stagecounter_once"),
            models.CheckConstraint(condition=Q(stage__in=STAGES), name="charging_stagecounter_stage"),
            models.CheckConstraint(
                condition=Q(
                    records_in=F("rated") + F("free") + F("duplicate") + F("error") + F("filtered") + F("passed")
                ),
                name="charging_stagecounter_balanced",
            ),
            models.CheckConstraint(
                condition=Q(rated__gte=0, free__gte=0, duplicate__gte=0, error__gte=0, filtered__gte=0, passed__gte=0),
                name="charging_stagecounter_not_negative",
            ),
        ]


class ErrorBatch(models.Model):
    """A bulk correction, or a request to write records off that somebody else must approve (CHG-08)."""

    batch_id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=9)
    state = models.CharField(max_length=9)
    reason = models.TextField()
    field = models.CharField(max_length=40, default="", blank=True)
    value = models.CharField(max_length=80, default="", blank=True)
    records = models.IntegerField()
    requested_by = models.BigIntegerField(null=True)  # null: proposed by the daily job
    requested_at = models.DateTimeField()
    decided_by = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "charging_errorbatch"
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=("CORRECT", "WRITE_OFF")), name="charging_errorbatch_kind"),
            models.CheckConstraint(
                condition=Q(state__in=("DONE", "REQUESTED", "APPROVED", "REFUSED")), name="charging_errorbatch_state"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")),
                name="charging_errorbatch_two_persons",
            ),
        ]


class ErrorRecord(models.Model):
    """One record that could not be rated, with its cause, as the source wrote it."""

    error_id = models.BigAutoField(primary_key=True)
    file = models.ForeignKey(UsageFile, on_delete=models.PROTECT)
    seq_in_file = models.IntegerField()
    stage = models.CharField(max_length=9)
    code = models.CharField(max_length=4)
    cause = models.TextField()
    served_number = models.CharField(max_length=40, default="", blank=True)
    record = models.JSONField()
    state = models.CharField(max_length=19, default="OPEN")
    recycles = models.IntegerField(default=0)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    handled_by = models.BigIntegerField(null=True)
    batch = models.ForeignKey(ErrorBatch, null=True, on_delete=models.PROTECT)

    class Meta:
        db_table = "charging_errorrecord"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=("OPEN", "CORRECTED", "RECYCLED", "WRITE_OFF_REQUESTED", "WRITTEN_OFF")),
                name="charging_errorrecord_state",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "code"], name="charging_errorrecord_pool"),
            models.Index(fields=["file", "seq_in_file"], name="charging_errorrecord_file"),
            models.Index(fields=["served_number"], name="charging_errorrecord_number"),
        ]


class Alarm(models.Model):
    """Something in collection a person should look at; cleared by the event that puts it right, or by hand."""

    alarm_id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=12)
    source = models.ForeignKey(Source, null=True, on_delete=models.PROTECT)
    file = models.ForeignKey(UsageFile, null=True, on_delete=models.PROTECT)
    sequence = models.BigIntegerField(null=True)  # GAP: of the missing file; OVERLAP: the record's place in its file
    round = models.IntegerField(default=0)
    code = models.CharField(max_length=4, default="", blank=True)
    cause = models.TextField()
    opened_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True)
    cleared_by = models.BigIntegerField(null=True)

    class Meta:
        db_table = "charging_alarm"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=("GAP", "DUPLICATE", "TRAILER", "DECODE", "SOURCE", "BALANCE", "DISK", "OVERLAP")),
                name="charging_alarm_kind",
            ),
            models.UniqueConstraint(
                fields=["source", "round", "sequence"],
                condition=Q(kind="GAP", cleared_at__isnull=True),
                name="charging_alarm_gap_once",
            ),
            models.UniqueConstraint(
                fields=["file"],
                condition=Q(kind="BALANCE", cleared_at__isnull=True),
                name="charging_alarm_balance_once",
            ),
            models.UniqueConstraint(
                fields=["kind"], condition=Q(kind="DISK", cleared_at__isnull=True), name="charging_alarm_disk_once"
            ),
            models.UniqueConstraint(
                fields=["file", "sequence"], condition=Q(kind="OVERLAP"), name="charging_alarm_overlap_once"
            ),
        ]
        indexes = [models.Index(fields=["-opened_at"], name="charging_alarm_opened")]
