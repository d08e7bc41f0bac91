"""Data of customers, users and accounts, and what they hold over time. No logic here."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, IntegerRangeField, RangeOperators
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Cast, Replace, Reverse


def only_one(field: str) -> tuple[Func, str]:
    """The part of an exclusion that says "the same value of this integer column", without btree_gist."""
    return Func(F(field), F(field), Value("[]"), function="int8range"), RangeOperators.OVERLAPS


class Customer(models.Model):
    """A person or unit that has to do with our services; exists without an active user."""

    class Kind(models.TextChoices):
        INDIVIDUAL = "INDIVIDUAL"
        UNIT = "UNIT"

    customer_id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    name = models.CharField(max_length=120, db_collation="C")
    pinyin = models.CharField(max_length=240, db_collation="C")
    initials = models.CharField(max_length=64, db_collation="C")
    cert_type = models.CharField(max_length=16, null=True)
    cert_no_sealed = models.BinaryField(null=True)  # encrypted
    cert_no_index = models.BinaryField(null=True)  # blind index: equal documents, nothing else (D1.5)
    born_on = models.DateField(null=True)
    customer_class = models.CharField(max_length=16)
    vip_level = models.CharField(max_length=16)
    org_code = models.CharField(max_length=32)
    created_on = models.DateField()
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")  # this id is an alias (D1.5)

    class Meta:
        db_table = "customers_customer"
        constraints = [
            models.UniqueConstraint(fields=["cert_no_index"], name="customers_customer_document"),
        ]
        indexes = [
            # columns in collation C: plain btrees serve both a prefix and the order
            models.Index(fields=["name"], name="customers_customer_name"),
            models.Index(fields=["pinyin", "customer_id"], name="customers_customer_pinyin"),
            models.Index(Replace("pinyin", Value(" "), Value("")), name="customers_customer_reading"),
            # with all that a search orders by and leaves out: common initials fit thousands, of whom ten are shown
            models.Index(
                fields=["initials", "pinyin", "customer_id"], include=["merged_into"], name="customers_customer_short"
            ),
            models.Index(fields=["created_on", "customer_id"], name="customers_customer_created"),
        ]


class CustomerAlias(models.Model):
    """The id of a customer that was merged into another (D1.5)."""

    alias_id = models.BigIntegerField(primary_key=True)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="aliases")
    merged_at = models.DateTimeField()

    class Meta:
        db_table = "customers_customeralias"


class Subscriber(models.Model):
    """The user of one main service (用户). Facts refer to it, never to its number."""

    class Life(models.TextChoices):
        PREOPENED = "PREOPENED"
        ACTIVE = "ACTIVE"
        PRE_TERMINATED = "PRE_TERMINATED"
        TERMINATED = "TERMINATED"

    subscriber_id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="subscribers")
    service_type = models.CharField(max_length=16)
    brand = models.CharField(max_length=32)
    home_area = models.IntegerField()
    pay_type = models.CharField(max_length=16)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    star = models.SmallIntegerField(default=0)
    life = models.CharField(max_length=16, choices=Life.choices, default=Life.ACTIVE)
    remove_tag = models.SmallIntegerField(null=True)  # customers/life.py; empty = 0, in service
    predecessor = models.OneToOneField("self", models.PROTECT, null=True, related_name="successor")  # D1.4

    class Meta:
        db_table = "customers_subscriber"
        indexes = [
            models.Index(fields=["opened_at"], condition=Q(life="PREOPENED"), name="customers_subscriber_preopened"),
            models.Index(fields=["remove_tag"], condition=Q(life="PRE_TERMINATED"), name="customers_subscriber_waits"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | Q(closed_at__gte=F("opened_at")),
                name="customers_subscriber_times",
            ),
            models.CheckConstraint(
                condition=Q(life="TERMINATED", closed_at__isnull=False)
                | (~Q(life="TERMINATED") & Q(closed_at__isnull=True)),
                name="customers_subscriber_closed",
            ),
        ]


class NumberPeriod(models.Model):
    """A number of a subscriber over time."""

    number_period_id = models.BigAutoField(primary_key=True)
    subscriber = models.ForeignKey(Subscriber, models.PROTECT, related_name="numbers")
    number = models.BigIntegerField()
    period = DateTimeRangeField()

    class Meta:
        db_table = "customers_numberperiod"
        constraints = [
            ExclusionConstraint(
                name="customers_number_one_user", expressions=[only_one("number"), ("period", RangeOperators.OVERLAPS)]
            ),
        ]
        indexes = [
            models.Index(fields=["number"], name="customers_number"),
            models.Index(
                OpClass(Reverse(Cast("number", models.TextField())), name="text_pattern_ops"),
                name="customers_number_tail",
            ),
        ]


class SimPeriod(models.Model):
    """A SIM card of a subscriber over time."""

    sim_period_id = models.BigAutoField(primary_key=True)
    subscriber = models.ForeignKey(Subscriber, models.PROTECT, related_name="sims")
    iccid = models.CharField(max_length=20)
    imsi = models.BigIntegerField()
    period = DateTimeRangeField()

    class Meta:
        db_table = "customers_simperiod"
        constraints = [
            ExclusionConstraint(
                name="customers_imsi_one_user", expressions=[only_one("imsi"), ("period", RangeOperators.OVERLAPS)]
            ),
            ExclusionConstraint(
                name="customers_sim_one_card",
                expressions=[only_one("subscriber_id"), ("period", RangeOperators.OVERLAPS)],
            ),
            models.UniqueConstraint(
                fields=["iccid"], condition=Q(period__endswith__isnull=True), name="customers_iccid_one_user"
            ),
        ]
        indexes = [models.Index(fields=["imsi"], name="customers_imsi")]


class Holding(models.Model):
    """An offer a subscriber holds over time."""

    holding_id = models.BigAutoField(primary_key=True)
    subscriber = models.ForeignKey(Subscriber, models.PROTECT, related_name="holdings")
    offer = models.ForeignKey("catalog.Offer", models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16)  # the offer's, repeated here for the constraint below
    first_month = models.CharField(max_length=16, default="PRORATE")
    period = DateTimeRangeField()

    class Meta:
        db_table = "customers_holding"
        constraints = [
            ExclusionConstraint(
                name="customers_holding_one_main",
                expressions=[only_one("subscriber_id"), ("period", RangeOperators.OVERLAPS)],
                condition=Q(kind="MAIN"),
            ),
        ]


class Account(models.Model):
    """Pays bills; a customer has any number of them."""

    account_id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="accounts")
    pay_method = models.CharField(max_length=16)
    language = models.CharField(max_length=8)
    layout = models.CharField(max_length=16)

    class Meta:
        db_table = "customers_account"


class PaymentRelation(models.Model):
    """Which account pays which part of a subscriber's items in which cycles (D1.1)."""

    class Mode(models.TextChoices):
        FULL = "FULL"
        RATIO = "RATIO"
        LIMIT = "LIMIT"
        REST = "REST"

    relation_id = models.BigAutoField(primary_key=True)
    subscriber = models.ForeignKey(Subscriber, models.PROTECT, related_name="relations")
    account = models.ForeignKey(Account, models.PROTECT, related_name="relations")
    item_scope = models.CharField(max_length=32)
    mode = models.CharField(max_length=8, choices=Mode.choices)
    value = models.BigIntegerField(default=0)
    priority = models.IntegerField(default=100)
    cycles = IntegerRangeField()

    class Meta:
        db_table = "customers_paymentrelation"
        constraints = [
            ExclusionConstraint(
                name="customers_relation_one_rest",
                expressions=[only_one("subscriber_id"), ("cycles", RangeOperators.OVERLAPS)],
                condition=Q(mode="REST"),
            ),
            models.CheckConstraint(
                condition=Q(mode="RATIO", value__gt=0, value__lte=10000)
                | Q(mode="LIMIT", value__gt=0)
                | Q(mode__in=["FULL", "REST"], value=0),
                name="customers_relation_value",
            ),
            models.CheckConstraint(
                condition=~Q(mode="REST") | Q(item_scope="ALL"), name="customers_relation_rest_of_all"
            ),
        ]


