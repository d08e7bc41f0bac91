"""Gifts that are released month by month."""

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [
        ("receivables", "0011_credit_watch"),
    ]

    operations = [
        migrations.CreateModel(
            name="MonthlyGift",
            fields=[
                ("gift_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("serial_no", models.CharField(max_length=64, unique=True)),
                ("account_id", models.BigIntegerField()),
                ("given_fen", models.BigIntegerField()),
                ("parts", models.SmallIntegerField()),
                ("released_parts", models.SmallIntegerField(default=0)),
                ("first_on", models.DateField()),
                ("bucket_id", models.BigIntegerField(null=True)),
                ("reason", models.CharField(max_length=200)),
                ("staff_id", models.BigIntegerField(null=True)),
                ("granted_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "receivables_monthlygift",
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(("given_fen__gte", F("parts")), ("parts__gte", 2)),
                        name="receivables_monthlygift_parts",
                    ),
                    models.CheckConstraint(
                        condition=Q(("released_parts__gte", 0), ("released_parts__lte", F("parts"))),
                        name="receivables_monthlygift_released",
                    ),
                    models.CheckConstraint(condition=Q(("first_on__day", 1)), name="receivables_monthlygift_first"),
                ],
                "indexes": [
                    models.Index(fields=["account_id"], name="receivables_monthlygift_acc"),
                    models.Index(
                        fields=["first_on"],
                        condition=Q(("ended_at__isnull", True), ("released_parts__lt", F("parts"))),
                        name="receivables_monthlygift_runs",
                    ),
                ],
            },
        ),
    ]
