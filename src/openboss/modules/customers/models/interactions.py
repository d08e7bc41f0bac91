"""Times at which a customer and we spoke, over whatever channel."""

from django.db import models
from django.db.models import Q

from openboss.modules.customers.models.subscribers import Customer


class Interaction(models.Model):
    """One time a customer turned to us, or we to them: over which channel, why, and what came of it (CRM-05)."""

    interaction_id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="interactions")
    subscriber_id = models.BigIntegerField(null=True)
    channel = models.CharField(max_length=16)
    direction = models.CharField(max_length=3)  # IN: the customer turned to us | OUT
    reason = models.CharField(max_length=16)  # COMPLAINT | FAULT | QUERY | BUSINESS | OTHER
    note = models.CharField(max_length=500)
    result = models.CharField(max_length=16)  # OPEN | ANSWERED | PASSED_ON
    at = models.DateTimeField()
    staff_id = models.BigIntegerField(null=True)
    serial_no = models.CharField(max_length=64, unique=True)

    class Meta:
        db_table = "customers_interaction"
        indexes = [
            models.Index(fields=["customer", "-at"], name="customers_interaction_newest"),
            models.Index(fields=["channel", "at"], name="customers_interaction_channel"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(direction__in=["IN", "OUT"]), name="customers_interaction_direction")
        ]
