"""Credit control: an account's standing, and messages sent."""

from django.db import models
from django.db.models import Q


class Standing(models.Model):
    """An account's standing; its row is locked before money of the account moves."""

    account_id = models.BigIntegerField(primary_key=True)
    limit_fen = models.BigIntegerField(null=True)  # its own credit limit; none: by the star of its users (D9.2)
    extra_fen = models.BigIntegerField(default=0)  # a temporary addition
    extra_until_at = models.DateTimeField(null=True)
    is_exempt = models.BooleanField(default=False)  # a manager is told, service is not stopped
    disputed_until_on = models.DateField(null=True)  # a complaint about the bill is open
    exposure_fen = models.BigIntegerField(default=0)  # at the last look (D9.1)
    crossed_at = models.DateTimeField(null=True)  # since when the limit is used up

    class Meta:
        db_table = "receivables_standing"
        constraints = [
            models.CheckConstraint(
                condition=Q(extra_fen=0) | Q(extra_until_at__isnull=False), name="receivables_standing_extra_ends"
            ),
        ]


class Message(models.Model):
    """A step of a dunning plan that was done for an account: once a crossing, forgotten when it is over (BMC-04)."""

    message_id = models.BigAutoField(primary_key=True)
    account_id = models.BigIntegerField()
    plan = models.CharField(max_length=16)
    step = models.CharField(max_length=24)
    bill_id = models.BigIntegerField(default=0)
    sent_at = models.DateTimeField()
    over_at = models.DateTimeField(null=True)  # when the crossing ended: the next one is told again

    class Meta:
        db_table = "receivables_message"
        constraints = [
            models.UniqueConstraint(
                fields=["account_id", "plan", "step", "bill_id"],
                condition=Q(over_at__isnull=True),
                name="receivables_message_once",
            ),
        ]


class EmergencyOpening(models.Model):
    """A user who was stopped for arrears and opened the own service for a day or a small credit (D9.7)."""

    class EndedBy(models.TextChoices):
        TIME = "TIME"
        CREDIT = "CREDIT"
        PAID = "PAID"  # nothing stops the user any more

    emergency_id = models.BigAutoField(primary_key=True)
    serial_no = models.CharField(max_length=64, unique=True)
    account_id = models.BigIntegerField()
    subscriber_id = models.BigIntegerField()
    month = models.IntegerField()  # the calendar month it counts in, 202611
    opened_at = models.DateTimeField()
    until_at = models.DateTimeField()
    credit_fen = models.BigIntegerField()
    ceiling_fen = models.BigIntegerField()  # how far what the account owes and has used may go meanwhile
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=8, choices=EndedBy.choices, default="", blank=True)

    class Meta:
        db_table = "receivables_emergencyopening"
        constraints = [
            models.UniqueConstraint(fields=["subscriber_id", "month"], name="receivables_emergency_once_a_month"),
            models.UniqueConstraint(
                fields=["account_id"], condition=Q(ended_at__isnull=True), name="receivables_emergency_one_open"
            ),
            models.CheckConstraint(
                condition=Q(credit_fen__gt=0, ceiling_fen__gte=models.F("credit_fen")), name="receivables_emergency_fen"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by="") | Q(Q(ended_at__isnull=False) & ~Q(ended_by="")),
                name="receivables_emergency_ended",
            ),
        ]


class CollectionCase(models.Model):
    """A debt that was given to a collection agency or to court, by a file; it comes back paid, in part, or unpaid."""

    class Stage(models.TextChoices):
        AGENCY = "AGENCY"
        LEGAL = "LEGAL"

    class State(models.TextChoices):
        WAITING = "WAITING"  # for the next file
        OUT = "OUT"
        ENDED = "ENDED"

    case_id = models.BigAutoField(primary_key=True)
    stage = models.CharField(max_length=8, choices=Stage.choices)
    agency = models.CharField(max_length=16)
    account_id = models.BigIntegerField()
    bill_id = models.BigIntegerField()
    asked_fen = models.BigIntegerField()
    collected_fen = models.BigIntegerField(default=0)
    opened_at = models.DateTimeField()
    file_no = models.IntegerField(null=True)  # of the file that took it out, numbered by agency without gaps
    result = models.CharField(max_length=2, default="")  # 00 paid, 10 in part, 20 not found, 30 refuses, 40 withdrawn
    ended_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)

    class Meta:
        db_table = "receivables_collectioncase"
        constraints = [
            models.UniqueConstraint(
                fields=["bill_id"], condition=~Q(state="ENDED"), name="receivables_collectioncase_one_live"
            ),
            models.CheckConstraint(
                condition=Q(asked_fen__gt=0, collected_fen__gte=0), name="receivables_collectioncase_fen"
            ),
        ]
        indexes = [models.Index(fields=["agency", "file_no"], name="receivables_case_file")]
