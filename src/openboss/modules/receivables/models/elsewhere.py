"""Paying for numbers of other provinces (异地代付): who pays for whom, and month by month what was paid (D8.13)."""

from django.db import models
from django.db.models import Q

LIVE = Q(state__in=["ASKED", "ACTIVE"])


class ElsewherePayment(models.Model):
    """A user of ours who pays for a number of another province (PAYS), or is paid for by one (PAID)."""

    class Side(models.TextChoices):
        PAYS = "PAYS"
        PAID = "PAID"

    class State(models.TextChoices):
        ASKED = "ASKED"  # the other province has not answered
        ACTIVE = "ACTIVE"
        REFUSED = "REFUSED"
        ENDED = "ENDED"

    relation_id = models.BigAutoField(primary_key=True)
    side = models.CharField(max_length=4, choices=Side.choices)
    province = models.CharField(max_length=8)  # the other one
    number = models.BigIntegerField()  # of the user there
    subscriber_id = models.BigIntegerField()  # our user
    customer_id = models.BigIntegerField()
    account_id = models.BigIntegerField()  # of our user
    from_cycle = models.IntegerField()
    to_cycle = models.IntegerField(null=True)  # the first month that is not paid any more
    state = models.CharField(max_length=8, choices=State.choices)
    trans_id = models.CharField(max_length=40)  # of the province that pays
    code = models.CharField(max_length=4, default="")  # what the other province said when it refused
    words = models.CharField(max_length=200, default="")
    staff_id = models.BigIntegerField(null=True)
    ordered_at = models.DateTimeField()

    class Meta:
        db_table = "receivables_elsewherepayment"
        constraints = [
            models.UniqueConstraint(fields=["side", "province", "trans_id"], name="receivables_elsewhere_once"),
            models.UniqueConstraint(
                fields=["number"], condition=LIVE & Q(side="PAYS"), name="receivables_elsewhere_one_payer"
            ),
            models.UniqueConstraint(
                fields=["subscriber_id"], condition=LIVE & Q(side="PAID"), name="receivables_elsewhere_paid_once"
            ),
            models.CheckConstraint(
                condition=~Q(state="ENDED") | Q(to_cycle__isnull=False), name="receivables_elsewhere_ended"
            ),
        ]
        indexes = [models.Index(fields=["customer_id", "side"], name="receivables_elsewhere_customer")]


class ElsewhereMonth(models.Model):
    """A month that a user of ours pays for a number elsewhere: what is due of it, and how far its payment is."""

    class State(models.TextChoices):
        WAITING = "WAITING"  # the other province is asked for the bill again
        ASKED = "ASKED"
        DUE = "DUE"
        SHORT = "SHORT"  # due, and the payer had too little cash at the last look
        PAYING = "PAYING"
        PAID = "PAID"
        DROPPED = "DROPPED"  # the number is gone there, or the payer here: nothing is paid
        MANUAL = "MANUAL"  # nobody knows whether the other province has it: a person looks

    pk = models.CompositePrimaryKey("relation_id", "cycle")
    relation_id = models.BigIntegerField()
    cycle = models.IntegerField()
    state = models.CharField(max_length=8, choices=State.choices)
    due_fen = models.BigIntegerField(default=0)
    tries = models.IntegerField(default=0)  # messages about it, which number them
    trans_id = models.CharField(max_length=40, null=True, unique=True)  # of the last message
    tried_at = models.DateTimeField(null=True)
    entry_id = models.BigIntegerField(null=True)  # the money that was set aside for it
    payment_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "receivables_elsewheremonth"
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="PAYING") | Q(entry_id__isnull=False, due_fen__gt=0),
                name="receivables_elsewheremonth_paying",
            ),
        ]
