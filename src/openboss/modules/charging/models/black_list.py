"""The black list of charging: numbers and handsets that nobody may use, and who tried to (CHG-32)."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value

_SAME_NUMBER = Func(F("number"), F("number"), Value("[]"), function="int8range")
_WHILE = Func(F("from_at"), F("to_at"), function="tstzrange")


class BlackEntry(models.Model):
    """A number or a handset on the list for a time."""

    black_entry_id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=6)  # NUMBER | IMEI
    number = models.BigIntegerField()  # E.164; of a handset the 14 digits of its IMEI that name it
    reason = models.CharField(max_length=200)
    from_at = models.DateTimeField()
    to_at = models.DateTimeField(null=True)  # null = until somebody ends it
    entered_by = models.IntegerField(null=True)
    ended_by = models.IntegerField(null=True)

    class Meta:
        db_table = "charging_blackentry"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="NUMBER", number__range=(1, 10**15 - 1))
                | Q(kind="IMEI", number__range=(1, 10**14 - 1)),
                name="charging_blackentry_digits",
            ),
            models.CheckConstraint(
                condition=Q(to_at__isnull=True) | Q(to_at__gte=F("from_at")), name="charging_blackentry_term"
            ),
            *(
                ExclusionConstraint(
                    name=f"charging_blackentry_one_{kind.lower()}",
                    expressions=[(_SAME_NUMBER, RangeOperators.OVERLAPS), (_WHILE, RangeOperators.OVERLAPS)],
                    condition=Q(kind=kind),
                )
                for kind in ("NUMBER", "IMEI")
            ),
        ]
        indexes = [models.Index(fields=["kind", "number"], name="charging_blackentry_which")]


class BlackUse(models.Model):
    """Who tried to use what is on the list: refused when networks asked, or used already and seen in a file."""

    black_use_id = models.BigAutoField(primary_key=True)
    entry = models.ForeignKey(BlackEntry, on_delete=models.PROTECT, related_name="uses")
    served_number = models.BigIntegerField()
    refused = models.IntegerField()
    in_files = models.IntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        db_table = "charging_blackuse"
        constraints = [models.UniqueConstraint(fields=["entry", "served_number"], name="charging_blackuse_once")]
