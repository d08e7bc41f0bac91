"""Data of resources: numbers, cards, vouchers, forms, terminals, goods and their moves (D12). No logic here."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import BigIntegerRangeField, RangeOperators
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Cast, Reverse


class NumberSegment(models.Model):
    """Numbers that the regulator gave to one home register: all of a range, first to last."""

    segment_id = models.BigAutoField(primary_key=True)
    numbers = BigIntegerRangeField()
    hlr_code = models.CharField(max_length=16)
    home_area = models.IntegerField()
    loaded_at = models.DateTimeField()

    class Meta:
        db_table = "resources_numbersegment"
        constraints = [
            ExclusionConstraint(name="resources_segment_once", expressions=[("numbers", RangeOperators.OVERLAPS)])
        ]


class NumberResource(models.Model):
    """A number: where it stands (D12.1), how beautiful it is (D12.2), whose stock it is."""

    number = models.BigIntegerField(primary_key=True)
    state = models.CharField(max_length=16)
    grade = models.CharField(max_length=4)
    org = models.ForeignKey("system.OrgNode", models.PROTECT, related_name="+")
    hlr_code = models.CharField(max_length=16)
    home_area = models.IntegerField()
    subscriber = models.ForeignKey("customers.Subscriber", models.PROTECT, null=True, related_name="+")
    locked_by = models.CharField(max_length=64, null=True)  # who chose it: a clerk, a session, an order
    until_at = models.DateTimeField(null=True)  # end of the lock, the reservation or the quarantine

    class Meta:
        db_table = "resources_numberresource"
        constraints = [
            models.CheckConstraint(
                condition=Q(state="LOCKED", locked_by__isnull=False, until_at__isnull=False)
                | Q(state="RESERVED", until_at__isnull=False)
                | Q(state="QUARANTINE", until_at__isnull=False)
                | Q(state="OCCUPIED", subscriber__isnull=False, until_at__isnull=True)
                | Q(state__in=["PLANNED", "IDLE", "FROZEN", "PORTED_OUT"], until_at__isnull=True),
                name="resources_number_state",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["OCCUPIED", "QUARANTINE", "PORTED_OUT"]) | Q(subscriber__isnull=True),
                name="resources_number_user",
            ),
        ]
        indexes = [
            models.Index(fields=["org", "grade", "number"], condition=Q(state="IDLE"), name="resources_number_idle"),
            models.Index(fields=["org", "number"], condition=Q(state="IDLE"), name="resources_number_next"),
            models.Index(
                OpClass(Reverse(Cast("number", models.TextField())), name="text_pattern_ops"),
                condition=Q(state="IDLE"),
                name="resources_number_tail",
            ),
            models.Index(fields=["until_at"], condition=Q(until_at__isnull=False), name="resources_number_until"),
            models.Index(fields=["state"], name="resources_number_by_state"),
        ]


class ItemType(models.Model):
    """A kind of thing that is stocked: a SIM of a capacity, a voucher of a value, a phone model, a gift."""

    code = models.CharField(primary_key=True, max_length=32)
    kind = models.CharField(max_length=16)  # SIM | VOUCHER | TERMINAL | GOODS | FORM
    name_zh = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100)
    price_fen = models.BigIntegerField(default=0)
    face_fen = models.BigIntegerField(default=0)
    alarm_below = models.IntegerField(default=0)

    class Meta:
        db_table = "resources_itemtype"


class SimBatch(models.Model):
    """A vendor's delivery of cards: the file it came with, and what was wrong in it."""

    batch_id = models.BigAutoField(primary_key=True)
    item_type = models.ForeignKey(ItemType, models.PROTECT, related_name="+")
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64, unique=True)
    accepted = models.IntegerField()
    rejected = models.IntegerField()
    received_at = models.DateTimeField()

    class Meta:
        db_table = "resources_simbatch"


