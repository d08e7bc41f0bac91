"""Data of passwords, codes and challenges. No logic here."""

from django.db import models

from openboss.modules.customers.models.subscribers import Subscriber


class Password(models.Model):
    """A customer's service or electronic password for one user: the hash, and how often it was wrong (D14.3)."""

    class Kind(models.TextChoices):
        SERVICE = "SERVICE"
        ELECTRONIC = "ELECTRONIC"

    password_id = models.BigAutoField(primary_key=True)
    subscriber = models.ForeignKey(Subscriber, models.PROTECT, related_name="passwords")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    hashed = models.CharField(max_length=200)
    is_initial = models.BooleanField()
    channel = models.CharField(max_length=16)
    set_at = models.DateTimeField()
    wrong_on = models.DateField(null=True)
    wrong_that_day = models.PositiveSmallIntegerField(default=0)
    wrong_since_reset = models.PositiveSmallIntegerField(default=0)

    class Meta:
        db_table = "customers_password"
        constraints = [models.UniqueConstraint(fields=["subscriber", "kind"], name="customers_password_once")]


class DynamicCode(models.Model):
    """A random code sent to a handset: valid ten minutes, used once (PWD-03)."""

    dynamic_code_id = models.BigAutoField(primary_key=True)
    subscriber = models.ForeignKey(Subscriber, models.PROTECT, related_name="dynamic_codes")
    hashed = models.CharField(max_length=200)
    issued_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    wrong = models.PositiveSmallIntegerField(default=0)

    class Meta:
        db_table = "customers_dynamiccode"
        indexes = [models.Index(fields=["subscriber", "-issued_at"], name="customers_dynamiccode_newest")]


class Challenge(models.Model):
    """A random verification code shown on a page, entered once with a service password (PWD-04)."""

    challenge_id = models.UUIDField(primary_key=True)
    answer_index = models.BinaryField()
    issued_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "customers_challenge"
