"""Objections to items of bills."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("receivables", "0012_monthly_gifts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Objection",
            fields=[
                ("objection_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("serial_no", models.CharField(max_length=64, unique=True)),
                ("account_id", models.BigIntegerField()),
                ("bill_id", models.BigIntegerField()),
                ("subscriber_id", models.BigIntegerField()),
                ("item_id", models.SmallIntegerField()),
                ("objected_fen", models.BigIntegerField()),
                ("reason", models.CharField(max_length=200)),
                ("opened_by", models.BigIntegerField()),
                ("opened_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("OPEN", "Open"), ("CONFIRMED", "Confirmed"), ("REJECTED", "Rejected")],
                        default="OPEN",
                        max_length=9,
                    ),
                ),
                ("over_fen", models.BigIntegerField(null=True)),
                ("returned_fen", models.BigIntegerField(null=True)),
                ("answer", models.CharField(default="", max_length=200)),
                ("decided_by", models.BigIntegerField(null=True)),
                ("approved_by", models.BigIntegerField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "receivables_objection",
                "constraints": [
                    models.CheckConstraint(condition=Q(("objected_fen__gt", 0)), name="receivables_objection_fen"),
                    models.CheckConstraint(
                        condition=Q(("over_fen__gt", 0), ("returned_fen__gt", 0), ("state", "CONFIRMED"))
                        | Q(
                            Q(("state", "CONFIRMED"), _negated=True),
                            ("over_fen__isnull", True),
                            ("returned_fen__isnull", True),
                        ),
                        name="receivables_objection_returned",
                    ),
                    models.CheckConstraint(
                        condition=Q(("decided_at__isnull", True), ("state", "OPEN"))
                        | Q(
                            Q(("state", "OPEN"), _negated=True),
                            ("decided_at__isnull", False),
                            ("decided_by__isnull", False),
                        ),
                        name="receivables_objection_decided",
                    ),
                    models.UniqueConstraint(
                        condition=Q(("state", "REJECTED"), _negated=True),
                        fields=("bill_id", "subscriber_id", "item_id"),
                        name="receivables_objection_item_once",
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=Q(("state", "OPEN")), fields=["account_id"], name="receivables_objection_open"
                    ),
                    models.Index(fields=["bill_id"], name="receivables_objection_bill"),
                ],
            },
        ),
    ]
