from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("charging", "0008_money_told_after_a_position"),
    ]

    operations = [
        migrations.CreateModel(
            name="Peer",
            fields=[
                ("peer_id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "interface",
                    models.CharField(
                        choices=[("DIAMETER", "Diameter"), ("NCHF", "Nchf"), ("RADIUS", "Radius")], max_length=8
                    ),
                ),
                ("name", models.CharField(max_length=253)),
                ("realm", models.CharField(default="", max_length=253)),
                ("addresses", models.JSONField()),
                ("needs_tls", models.BooleanField(default=False)),
                ("secret_sealed", models.BinaryField(default=b"")),
                ("key_sha256", models.BinaryField(default=b"")),
                ("service", models.CharField(default="", max_length=16)),
                ("change_port", models.IntegerField(default=0)),
                ("is_admitted", models.BooleanField(default=True)),
                ("changed_at", models.DateTimeField()),
            ],
            options={
                "db_table": "charging_peer",
                "constraints": [
                    models.UniqueConstraint(fields=("interface", "name"), name="charging_peer_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("interface", "RADIUS")),
                        fields=("addresses",),
                        name="charging_peer_one_server_an_address",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("interface", "RADIUS"), _negated=True),
                            models.Q(("secret_sealed", b""), _negated=True),
                            _connector="OR",
                        ),
                        name="charging_peer_radius_has_a_secret",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("change_port__gte", 0), ("change_port__lt", 65536)),
                        name="charging_peer_change_port",
                    ),
                ],
            },
        ),
    ]