class ClosedGroup(models.Model):
    """A family or a unit's private network whose members call each other at another price."""

    group_id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=16)
    name_zh = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100)
    payer = models.ForeignKey(
        Subscriber, models.PROTECT, null=True, related_name="paid_groups", db_column="payer_subscriber_id"
    )

    class Meta:
        db_table = "customers_closedgroup"


class GroupMember(models.Model):
    """A subscriber in a closed group over time, with the short number used inside."""

    group_member_id = models.BigAutoField(primary_key=True)
    group = models.ForeignKey(ClosedGroup, models.PROTECT, related_name="members")
    subscriber = models.ForeignKey(Subscriber, models.PROTECT, related_name="group_members")
    short_number = models.BigIntegerField(null=True)
    period = DateTimeRangeField()

    class Meta:
        db_table = "customers_groupmember"
        constraints = [
            ExclusionConstraint(
                name="customers_member_once",
                expressions=[
                    only_one("group_id"),
                    only_one("subscriber_id"),
                    ("period", RangeOperators.OVERLAPS),
                ],
            ),
            ExclusionConstraint(
                name="customers_short_number_once",
                expressions=[
                    only_one("group_id"),
                    only_one("short_number"),
                    ("period", RangeOperators.OVERLAPS),
                ],
                condition=Q(short_number__isnull=False),
            ),
        ]


