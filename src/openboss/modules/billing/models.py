"""Data of billing. No logic here.

Bill items, lines, free use and discount choices are partitioned by cycle (see the migration): a bill run fills fresh
tables, a cancelled trial empties them, an old year is detached. `bill_id` is the cycle and the account
(cycle * 10^10 + account_id): the same bill has the same id in every trial, and a customer's bills need no index.
"""

from enum import IntEnum

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Source(IntEnum):
    """Where a fee comes from (ACP-02)."""

    USAGE = 1
    RECURRING = 2
    ONE_TIME = 3
    THIRD_PARTY = 4
    ADJUSTMENT = 5


class BillCycle(models.Model):
    """A month and how far its bills are (D7.3)."""

    class State(models.TextChoices):
        OPEN = "OPEN"
        CUT = "CUT"
        CALCULATED = "CALCULATED"
        AUDITED = "AUDITED"
        RELEASED = "RELEASED"
        CLOSED = "CLOSED"

    cycle = models.IntegerField(primary_key=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    position = models.BigIntegerField(null=True)  # of the engine's journal at which the cycle was frozen
    cut_at = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True)
    released_by = models.CharField(max_length=64, default="")
    payable_at = models.DateTimeField()
    due_on = models.DateField()

    class Meta:
        db_table = "billing_billcycle"
        constraints = [
            models.CheckConstraint(
                condition=Q(state="OPEN", position__isnull=True) | (~Q(state="OPEN") & Q(position__isnull=False)),
                name="billing_cycle_frozen",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["RELEASED", "CLOSED"], released_at__isnull=False)
                | (~Q(state__in=["RELEASED", "CLOSED"]) & Q(released_at__isnull=True)),
                name="billing_cycle_released",
            ),
        ]


class BillRun(models.Model):
    """One attempt to bill a cycle; at most one that is not cancelled."""

    run_id = models.BigAutoField(primary_key=True)
    cycle = models.ForeignKey(BillCycle, models.PROTECT, related_name="runs", db_column="cycle")
    part_count = models.IntegerField(default=0)  # known once the inputs are collected
    cancelled = models.BooleanField(default=False)
    started_at = models.DateTimeField(db_default=Now())
    started_by = models.BigIntegerField(null=True)  # null: a schedule, or nobody who said who they are

    class Meta:
        db_table = "billing_billrun"
        constraints = [
            models.UniqueConstraint(fields=["cycle"], condition=Q(cancelled=False), name="billing_run_one_live"),
        ]


class BillRunStep(models.Model):
    """One step of a run for one part of the users; -1 is the step of the whole run."""

    class State(models.TextChoices):
        RUNNING = "RUNNING"
        DONE = "DONE"
        FAILED = "FAILED"

    step_id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(BillRun, models.CASCADE, related_name="steps")
    step = models.CharField(max_length=16)
    part = models.IntegerField()
    state = models.CharField(max_length=16, choices=State.choices)
    row_count = models.BigIntegerField(default=0)
    total_li = models.BigIntegerField(default=0)
    error = models.TextField(default="")
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "billing_billrunstep"
        constraints = [models.UniqueConstraint(fields=["run", "step", "part"], name="billing_step_once")]


class BillRunInput(models.Model):
    """One source of a run's input balance (ACP-02): what was handed over and what became lines."""

    input_id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(BillRun, models.CASCADE, related_name="inputs")
    source = models.CharField(max_length=16)
    row_count = models.BigIntegerField()
    act_li = models.BigIntegerField()
    line_count = models.BigIntegerField(default=0)
    line_li = models.BigIntegerField(default=0)

    class Meta:
        db_table = "billing_billruninput"
        constraints = [models.UniqueConstraint(fields=["run", "source"], name="billing_input_once")]


