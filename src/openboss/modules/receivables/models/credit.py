"""Credit control: an account's standing, messages sent, and what waits for a second person."""

from django.db import models
from django.db.models import F, Q


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


class Request(models.Model):
    """Something that two people must agree to: asked by one, decided by another."""

    class State(models.TextChoices):
        WAITING = "WAITING"
        APPROVED = "APPROVED"
        REFUSED = "REFUSED"

    request_id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=16)
    account_id = models.BigIntegerField()
    amount_fen = models.BigIntegerField()
    details = models.JSONField()
    reason = models.CharField(max_length=200)
    asked_by = models.BigIntegerField()
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    decided_by = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "receivables_request"
        constraints = [
            models.CheckConstraint(
                condition=Q(state="WAITING", decided_by__isnull=True)
                | (~Q(state="WAITING") & Q(decided_by__isnull=False) & ~Q(decided_by=F("asked_by"))),
                name="receivables_request_two_people",
            ),
        ]