class ListedNumber(models.Model):
    """A number of a user's own choice that prices may ask for, over time (friends; when: {friends: true})."""

    listed_number_id = models.BigAutoField(primary_key=True)
    subscriber = models.ForeignKey(Subscriber, models.PROTECT, related_name="listed_numbers")
    number = models.BigIntegerField()  # E.164
    period = DateTimeRangeField()

    class Meta:
        db_table = "customers_listednumber"
        constraints = [
            ExclusionConstraint(
                name="customers_listed_number_once",
                expressions=[only_one("subscriber_id"), only_one("number"), ("period", RangeOperators.OVERLAPS)],
            )
        ]


class Certificate(models.Model):
    """A paper of a customer that opens offers and discounts, such as of a disability, while it is valid (BMT-07)."""

    certificate_id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="certificates")
    kind = models.CharField(max_length=32)  # DISABILITY, STUDENT, VETERAN ...: what documents ask for
    number_masked = models.CharField(max_length=64)
    from_on = models.DateField()
    to_on = models.DateField(null=True)  # the first day it is no longer valid

    class Meta:
        db_table = "customers_certificate"
        constraints = [
            models.UniqueConstraint(fields=["customer", "kind", "from_on"], name="customers_certificate_once"),
            models.CheckConstraint(condition=Q(to_on__gt=F("from_on")), name="customers_certificate_term"),
        ]


class StopPeriod(models.Model):
    """A stop reason active for a subscriber over time; the same reason never twice at once."""

    stop_period_id = models.BigAutoField(primary_key=True)
    subscriber = models.ForeignKey(Subscriber, models.PROTECT, related_name="stops")
    stop_reason_id = models.SmallIntegerField()  # customers/stop_reasons.py
    period = DateTimeRangeField()
    since_at = models.DateTimeField(null=True)  # when it first began, if it came back after an emergency opening

    class Meta:
        db_table = "customers_stopperiod"
        constraints = [
            ExclusionConstraint(
                name="customers_stop_reason_once",
                expressions=[
                    only_one("subscriber_id"),
                    only_one("stop_reason_id"),
                    ("period", RangeOperators.OVERLAPS),
                ],
            ),
        ]


class StateChange(models.Model):
    """The history of a subscriber's effective state (D0.3, D2.3)."""

    state_change_id = models.BigAutoField(primary_key=True)
    subscriber = models.ForeignKey(Subscriber, models.PROTECT, related_name="state_changes")
    state = models.CharField(max_length=16)
    event = models.CharField(max_length=32)
    remove_tag = models.SmallIntegerField(null=True)  # national code 0..6 (D2.1)
    at = models.DateTimeField()

    class Meta:
        db_table = "customers_statechange"


class PlannedOpening(models.Model):
    """What a pre-opened user will hold from the moment it is first used."""

    subscriber = models.OneToOneField(Subscriber, models.PROTECT, primary_key=True, related_name="planned_opening")
    offer = models.ForeignKey("catalog.Offer", models.PROTECT, related_name="+")
    first_month = models.CharField(max_length=16)

    class Meta:
        db_table = "customers_plannedopening"


class Agreement(models.Model):
    """What a user agreed to spend at least, and until when: the price of a vanity number (D12.2)."""

    agreement_id = models.BigAutoField(primary_key=True)
    subscriber = models.ForeignKey(Subscriber, models.PROTECT, related_name="agreements")
    kind = models.CharField(max_length=16)  # VANITY
    grade = models.CharField(max_length=8)
    minimum_fen = models.BigIntegerField()
    from_on = models.DateField()
    to_on = models.DateField()  # the last day is the one before
    ended_on = models.DateField(null=True)

    class Meta:
        db_table = "customers_agreement"
        constraints = [
            models.UniqueConstraint(
                fields=["subscriber", "kind"], condition=Q(ended_on__isnull=True), name="customers_agreement_once"
            ),
            models.CheckConstraint(condition=Q(to_on__gt=F("from_on")), name="customers_agreement_term"),
        ]


class AccessLine(models.Model):
    """What an access server needs to know to let a broadband or WLAN user in: a password, and how fast."""

    subscriber = models.OneToOneField(Subscriber, models.PROTECT, primary_key=True, related_name="access_line")
    password_sealed = models.BinaryField()  # encrypted, not hashed: CHAP proves knowledge of the clear text
    down_kbps = models.PositiveIntegerField(default=0)  # 0 = as fast as the line is
    up_kbps = models.PositiveIntegerField(default=0)
    set_at = models.DateTimeField()

    class Meta:
        db_table = "customers_accessline"