class Bill(models.Model):
    """What an account owes for a cycle."""

    class State(models.TextChoices):
        NEW = "new"
        ON_HOLD = "onHold"
        VALIDATED = "validated"
        SENT = "sent"
        PARTIALLY_SETTLED = "partiallySettled"
        SETTLED = "settled"
        WRITTEN_OFF = "writtenOff"

    bill_id = models.BigIntegerField(primary_key=True)
    part = models.IntegerField()
    cycle = models.IntegerField()
    account_id = models.BigIntegerField()
    customer_id = models.BigIntegerField()
    state = models.CharField(max_length=16, choices=State.choices)
    std_fen = models.BigIntegerField()
    discount_fen = models.BigIntegerField()
    total_fen = models.BigIntegerField()
    due_on = models.DateField()

    class Meta:
        db_table = "billing_bill"
        constraints = [
            models.CheckConstraint(
                condition=Q(bill_id=models.F("cycle") * 10_000_000_000 + models.F("account_id")),
                name="billing_bill_number",
            ),
            models.CheckConstraint(
                condition=Q(std_fen=models.F("discount_fen") + models.F("total_fen")), name="billing_bill_adds_up"
            ),
        ]


class BillItem(models.Model):
    """A share of a fee on a bill: of one user, one kind, paid by this bill's account (D1, D3.3)."""

    pk = models.CompositePrimaryKey("cycle", "bill_id", "subscriber_id", "item_id")
    cycle = models.IntegerField()
    bill_id = models.BigIntegerField()
    subscriber_id = models.BigIntegerField()
    item_id = models.SmallIntegerField()
    std_fen = models.BigIntegerField()
    discount_fen = models.BigIntegerField()
    due_fen = models.BigIntegerField()

    class Meta:
        db_table = "billing_billitem"


class BillLine(models.Model):
    """A fee of a user before discounts at billing and before it is shared: the ground of every bill item."""

    pk = models.CompositePrimaryKey("cycle", "subscriber_id", "item_id", "rule_id", "source", "reference_id")
    cycle = models.IntegerField()
    subscriber_id = models.BigIntegerField()
    item_id = models.SmallIntegerField()
    rule_id = models.IntegerField()  # 0 = no tariff rule, see the source
    source = models.SmallIntegerField()  # a Source
    reference_id = models.BigIntegerField()  # the holding of a recurring fee, the one-time charge; else 0
    calls = models.BigIntegerField()
    seconds = models.BigIntegerField()
    units = models.BigIntegerField()  # charged units, beyond free resources; recurring: days held
    free_units = models.BigIntegerField()  # units covered by free resources
    std_li = models.BigIntegerField()
    act_li = models.BigIntegerField()

    class Meta:
        db_table = "billing_billline"


class FreeUse(models.Model):
    """A free resource of a user in a cycle: granted, used, carried over."""

    pk = models.CompositePrimaryKey("cycle", "subscriber_id", "rule_id")
    cycle = models.IntegerField()
    subscriber_id = models.BigIntegerField()
    rule_id = models.IntegerField()
    unit = models.SmallIntegerField()
    granted = models.BigIntegerField()
    used = models.BigIntegerField()
    carried = models.BigIntegerField()

    class Meta:
        db_table = "billing_freeuse"


class DiscountChoice(models.Model):
    """What a discount rule did to one item of a user, or why it lost against another (D6.10)."""

    pk = models.CompositePrimaryKey("cycle", "subscriber_id", "rule_id", "item_id")
    cycle = models.IntegerField()
    subscriber_id = models.BigIntegerField()
    rule_id = models.IntegerField()
    item_id = models.SmallIntegerField()  # 0 = a rejected alternative
    phase = models.SmallIntegerField()
    chosen = models.BooleanField()
    effect_li = models.BigIntegerField()
    payable_li = models.BigIntegerField()  # what the user pays in all with this choice

    class Meta:
        db_table = "billing_discountchoice"