class SimCard(models.Model):
    """A SIM or USIM card (D12.3). PIN and PUK are sealed; the secret key never leaves its module: a reference."""

    iccid = models.CharField(primary_key=True, max_length=20)
    imsi = models.BigIntegerField(unique=True)
    item_type = models.ForeignKey(ItemType, models.PROTECT, related_name="+")
    batch = models.ForeignKey(SimBatch, models.PROTECT, null=True, related_name="cards")
    state = models.CharField(max_length=16)
    org = models.ForeignKey("system.OrgNode", models.PROTECT, related_name="+")
    codes_sealed = models.BinaryField(null=True)  # PIN1 PUK1 PIN2 PUK2
    hlr_code = models.CharField(max_length=16)
    ki_reference = models.CharField(max_length=64, default="", db_default="")
    number = models.BigIntegerField(null=True)  # the number it is paired or in use with
    subscriber = models.ForeignKey("customers.Subscriber", models.PROTECT, null=True, related_name="+")

    class Meta:
        db_table = "resources_simcard"
        constraints = [
            models.UniqueConstraint(
                fields=["number"],
                condition=Q(state__in=["PAIRED", "WRITTEN", "IN_USE"]),
                name="resources_sim_one_number",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["PAIRED", "IN_USE"]) | Q(number__isnull=False), name="resources_sim_paired"
            ),
            models.CheckConstraint(
                condition=~Q(state="IN_USE") | Q(subscriber__isnull=False), name="resources_sim_in_use"
            ),
        ]
        indexes = [models.Index(fields=["org", "state", "item_type"], name="resources_sim_stock")]


class Voucher(models.Model):
    """A recharge card (D12.4). The PIN is kept as a keyed HMAC only: it can be found, and not read."""

    serial_no = models.CharField(primary_key=True, max_length=17)
    pin_index = models.BinaryField(unique=True)
    item_type = models.ForeignKey(ItemType, models.PROTECT, related_name="+")
    face_fen = models.BigIntegerField()
    state = models.CharField(max_length=16)
    before_frozen = models.CharField(max_length=16, null=True)
    org = models.ForeignKey("system.OrgNode", models.PROTECT, related_name="+")
    expires_on = models.DateField()  # the last day to recharge
    used_for = models.BigIntegerField(null=True)  # the number recharged
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "resources_voucher"
        constraints = [
            models.CheckConstraint(
                condition=Q(state="USED", used_for__isnull=False, used_at__isnull=False)
                | (~Q(state="USED") & Q(used_at__isnull=True)),
                name="resources_voucher_used",
            ),
            models.CheckConstraint(
                condition=Q(state="FROZEN", before_frozen__isnull=False)
                | (~Q(state="FROZEN") & Q(before_frozen__isnull=True)),
                name="resources_voucher_frozen",
            ),
        ]
        indexes = [models.Index(fields=["org", "state", "item_type"], name="resources_voucher_stock")]


class VoucherTries(models.Model):
    """Wrong PINs that one number entered, and until when it may not recharge by voucher."""

    number = models.BigIntegerField(primary_key=True)
    wrong = models.PositiveSmallIntegerField()
    locked_until_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "resources_vouchertries"


class DocumentBook(models.Model):
    """A book of numbered forms (D12.5): receipts, invoices, contracts."""

    book_id = models.BigAutoField(primary_key=True)
    form_type = models.CharField(max_length=16)
    prefix = models.CharField(max_length=16)
    numbers = BigIntegerRangeField()
    state = models.CharField(max_length=16)
    org = models.ForeignKey("system.OrgNode", models.PROTECT, related_name="+")
    holder_staff_id = models.BigIntegerField(null=True)
    next_no = models.BigIntegerField()

    class Meta:
        db_table = "resources_documentbook"
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="HELD") | Q(holder_staff_id__isnull=False), name="resources_book_held"
            ),
            models.UniqueConstraint(fields=["form_type", "prefix", "numbers"], name="resources_book_once"),
        ]


