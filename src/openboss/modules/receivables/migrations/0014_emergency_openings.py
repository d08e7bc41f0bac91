"""Emergency openings of users who were stopped for arrears (D9.7)."""

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [
        ("receivables", "0013_objections"),
    ]

    operations = [
        migrations.CreateModel(
            name="EmergencyOpening",
            fields=[
                ("emergency_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("serial_no", models.CharField(max_length=64, unique=True)),
                ("account_id", models.BigIntegerField()),
                ("subscriber_id", models.BigIntegerField()),
                ("month", models.IntegerField()),
                ("opened_at", models.DateTimeField()),
                ("until_at", models.DateTimeField()),
                ("credit_fen", models.BigIntegerField()),
                ("ceiling_fen", models.BigIntegerField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "ended_by",
                    models.CharField(
                        blank=True,
                        choices=[("TIME", "Time"), ("CREDIT", "Credit"), ("PAID", "Paid")],
                        default="",
                        max_length=8,
                    ),
                ),
            ],
            options={
                "db_table": "receivables_emergencyopening",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["subscriber_id", "month"], name="receivables_emergency_once_a_month"
                    ),
                    models.UniqueConstraint(
                        condition=Q(ended_at__isnull=True),
                        fields=["account_id"],
                        name="receivables_emergency_one_open",
                    ),
                    models.CheckConstraint(
                        condition=Q(credit_fen__gt=0, ceiling_fen__gte=F("credit_fen")),
                        name="receivables_emergency_fen",
                    ),
                    models.CheckConstraint(
                        condition=Q(ended_at__isnull=True, ended_by="")
                        | Q(Q(ended_at__isnull=False) & ~Q(ended_by="")),
                        name="receivables_emergency_ended",
                    ),
                ],
            },
        ),
    ]
