"""Who may become a customer, and classes of customers as a tree. No logic here."""

from django.db import models
from django.db.models import F, Q

from openboss.modules.customers.models.subscribers import Customer, Subscriber


class CustomerClass(models.Model):
    """A class of customers; what holds for a class holds for those below it (BMC-07)."""

    code = models.CharField(primary_key=True, max_length=16)
    name_zh = models.CharField(max_length=60)
    name_en = models.CharField(max_length=60)
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children")
    offer = models.ForeignKey("catalog.Offer", models.PROTECT, null=True, related_name="+")  # held by the class's users

    class Meta:
        db_table = "customers_customerclass"
        constraints = [
            models.CheckConstraint(condition=Q(parent__isnull=True) | ~Q(parent=F("code")), name="customers_class_tree")
        ]


class Lead(models.Model):
    """A potential customer: where they came from, who looks after them, how far they are (BMC-01)."""

    lead_id = models.BigAutoField(primary_key=True)
    name_sealed = models.BinaryField()
    name_masked = models.CharField(max_length=120)
    phone_sealed = models.BinaryField()
    phone_masked = models.CharField(max_length=32)
    phone_index = models.BinaryField()
    kind = models.CharField(max_length=16)  # INDIVIDUAL | UNIT
    source = models.CharField(max_length=16)
    rival = models.CharField(max_length=32, default="")  # the operator they use now
    campaign = models.CharField(max_length=32, default="")
    wish = models.CharField(max_length=200, default="")
    state = models.CharField(max_length=16)
    owner_id = models.BigIntegerField()  # the member of staff who looks after them
    org_code = models.CharField(max_length=32)
    created_at = models.DateTimeField()
    customer = models.ForeignKey(Customer, models.PROTECT, null=True, related_name="leads")
    subscriber = models.OneToOneField(Subscriber, models.PROTECT, null=True, related_name="lead")
    converted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "customers_lead"
        constraints = [
            models.UniqueConstraint(
                fields=["phone_index"],
                condition=~Q(state__in=["CONVERTED", "LOST"]),
                name="customers_lead_once",
            ),
            models.CheckConstraint(
                condition=Q(state="CONVERTED", converted_at__isnull=False, subscriber__isnull=False)
                | (~Q(state="CONVERTED") & Q(converted_at__isnull=True, subscriber__isnull=True)),
                name="customers_lead_converted",
            ),
        ]
        indexes = [
            models.Index(fields=["campaign", "state"], name="customers_lead_campaign"),
            models.Index(fields=["owner_id", "-lead_id"], name="customers_lead_owner"),
        ]


class LeadVisit(models.Model):
    """One time somebody spoke with a potential customer: how, what came of it, what is next (BMC-01)."""

    lead_visit_id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, models.PROTECT, related_name="visits")
    at = models.DateTimeField()
    staff_id = models.BigIntegerField()
    means = models.CharField(max_length=16)  # VISIT | CALL | SMS | HALL
    note = models.CharField(max_length=500)
    state = models.CharField(max_length=16)

    class Meta:
        db_table = "customers_leadvisit"
        indexes = [models.Index(fields=["lead", "-at"], name="customers_leadvisit_newest")]
