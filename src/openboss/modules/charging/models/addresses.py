"""Where networks are told of their sessions."""

from django.db import models


class NotifyAddress(models.Model):
    """The address that the last request of an Nchf session named; it goes when the session ends."""

    session_key = models.CharField(max_length=32, primary_key=True)  # hexadecimal: the engine's name of it
    uri = models.CharField(max_length=1010)
    said_at = models.DateTimeField()

    class Meta:
        db_table = "charging_notifyaddress"
        indexes = [models.Index(fields=["said_at"], name="charging_notifyaddress_said")]


class GatewaySession(models.Model):
    """Where a Diameter session lives that has lasted some seconds; it goes when the session ends."""

    session_key = models.UUIDField(primary_key=True)  # the engine's name of it: 128 bits
    session_id = models.BinaryField()  # Session-Id as the gateway writes it
    host = models.CharField(max_length=255)  # who opened it (Origin-Host)
    realm = models.CharField(max_length=255)
    via = models.CharField(max_length=255)  # the peer its requests came from: the gateway itself, or a relay
    state_id = models.BigIntegerField()  # the gateway's Origin-State-Id then; 0 = it says none
    said_at = models.DateTimeField()

    class Meta:
        db_table = "charging_gatewaysession"
        indexes = [
            models.Index(fields=["host", "state_id"], name="charging_gatewaysession_host"),
            models.Index(fields=["said_at"], name="charging_gatewaysession_said"),
        ]
