"""Data of work that several people do together (SYS-11). No logic here."""

from django.db import models
from django.db.models import F, Q


class Definition(models.Model):
    """One version of a flow as an administrator drew it; once published it stays as it is."""

    definition_id = models.BigAutoField(primary_key=True)
    flow = models.CharField(max_length=64)  # the id of the process in the diagram
    version = models.PositiveIntegerField()
    name_zh = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100)
    xml = models.TextField()
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=12)  # DRAFT | SUBMITTED | PUBLISHED
    drawn_by = models.BigIntegerField(null=True)  # null: shipped with the operator's documents
    drawn_at = models.DateTimeField()
    published_by = models.BigIntegerField(null=True)
    published_at = models.DateTimeField(null=True)
    from_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=200, default="")  # why it was sent back

    class Meta:
        db_table = "workflow_definition"
        constraints = [
            models.UniqueConstraint(fields=["flow", "version"], name="workflow_definition_version"),
            models.UniqueConstraint(
                fields=["flow"], condition=~Q(state="PUBLISHED"), name="workflow_definition_one_draft"
            ),
            models.CheckConstraint(
                condition=~Q(state="PUBLISHED") | Q(published_at__isnull=False, from_at__isnull=False),
                name="workflow_definition_published",
            ),
            models.CheckConstraint(
                condition=Q(drawn_by__isnull=True) | Q(published_by__isnull=True) | ~Q(drawn_by=F("published_by")),
                name="workflow_definition_four_eyes",
            ),
        ]


class Instance(models.Model):
    """One piece of work under one version of a flow, from who began it to its end."""

    instance_id = models.BigAutoField(primary_key=True)
    definition = models.ForeignKey(Definition, models.PROTECT, related_name="instances")
    serial_no = models.CharField(max_length=64, unique=True)
    business_key = models.CharField(max_length=64)  # what it is about: account:17, user:900001
    org_code = models.CharField(max_length=32)
    amount_fen = models.BigIntegerField(null=True)
    values = models.JSONField()  # what the flow's conditions and functions may ask
    engine_state = models.JSONField()  # where it stands, as SpiffWorkflow writes it down
    state = models.CharField(max_length=8)  # RUNNING | HELD | ENDED | STOPPED
    has_step = models.BooleanField()  # a function is to be called next: the worker goes on if nobody else does
    problem = models.CharField(max_length=500, default="")  # why it is held
    outcome = models.CharField(max_length=64, default="")  # the end it came to: an element of the diagram
    started_by = models.BigIntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "workflow_instance"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["RUNNING", "HELD"], ended_at__isnull=True)
                | Q(state__in=["ENDED", "STOPPED"], ended_at__isnull=False),
                name="workflow_instance_ended",
            )
        ]
        indexes = [
            models.Index(
                fields=["instance_id"], condition=Q(state="RUNNING", has_step=True), name="workflow_instance_steps"
            ),
            models.Index(fields=["business_key", "-instance_id"], name="workflow_instance_about"),
            models.Index(fields=["started_by", "-instance_id"], name="workflow_instance_starter"),
        ]


class Task(models.Model):
    """What one person or one team has to do in an instance, and what they decided."""

    task_id = models.BigAutoField(primary_key=True)
    instance = models.ForeignKey(Instance, models.PROTECT, related_name="tasks")
    place = models.CharField(max_length=36)  # where in the instance, as the engine names it
    element = models.CharField(max_length=64)
    team = models.CharField(max_length=32)  # a role; empty: a person's own
    person_id = models.BigIntegerField(null=True)
    org_code = models.CharField(max_length=32)
    is_approval = models.BooleanField()
    opened_at = models.DateTimeField()
    due_hours = models.PositiveIntegerField(null=True)
    due_at = models.DateTimeField(null=True)
    escalates_to = models.JSONField()  # teams above, the next one first
    escalations = models.PositiveSmallIntegerField(default=0)
    claimed_by = models.BigIntegerField(null=True)
    state = models.CharField(max_length=8)  # OPEN | DONE | GONE
    decision = models.CharField(max_length=32, default="")
    reason = models.CharField(max_length=500, default="")
    decided_by = models.BigIntegerField(null=True)
    on_behalf_of = models.BigIntegerField(null=True)  # whose authority was used, if it was not their own
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "workflow_task"
        constraints = [
            models.UniqueConstraint(fields=["instance", "place"], name="workflow_task_once"),
            models.CheckConstraint(
                condition=~Q(state="DONE") | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="workflow_task_decided",
            ),
            models.CheckConstraint(
                condition=~Q(team="") | Q(person_id__isnull=False), name="workflow_task_is_somebodys"
            ),
        ]
        indexes = [
            models.Index(fields=["team", "org_code"], condition=Q(state="OPEN"), name="workflow_task_of_team"),
            models.Index(fields=["person_id"], condition=Q(state="OPEN"), name="workflow_task_of_person"),
            models.Index(fields=["due_at"], condition=Q(state="OPEN"), name="workflow_task_due"),
        ]


class Happening(models.Model):
    """One thing that happened to an instance; written once, in the transaction in which it happened."""

    happening_id = models.BigAutoField(primary_key=True)
    instance = models.ForeignKey(Instance, models.PROTECT, related_name="happenings")
    at = models.DateTimeField()
    kind = models.CharField(max_length=16)
    element = models.CharField(max_length=64, default="")
    staff_id = models.BigIntegerField(null=True)
    on_behalf_of = models.BigIntegerField(null=True)
    note = models.CharField(max_length=500, default="")

    class Meta:
        db_table = "workflow_happening"
        indexes = [models.Index(fields=["instance", "happening_id"], name="workflow_happening_order")]


class Delegation(models.Model):
    """Authority that one person lends another for a time, up to an amount."""

    delegation_id = models.BigAutoField(primary_key=True)
    from_staff_id = models.BigIntegerField()
    to_staff_id = models.BigIntegerField()
    team = models.CharField(max_length=32)  # a role of the lender; empty: all of them
    limit_fen = models.BigIntegerField(null=True)  # null: as far as the lender's own
    from_at = models.DateTimeField()
    to_at = models.DateTimeField()
    reason = models.CharField(max_length=200)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "workflow_delegation"
        constraints = [
            models.CheckConstraint(condition=~Q(from_staff_id=F("to_staff_id")), name="workflow_delegation_to_another"),
            models.CheckConstraint(condition=Q(to_at__gt=F("from_at")), name="workflow_delegation_ends"),
            models.CheckConstraint(
                condition=Q(limit_fen__isnull=True) | Q(limit_fen__gt=0), name="workflow_delegation_limit"
            ),
        ]
        indexes = [
            models.Index(fields=["to_staff_id", "to_at"], name="workflow_delegation_to"),
            models.Index(fields=["from_staff_id", "-delegation_id"], name="workflow_delegation_from"),
        ]
