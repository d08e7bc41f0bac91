"""Where 5G network functions want to be told of their sessions."""

from django.db import models


class NotifyAddress(models.Model):
    """The address that the last request of an Nchf session named; it goes when the session ends."""

    session_key = models.CharField(max_length=32, primary_key=True)  # hexadecimal: the engine's name of it
    uri = models.CharField(max_length=1010)
    said_at = models.DateTimeField()

    class Meta:
        db_table = "charging_notifyaddress"
        indexes = [models.Index(fields=["said_at"], name="charging_notifyaddress_said")]
