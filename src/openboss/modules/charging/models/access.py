"""Sessions of broadband and WLAN users as their access servers report them.

An access server says what a session has used in all; the engine is told what was used since. What the difference was
made from is written down before the engine is asked, so that a report that arrives again is never charged again.
"""

from django.db import models
from django.db.models import Q


class AccessSession(models.Model):
    """One session: where it is, what was reported of it, and up to what it was charged."""

    session_key = models.CharField(max_length=32, primary_key=True)  # hexadecimal: the engine's name of it
    nas = models.CharField(max_length=64)
    login = models.CharField(max_length=253)
    subscriber_id = models.BigIntegerField(null=True)
    served = models.BigIntegerField()
    record_type = models.SmallIntegerField()
    acct_session_id = models.CharField(max_length=253, default="")
    record_name = models.CharField(max_length=253, default="")  # what records of it, ours and in files, are known by
    framed_ip = models.CharField(max_length=45, default="")
    started_at = models.DateTimeField()
    reported_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    report_no = models.BigIntegerField(default=0)  # of the last request to the engine
    report_kind = models.SmallIntegerField(default=1)  # its kind: engine.online.requests.Kind
    before_s = models.BigIntegerField(default=0)  # used in all before the last report
    before_up = models.BigIntegerField(default=0)
    before_down = models.BigIntegerField(default=0)
    total_s = models.BigIntegerField(default=0)  # and with it
    total_up = models.BigIntegerField(default=0)
    total_down = models.BigIntegerField(default=0)
    went_on_s = models.BigIntegerField(default=0)  # used in all before it began: it went on after an end that was none
    authorised_s = models.BigIntegerField(default=0)  # how long it may last in all, 0 = not said

    class Meta:
        db_table = "charging_accesssession"
        constraints = [
            models.CheckConstraint(
                condition=Q(total_s__gte=models.F("before_s"))
                & Q(total_up__gte=models.F("before_up"))
                & Q(total_down__gte=models.F("before_down")),
                name="charging_accesssession_grows",
            )
        ]
        indexes = [
            models.Index(fields=["nas"], condition=Q(ended_at=None), name="charging_accesssession_nas"),
            models.Index(fields=["subscriber_id"], condition=Q(ended_at=None), name="charging_accesssession_user"),
        ]