class Document(models.Model):
    """One form of a book that was used, made void, or is missing for a reason."""

    document_id = models.BigAutoField(primary_key=True)
    book = models.ForeignKey(DocumentBook, models.PROTECT, related_name="documents")
    form_no = models.BigIntegerField()
    state = models.CharField(max_length=8)  # USED | VOID | GAP
    reason = models.CharField(max_length=200, default="")
    used_for = models.CharField(max_length=64, default="")
    at = models.DateTimeField()

    class Meta:
        db_table = "resources_document"
        constraints = [
            models.UniqueConstraint(fields=["book", "form_no"], name="resources_document_once"),
            models.CheckConstraint(condition=Q(state="USED") | ~Q(reason=""), name="resources_document_reason"),
        ]


class Terminal(models.Model):
    """A handset or box by its IMEI (D12.6)."""

    imei = models.CharField(primary_key=True, max_length=15)
    item_type = models.ForeignKey(ItemType, models.PROTECT, related_name="+")
    state = models.CharField(max_length=16)
    org = models.ForeignKey("system.OrgNode", models.PROTECT, related_name="+")
    subscriber = models.ForeignKey("customers.Subscriber", models.PROTECT, null=True, related_name="+")
    sold_on = models.DateField(null=True)

    class Meta:
        db_table = "resources_terminal"


class Goods(models.Model):
    """How many pieces of a kind without numbers of their own lie at a place."""

    goods_id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey("system.OrgNode", models.PROTECT, related_name="+")
    item_type = models.ForeignKey(ItemType, models.PROTECT, related_name="+")
    pieces = models.IntegerField()

    class Meta:
        db_table = "resources_goods"
        constraints = [
            models.UniqueConstraint(fields=["org", "item_type"], name="resources_goods_once"),
            models.CheckConstraint(condition=Q(pieces__gte=0), name="resources_goods_not_negative"),
        ]


class StockMove(models.Model):
    """Pieces of a kind that came to a place, went, were used, lost or found: the stock equation adds these up."""

    class Cause(models.TextChoices):
        IN = "IN"
        OUT = "OUT"
        USED = "USED"
        LOST = "LOST"

    stock_move_id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey("system.OrgNode", models.PROTECT, related_name="+")
    item_type = models.ForeignKey(ItemType, models.PROTECT, related_name="+")
    cause = models.CharField(max_length=8, choices=Cause.choices)
    pieces = models.IntegerField()  # found again or taken back: negative USED or LOST
    reason = models.CharField(max_length=200, default="", db_default="")
    at = models.DateTimeField()
    staff_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "resources_stockmove"
        constraints = [models.CheckConstraint(condition=~Q(pieces=0), name="resources_move_pieces")]
        indexes = [models.Index(fields=["org", "item_type", "at"], name="resources_move_place")]


class Requisition(models.Model):
    """A place asks for stock, its superior approves and ships, the place confirms (BMR-13)."""

    requisition_id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey("system.OrgNode", models.PROTECT, related_name="+")
    from_org = models.ForeignKey("system.OrgNode", models.PROTECT, related_name="+")
    item_type = models.ForeignKey(ItemType, models.PROTECT, related_name="+")
    state = models.CharField(max_length=16)
    asked = models.IntegerField()
    approved = models.IntegerField(default=0)
    confirmed = models.IntegerField(default=0)
    asked_by = models.BigIntegerField(null=True)
    approved_by = models.BigIntegerField(null=True)
    asked_at = models.DateTimeField()

    class Meta:
        db_table = "resources_requisition"
        constraints = [
            models.CheckConstraint(
                condition=Q(asked__gt=0, approved__lte=F("asked"), confirmed__lte=F("approved")),
                name="resources_requisition_pieces",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("asked_by")),
                name="resources_requisition_two_people",
            ),
        ]


class StockTake(models.Model):
    """What was counted at a place against what the moves say (BMR-12)."""

    stock_take_id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey("system.OrgNode", models.PROTECT, related_name="+")
    item_type = models.ForeignKey(ItemType, models.PROTECT, related_name="+")
    expected = models.IntegerField()
    counted = models.IntegerField()
    reason = models.CharField(max_length=200, default="")
    at = models.DateTimeField()
    staff_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "resources_stocktake"
        constraints = [
            models.CheckConstraint(condition=Q(counted=F("expected")) | ~Q(reason=""), name="resources_take_reason")
        ]
