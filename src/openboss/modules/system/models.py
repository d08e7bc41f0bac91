"""Data of the system module: staff, organisation, parameters, audit, outbox, serial numbers. No logic here."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.utils.functional import Promise


class OrgNode(models.Model):
    """One node of the organisation tree: province > cities > districts > outlets."""

    class Kind(models.TextChoices):
        GROUP = "GROUP"
        PROVINCE = "PROVINCE"
        CITY = "CITY"
        DISTRICT = "DISTRICT"
        OUTLET = "OUTLET"

    code = models.CharField(primary_key=True, max_length=32)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children")
    name_zh = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100)

    class Meta:
        db_table = "system_orgnode"


class Role(models.Model):
    """A job: a named set of rights."""

    role_id = models.BigAutoField(primary_key=True)
    code = models.CharField(max_length=32, unique=True)
    name_zh = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100)

    class Meta:
        db_table = "system_role"


class RoleRight(models.Model):
    """One right of a role, such as `customers.reveal`."""

    role_right_id = models.BigAutoField(primary_key=True)
    role = models.ForeignKey(Role, models.CASCADE, related_name="rights")
    right = models.CharField(max_length=64)

    class Meta:
        db_table = "system_roleright"
        constraints = [models.UniqueConstraint(fields=["role", "right"], name="system_roleright_once")]


class Staff(AbstractBaseUser):
    """A person who works with the system; the account they log in with."""

    staff_id = models.BigAutoField(primary_key=True)
    login = models.CharField(max_length=64, unique=True)
    name_zh = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100)
    org = models.ForeignKey(OrgNode, models.PROTECT, related_name="staff")
    roles = models.ManyToManyField(Role, through="StaffRole", related_name="staff")
    is_active = models.BooleanField(default=True)
    language = models.CharField(max_length=8, default="zh-hans")
    theme = models.CharField(max_length=8, default="auto")
    wrong_passwords = models.PositiveSmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)
    password_at = models.DateTimeField(null=True)  # when the password was chosen; none: by who opened the login

    USERNAME_FIELD = "login"
    REQUIRED_FIELDS: list[str | Promise] = []
    objects = BaseUserManager()

    class Meta:
        db_table = "system_staff"


class PastPassword(models.Model):
    """A password somebody had: the last few are not taken again (D21.6)."""

    past_password_id = models.BigAutoField(primary_key=True)
    staff = models.ForeignKey(Staff, models.CASCADE, related_name="past_passwords")
    password = models.CharField(max_length=128)

    class Meta:
        db_table = "system_pastpassword"


class SecondFactor(models.Model):
    """What somebody shows beside the password: an app that makes codes, a passkey, or codes on paper (AAA-19)."""

    class Kind(models.TextChoices):
        TOTP = "TOTP"
        PASSKEY = "PASSKEY"
        PAPER = "PAPER"  # one row a code, used once

    second_factor_id = models.BigAutoField(primary_key=True)
    staff = models.ForeignKey(Staff, models.CASCADE, related_name="second_factors")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=64)
    sealed = models.BinaryField()  # the app's secret, the passkey's public credential, the index of a paper code
    last_step = models.BigIntegerField(default=0)  # of the app's clock: a code is good once
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "system_secondfactor"
        constraints = [
            models.UniqueConstraint(fields=["staff"], condition=Q(kind="TOTP"), name="system_secondfactor_one_app")
        ]


class StaffSession(models.Model):
    """A place where somebody is logged in; ended by themselves, by an administrator, or by time (D21.3)."""

    staff_session_id = models.BigAutoField(primary_key=True)
    staff = models.ForeignKey(Staff, models.CASCADE, related_name="sessions")
    opened_at = models.DateTimeField()
    address = models.CharField(max_length=64)
    agent = models.CharField(max_length=200)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "system_staffsession"
        indexes = [models.Index(fields=["staff"], condition=Q(ended_at=None), name="system_staffsession_open")]


class StaffRole(models.Model):
    """A person's job."""

    staff_role_id = models.BigAutoField(primary_key=True)
    staff = models.ForeignKey(Staff, models.CASCADE)
    role = models.ForeignKey(Role, models.PROTECT)

    class Meta:
        db_table = "system_staffrole"
        constraints = [models.UniqueConstraint(fields=["staff", "role"], name="system_staffrole_once")]


