"""Data of the catalog: offers, tariff versions, rules, publications, reference tables. No logic here."""

from django.db import models


class Area(models.Model):
    """A long-distance area of the numbering plan; `area` is the national area code as an int."""

    area = models.IntegerField(primary_key=True)
    name_zh = models.CharField(max_length=60)
    name_en = models.CharField(max_length=60)
    province = models.CharField(max_length=16)
    province_zh = models.CharField(max_length=60)
    province_en = models.CharField(max_length=60)
    is_home = models.BooleanField()
    band_shift_s = models.IntegerField(default=0)

    class Meta:
        db_table = "catalog_area"


class NumberPrefix(models.Model):
    """A segment of national numbers: whose network and which area it belongs to."""

    prefix = models.CharField(primary_key=True, max_length=16)
    kind = models.CharField(max_length=16)
    area = models.IntegerField()
    net = models.CharField(max_length=16)

    class Meta:
        db_table = "catalog_numberprefix"


class Country(models.Model):
    """A country or region that can be called, and how such a call is priced."""

    country_code = models.IntegerField(primary_key=True)
    name_zh = models.CharField(max_length=60)
    name_en = models.CharField(max_length=60)
    ld_type = models.CharField(max_length=16)

    class Meta:
        db_table = "catalog_country"


class SpecialNumber(models.Model):
    """A service number, such as 110 or 10086."""

    number = models.BigIntegerField(primary_key=True)
    name_zh = models.CharField(max_length=60)
    name_en = models.CharField(max_length=60)
    free = models.BooleanField()

    class Meta:
        db_table = "catalog_specialnumber"


class Cell(models.Model):
    """Which area a location area of a switch lies in."""

    cell_id = models.BigAutoField(primary_key=True)
    msc_id = models.BigIntegerField()
    lac = models.IntegerField()
    area = models.IntegerField()

    class Meta:
        db_table = "catalog_cell"
        constraints = [models.UniqueConstraint(fields=["msc_id", "lac"], name="catalog_cell_once")]


class Provider(models.Model):
    """A service of a content provider (SP)."""

    provider_id = models.BigAutoField(primary_key=True)
    sp_code = models.IntegerField()
    service_code = models.CharField(max_length=32)
    name_zh = models.CharField(max_length=60)
    name_en = models.CharField(max_length=60)

    class Meta:
        db_table = "catalog_provider"
        constraints = [models.UniqueConstraint(fields=["sp_code", "service_code"], name="catalog_provider_once")]


class Holiday(models.Model):
    """A public holiday."""

    date = models.DateField(primary_key=True)
    name_zh = models.CharField(max_length=60)
    name_en = models.CharField(max_length=60)

    class Meta:
        db_table = "catalog_holiday"


class Carrier(models.Model):
    """Another operator whose network ours is connected to."""

    carrier_code = models.CharField(primary_key=True, max_length=16)
    name_zh = models.CharField(max_length=60)
    name_en = models.CharField(max_length=60)
    net = models.CharField(max_length=16)
    kind = models.CharField(max_length=16)

    class Meta:
        db_table = "catalog_carrier"


class BillItemType(models.Model):
    """A kind of bill line (D7.6): where it is shown and what it counts as."""

    item_id = models.SmallIntegerField(primary_key=True)
    code = models.CharField(max_length=32, unique=True)
    name_zh = models.CharField(max_length=60)
    name_en = models.CharField(max_length=60)
    group_code = models.CharField(max_length=16)
    group_zh = models.CharField(max_length=60)
    group_en = models.CharField(max_length=60)
    sort_order = models.IntegerField()
    is_comm = models.BooleanField(default=False)
    is_voice = models.BooleanField(default=False)
    is_vas = models.BooleanField(default=False)
    is_third = models.BooleanField(default=False)
    no_discount = models.BooleanField(default=False)
    report_group = models.CharField(max_length=32, default="")

    class Meta:
        db_table = "catalog_billitemtype"


