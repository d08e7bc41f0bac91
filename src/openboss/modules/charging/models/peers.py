"""Who may ask online charging: Diameter peers, 5G session functions and access servers."""

from django.db import models
from django.db.models import Q


class Peer(models.Model):
    """One network element, with what shows that it is the one."""

    class Interface(models.TextChoices):
        DIAMETER = "DIAMETER"
        NCHF = "NCHF"
        RADIUS = "RADIUS"

    peer_id = models.BigAutoField(primary_key=True)
    interface = models.CharField(max_length=8, choices=Interface.choices)
    name = models.CharField(max_length=253)  # of Diameter the Origin-Host
    realm = models.CharField(max_length=253, default="")  # of Diameter the Origin-Realm; empty: any
    addresses = models.JSONField()  # networks it comes from; empty: any. Of RADIUS one address
    needs_tls = models.BooleanField(default=False)  # Diameter: in the clear it is turned away
    secret_sealed = models.BinaryField(default=b"")  # RADIUS: shared with it, encrypted
    key_sha256 = models.BinaryField(default=b"")  # Nchf: of the key it shows; empty: it shows none
    service = models.CharField(max_length=16, default="")  # RADIUS: how its sessions are charged
    change_port = models.IntegerField(default=0)  # RADIUS: where it takes changes; 0 = it takes none
    is_admitted = models.BooleanField(default=True)
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "charging_peer"
        constraints = [
            models.UniqueConstraint(fields=["interface", "name"], name="charging_peer_once"),
            models.UniqueConstraint(
                fields=["addresses"], condition=Q(interface="RADIUS"), name="charging_peer_one_server_an_address"
            ),
            models.CheckConstraint(
                condition=~Q(interface="RADIUS") | ~Q(secret_sealed=b""), name="charging_peer_radius_has_a_secret"
            ),
            models.CheckConstraint(
                condition=Q(change_port__gte=0) & Q(change_port__lt=65536), name="charging_peer_change_port"
            ),
        ]