class Parameter(models.Model):
    """One value of one parameter for one scope from one day on (D0.2)."""

    class Scope(models.TextChoices):
        GROUP = "GROUP"
        PROVINCE = "PROVINCE"
        CITY = "CITY"
        BRAND = "BRAND"
        OFFER = "OFFER"

    parameter_id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=100)
    scope = models.CharField(max_length=16, choices=Scope.choices, default=Scope.GROUP)
    scope_code = models.CharField(max_length=64, default="", blank=True)
    value = models.JSONField()
    override_allowed = models.BooleanField(default=True)
    from_on = models.DateField()
    to_on = models.DateField(null=True)
    source = models.CharField(max_length=200, default="")

    class Meta:
        db_table = "system_parameter"
        constraints = [
            models.UniqueConstraint(fields=["key", "scope", "scope_code", "from_on"], name="system_parameter_once"),
            models.CheckConstraint(
                condition=Q(to_on__isnull=True) | Q(to_on__gt=models.F("from_on")), name="system_parameter_period"
            ),
        ]


class AuditEntry(models.Model):
    """Who did what to which object, when and why. Append-only: a trigger refuses changes."""

    audit_id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    staff_id = models.BigIntegerField(null=True)  # not a foreign key: the entry outlives everything
    action = models.CharField(max_length=64)
    object_kind = models.CharField(max_length=32)
    object_id = models.CharField(max_length=64)
    reason = models.CharField(max_length=500, default="")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        db_table = "system_auditentry"
        indexes = [
            models.Index(fields=["object_kind", "object_id", "audit_id"], name="system_audit_object"),
            models.Index(fields=["staff_id", "audit_id"], name="system_audit_staff"),
            models.Index(fields=["at"], name="system_audit_at"),
        ]


class AuditSeal(models.Model):
    """The link of one entry in the hash chain, written by the sealing job in the order of sealing (D21.7)."""

    position = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(AuditEntry, models.PROTECT, db_column="audit_id", related_name="seal")
    sha256 = models.BinaryField()

    class Meta:
        db_table = "system_auditseal"


class Outbox(models.Model):
    """A message that must leave the house, written in the transaction that caused it."""

    class State(models.TextChoices):
        WAITING = "WAITING"
        SENT = "SENT"
        FAILED = "FAILED"  # a dead letter: a person has to look
        DROPPED = "DROPPED"  # a person decided that it is not sent

    outbox_id = models.BigAutoField(primary_key=True)
    topic = models.CharField(max_length=64)
    order_key = models.CharField(max_length=64, default="", db_default="")  # messages of one key leave in order
    payload = models.JSONField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    next_try_at = models.DateTimeField()
    last_error = models.TextField(default="")
    sent_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "system_outbox"
        indexes = [
            models.Index(
                fields=["topic", "next_try_at", "outbox_id"], condition=Q(state="WAITING"), name="system_outbox_waiting"
            ),
            models.Index(
                fields=["order_key", "topic", "outbox_id"],
                condition=Q(state__in=["WAITING", "FAILED"]) & ~Q(order_key=""),
                name="system_outbox_ordered",
            ),
        ]


class SerialNumber(models.Model):
    """A business serial number that was used: the same write under it is never done twice (D0.4)."""

    serial_no = models.CharField(primary_key=True, max_length=64)
    purpose = models.CharField(max_length=64)
    answer = models.JSONField(null=True)
    used_at = models.DateTimeField()

    class Meta:
        db_table = "system_serialnumber"


class SavedView(models.Model):
    """A list as somebody wants to find it again: its address with filters, order and columns, under a name."""

    saved_view_id = models.BigAutoField(primary_key=True)
    staff = models.ForeignKey(Staff, models.CASCADE, related_name="saved_views")
    team = models.ForeignKey(Role, models.CASCADE, null=True, related_name="saved_views")  # null: the owner's alone
    title = models.CharField(max_length=60)
    address = models.CharField(max_length=2000)
    is_pinned = models.BooleanField(default=True)
    saved_at = models.DateTimeField()

    class Meta:
        db_table = "system_savedview"
        constraints = [models.UniqueConstraint(fields=["staff", "title"], name="system_savedview_title_once")]


class Listener(models.Model):
    """An address of another system that is told of events of one kind of object; it goes when its client goes."""

    listener_id = models.BigAutoField(primary_key=True)
    client_id = models.CharField(max_length=100)
    kind = models.CharField(max_length=32)
    callback = models.CharField(max_length=500)
    events = models.JSONField()  # names; empty: all
    created_at = models.DateTimeField()

    class Meta:
        db_table = "system_listener"
        constraints = [
            models.UniqueConstraint(fields=["client_id", "kind", "callback"], name="system_listener_once"),
        ]