class Offer(models.Model):
    """Something sold: a main plan, an add-on, a group or family product, or the national standard tariff."""

    class Kind(models.TextChoices):
        STANDARD = "STANDARD"
        MAIN = "MAIN"
        ADDON = "ADDON"
        GROUP = "GROUP"
        FAMILY = "FAMILY"

    class Life(models.TextChoices):
        DRAFT = "DRAFT"
        TEST = "TEST"
        FILED = "FILED"
        ON_SALE = "ON_SALE"
        OFF_SALE = "OFF_SALE"
        RETIRED = "RETIRED"

    offer_id = models.BigIntegerField(primary_key=True)
    code = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    life = models.CharField(max_length=16, choices=Life.choices, default=Life.ON_SALE)
    brand = models.CharField(max_length=32, default="")
    name_zh = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100)

    class Meta:
        db_table = "catalog_offer"


class OfferVersion(models.Model):
    """The tariff document of an offer from one day on, until the next version's day."""

    class State(models.TextChoices):
        DRAFT = "DRAFT"
        SUBMITTED = "SUBMITTED"
        APPROVED = "APPROVED"
        PUBLISHED = "PUBLISHED"

    offer_version_id = models.BigAutoField(primary_key=True)
    offer = models.ForeignKey(Offer, models.PROTECT, related_name="versions")
    from_on = models.DateField()
    document = models.JSONField()
    sha256 = models.CharField(max_length=64)
    source = models.CharField(max_length=200, default="")
    state = models.CharField(max_length=16, choices=State.choices, default=State.DRAFT)
    written_by = models.BigIntegerField(null=True)
    approved_by = models.BigIntegerField(null=True)
    approved_at = models.DateTimeField(null=True)
    filing_no = models.CharField(max_length=64, default="")
    publish_on = models.DateField(null=True)

    class Meta:
        db_table = "catalog_offerversion"
        constraints = [
            models.UniqueConstraint(fields=["offer", "from_on"], name="catalog_offerversion_once"),
            models.CheckConstraint(
                condition=models.Q(written_by=None) | ~models.Q(approved_by=models.F("written_by")),
                name="catalog_offerversion_four_eyes",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="PUBLISHED") | ~models.Q(filing_no=""), name="catalog_offerversion_filed"
            ),
        ]


class ReplacedDocument(models.Model):
    """The document a published version had until it was corrected: what was charged by it can still be explained."""

    replaced_id = models.BigAutoField(primary_key=True)
    version = models.ForeignKey(OfferVersion, models.PROTECT, related_name="replaced")
    document = models.JSONField()
    sha256 = models.CharField(max_length=64)
    reason = models.CharField(max_length=200)
    replaced_by = models.BigIntegerField()
    approved_by = models.BigIntegerField()
    replaced_at = models.DateTimeField()

    class Meta:
        db_table = "catalog_replaceddocument"
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(approved_by=models.F("replaced_by")), name="catalog_replaceddocument_four_eyes"
            )
        ]


class TariffRule(models.Model):
    """One rule of one version; its id stands on records, totals and bills for ever."""

    class Kind(models.TextChoices):
        PRICE = "PRICE"
        FREE = "FREE"
        RECURRING = "RECURRING"
        ONE_TIME = "ONE_TIME"
        DISCOUNT = "DISCOUNT"
        CAP = "CAP"

    rule_id = models.AutoField(primary_key=True)
    version = models.ForeignKey(OfferVersion, models.PROTECT, related_name="rules")
    code = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    name_zh = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100)

    class Meta:
        db_table = "catalog_tariffrule"
        constraints = [models.UniqueConstraint(fields=["version", "code"], name="catalog_tariffrule_once")]


class Publication(models.Model):
    """Compiled tariffs as they were given to the charging engine."""

    publication_id = models.BigAutoField(primary_key=True)
    sha256 = models.CharField(max_length=64)
    path = models.CharField(max_length=300)
    published_at = models.DateTimeField()

    class Meta:
        db_table = "catalog_publication"
