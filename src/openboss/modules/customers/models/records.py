"""Data kept of customers beside their users: lists, managers, grades, contacts. No logic here."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, DateTimeRangeField, RangeOperators
from django.db import models

from openboss.modules.customers.models.subscribers import Customer, only_one


class ListEntry(models.Model):
    """A document on the black or the white list over time; its holder need not be a customer (BMC-06)."""

    list_entry_id = models.BigAutoField(primary_key=True)
    list_kind = models.CharField(max_length=8)  # BLACK | WHITE
    cert_no_index = models.BinaryField()
    cert_no_masked = models.CharField(max_length=64)
    reason = models.CharField(max_length=200)
    period = DateTimeRangeField()

    class Meta:
        db_table = "customers_listentry"
        indexes = [models.Index(fields=["cert_no_index"], name="customers_listentry_document")]


class CustomerManager(models.Model):
    """The member of staff who looks after a key customer, over time (BMV-04)."""

    customer_manager_id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="managers")
    manager_id = models.BigIntegerField()  # a member of staff
    period = DateTimeRangeField()

    class Meta:
        db_table = "customers_manager"
        constraints = [
            ExclusionConstraint(
                name="customers_manager_one",
                expressions=[only_one("customer_id"), ("period", RangeOperators.OVERLAPS)],
            )
        ]


class VipGrade(models.Model):
    """The VIP grade of a customer over time, by the rule of the month or by hand until a day (D17.1, BMV-01)."""

    vip_grade_id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="vip_grades")
    level = models.CharField(max_length=16)
    by_hand = models.BooleanField()
    reason = models.CharField(max_length=200, default="")
    days = DateRangeField()

    class Meta:
        db_table = "customers_vipgrade"
        constraints = [
            ExclusionConstraint(
                name="customers_vipgrade_one",
                expressions=[only_one("customer_id"), ("days", RangeOperators.OVERLAPS)],
            )
        ]


class Contact(models.Model):
    """A way to reach a customer, a wish, or a consent, over time; personal data is sealed (BMV-04)."""

    contact_id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="contacts")
    kind = models.CharField(max_length=16)  # PHONE | EMAIL | ADDRESS | FAMILY | PREFERENCE | CONSENT
    label = models.CharField(max_length=64)
    value_sealed = models.BinaryField()
    period = DateTimeRangeField()

    class Meta:
        db_table = "customers_contact"
        indexes = [models.Index(fields=["customer"], name="customers_contact_customer")]