class OneTimeCharge(models.Model):
    """A fee or credit from outside the tariffs, waiting for the bill of its cycle (ACP-02)."""

    charge_id = models.BigAutoField(primary_key=True)
    serial_no = models.CharField(max_length=64, unique=True)
    source = models.SmallIntegerField()  # a Source
    cycle = models.IntegerField()
    subscriber_id = models.BigIntegerField()
    item_id = models.SmallIntegerField()
    charge_li = models.BigIntegerField()  # negative = credit
    note = models.CharField(max_length=200)
    staff = models.CharField(max_length=64)
    charged_at = models.DateTimeField()

    class Meta:
        db_table = "billing_onetimecharge"
        indexes = [models.Index(fields=["cycle"], name="billing_onetime_cycle")]


class AuditFinding(models.Model):
    """Something a person should look at before bills go out (D7.7); some need a signature."""

    class Severity(models.TextChoices):
        INFO = "INFO"
        WARNING = "WARNING"
        SERIOUS = "SERIOUS"

    finding_id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(BillRun, models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=32)
    severity = models.CharField(max_length=16, choices=Severity.choices)
    item_id = models.SmallIntegerField(default=0)
    bill_id = models.BigIntegerField(default=0)
    subscriber_id = models.BigIntegerField(default=0)
    before = models.BigIntegerField(default=0)
    now = models.BigIntegerField(default=0)
    deviation_ppm = models.BigIntegerField(default=0)
    needs_sign_off = models.BooleanField(default=False)
    signed_by = models.CharField(max_length=64, default="")
    signed_at = models.DateTimeField(null=True)
    sign_reason = models.CharField(max_length=200, default="")

    class Meta:
        db_table = "billing_auditfinding"
        constraints = [
            models.CheckConstraint(
                condition=Q(signed_by="", signed_at__isnull=True) | (~Q(signed_by="") & Q(signed_at__isnull=False)),
                name="billing_finding_signed",
            ),
        ]


class Means(models.TextChoices):
    """How a bill comes to its account (ACP-17)."""

    POST = "POST"
    EMAIL = "EMAIL"
    SMS = "SMS"
    MMS = "MMS"
    WEB = "WEB"
    APP = "APP"
    KIOSK = "KIOSK"


class DeliveryWish(models.Model):
    """A means by which an account wants its bills, and the address for it, sealed; without a wish it is the web."""

    wish_id = models.BigAutoField(primary_key=True)
    account_id = models.BigIntegerField()
    means = models.CharField(max_length=8, choices=Means.choices)
    address_sealed = models.BinaryField()

    class Meta:
        db_table = "billing_deliverywish"
        constraints = [
            models.UniqueConstraint(fields=["account_id", "means"], name="billing_wish_once"),
            models.CheckConstraint(condition=Q(means__in=Means.values), name="billing_wish_means"),
        ]


class BillDelivery(models.Model):
    """A released bill on its way by one means."""

    class State(models.TextChoices):
        WAITING = "WAITING"
        SENT = "SENT"
        FAILED = "FAILED"

    delivery_id = models.BigAutoField(primary_key=True)
    bill_id = models.BigIntegerField()
    account_id = models.BigIntegerField()
    cycle = models.IntegerField()
    means = models.CharField(max_length=8, choices=Means.choices)
    state = models.CharField(max_length=8, choices=State.choices)
    tries = models.SmallIntegerField()
    reason = models.CharField(max_length=200)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "billing_billdelivery"
        constraints = [
            models.UniqueConstraint(fields=["bill_id", "means"], name="billing_delivery_once"),
            models.CheckConstraint(
                condition=Q(state="SENT", sent_at__isnull=False)
                | Q(state__in=["WAITING", "FAILED"], sent_at__isnull=True),
                name="billing_delivery_sent",
            ),
        ]
        indexes = [
            models.Index(fields=["cycle", "means", "state"], name="billing_delivery_rates"),
            models.Index(fields=["delivery_id"], condition=Q(state="WAITING"), name="billing_delivery_waiting"),
        ]
