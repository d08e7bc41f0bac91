"""Orders to other provinces for users of theirs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0003_offers_and_queue"),
    ]

    operations = [
        migrations.CreateModel(
            name="HubOrder",
            fields=[
                ("hub_order_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("trans_id", models.CharField(max_length=40, unique=True)),
                ("home", models.CharField(max_length=8)),
                ("number", models.BigIntegerField()),
                ("activity", models.CharField(max_length=16)),
                ("state", models.CharField(max_length=12)),
                ("content", models.JSONField()),
                ("code", models.CharField(default="", max_length=4)),
                ("words", models.CharField(default="", max_length=200)),
                ("their_id", models.CharField(default="", max_length=40)),
                ("answer", models.JSONField(null=True)),
                ("paid_fen", models.BigIntegerField(default=0)),
                ("means", models.CharField(default="", max_length=16)),
                ("till_id", models.BigIntegerField(null=True)),
                ("staff_id", models.BigIntegerField()),
                ("org_code", models.CharField(max_length=32)),
                ("at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(null=True)),
                ("reversals", models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                "db_table": "orders_huborder",
                "indexes": [models.Index(fields=["org_code", "-hub_order_id"], name="orders_hub_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answered_at__isnull", True), ("state", "ASKED")),
                            models.Q(("state", "ASKED"), _negated=True),
                            _connector="OR",
                        ),
                        name="orders_hub_answered",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("paid_fen", 0), models.Q(("activity", "PAY"), ("paid_fen__gt", 0)), _connector="OR"
                        ),
                        name="orders_hub_paid",
                    ),
                ],
            },
        ),
    ]
