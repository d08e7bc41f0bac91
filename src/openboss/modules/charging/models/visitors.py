"""High use between provinces: what visitors use here, and what other provinces tell of ours."""

from django.db import models


class VisitorUse(models.Model):
    """What a user of another province used here on a day; told to their province when it is much (CHG-33)."""

    visitor_use_id = models.BigAutoField(primary_key=True)
    number = models.BigIntegerField()
    home_area = models.IntegerField()
    used_on = models.DateField()
    calls_s = models.BigIntegerField()
    data_kb = models.BigIntegerField()
    messages = models.IntegerField()
    from_at = models.DateTimeField()
    to_at = models.DateTimeField()
    told_fen = models.BigIntegerField(default=0)  # what their province was told of last, in all
    told_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "charging_visitoruse"
        constraints = [models.UniqueConstraint(fields=["number", "used_on"], name="charging_visitoruse_day")]
        indexes = [models.Index(fields=["used_on"], name="charging_visitoruse_on")]


class RoamerReport(models.Model):
    """What another province told of high use of a user of ours (CHG-33)."""

    roamer_report_id = models.BigAutoField(primary_key=True)
    province = models.CharField(max_length=8)
    trans_id = models.CharField(max_length=40)  # theirs
    subscriber_id = models.BigIntegerField()
    used_fen = models.BigIntegerField()
    from_at = models.DateTimeField()
    to_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        db_table = "charging_roamerreport"
        constraints = [models.UniqueConstraint(fields=["province", "trans_id"], name="charging_roamerreport_once")]
        indexes = [models.Index(fields=["subscriber_id", "-received_at"], name="charging_roamerreport_of")]
