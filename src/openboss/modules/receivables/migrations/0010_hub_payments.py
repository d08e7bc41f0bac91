"""Payments that other provinces took for our users."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("receivables", "0009_collector_files"),
    ]

    operations = [
        migrations.CreateModel(
            name="HubPayment",
            fields=[
                ("hub_payment_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("province", models.CharField(max_length=8)),
                ("trans_id", models.CharField(max_length=40)),
                ("number", models.BigIntegerField(null=True)),
                ("paid_fen", models.BigIntegerField(null=True)),
                ("payment_id", models.BigIntegerField(null=True)),
                ("at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("POSTED", "Posted"), ("COMPENSATED", "Compensated"), ("EMPTY", "Empty")],
                        max_length=12,
                    ),
                ),
            ],
            options={
                "db_table": "receivables_hubpayment",
                "constraints": [
                    models.UniqueConstraint(fields=("province", "trans_id"), name="receivables_hubpayment_once"),
                    models.CheckConstraint(
                        condition=models.Q(("payment_id__isnull", True), ("state", "EMPTY"))
                        | models.Q(models.Q(("state", "EMPTY"), _negated=True), ("payment_id__isnull", False)),
                        name="receivables_hubpayment_posted",
                    ),
                ],
            },
        ),
    ]
