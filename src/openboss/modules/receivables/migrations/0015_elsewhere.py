"""Paying for numbers of other provinces."""

from django.db import migrations, models
from django.db.models import Q

LIVE = ("state__in", ["ASKED", "ACTIVE"])


class Migration(migrations.Migration):
    dependencies = [
        ("receivables", "0014_emergency_openings"),
    ]

    operations = [
        migrations.CreateModel(
            name="ElsewherePayment",
            fields=[
                ("relation_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("side", models.CharField(choices=[("PAYS", "Pays"), ("PAID", "Paid")], max_length=4)),
                ("province", models.CharField(max_length=8)),
                ("number", models.BigIntegerField()),
                ("subscriber_id", models.BigIntegerField()),
                ("customer_id", models.BigIntegerField()),
                ("account_id", models.BigIntegerField()),
                ("from_cycle", models.IntegerField()),
                ("to_cycle", models.IntegerField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ASKED", "Asked"),
                            ("ACTIVE", "Active"),
                            ("REFUSED", "Refused"),
                            ("ENDED", "Ended"),
                        ],
                        max_length=8,
                    ),
                ),
                ("trans_id", models.CharField(max_length=40)),
                ("code", models.CharField(default="", max_length=4)),
                ("words", models.CharField(default="", max_length=200)),
                ("staff_id", models.BigIntegerField(null=True)),
                ("ordered_at", models.DateTimeField()),
            ],
            options={
                "db_table": "receivables_elsewherepayment",
                "constraints": [
                    models.UniqueConstraint(fields=("side", "province", "trans_id"), name="receivables_elsewhere_once"),
                    models.UniqueConstraint(
                        condition=Q(LIVE, ("side", "PAYS")), fields=("number",), name="receivables_elsewhere_one_payer"
                    ),
                    models.UniqueConstraint(
                        condition=Q(LIVE, ("side", "PAID")),
                        fields=("subscriber_id",),
                        name="receivables_elsewhere_paid_once",
                    ),
                    models.CheckConstraint(
                        condition=Q(Q(("state", "ENDED"), _negated=True), ("to_cycle__isnull", False), _connector="OR"),
                        name="receivables_elsewhere_ended",
                    ),
                ],
                "indexes": [models.Index(fields=["customer_id", "side"], name="receivables_elsewhere_customer")],
            },
        ),
        migrations.CreateModel(
            name="ElsewhereMonth",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "relation_id", "cycle", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("relation_id", models.BigIntegerField()),
                ("cycle", models.IntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("WAITING", "Waiting"),
                            ("ASKED", "Asked"),
                            ("DUE", "Due"),
                            ("SHORT", "Short"),
                            ("PAYING", "Paying"),
                            ("PAID", "Paid"),
                            ("DROPPED", "Dropped"),
                            ("MANUAL", "Manual"),
                        ],
                        max_length=8,
                    ),
                ),
                ("due_fen", models.BigIntegerField(default=0)),
                ("tries", models.IntegerField(default=0)),
                ("trans_id", models.CharField(max_length=40, null=True, unique=True)),
                ("tried_at", models.DateTimeField(null=True)),
                ("entry_id", models.BigIntegerField(null=True)),
                ("payment_id", models.BigIntegerField(null=True)),
            ],
            options={
                "db_table": "receivables_elsewheremonth",
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(
                            Q(("state", "PAYING"), _negated=True),
                            Q(("due_fen__gt", 0), ("entry_id__isnull", False)),
                            _connector="OR",
                        ),
                        name="receivables_elsewheremonth_paying",
                    ),
                ],
            },
        ),
    ]
