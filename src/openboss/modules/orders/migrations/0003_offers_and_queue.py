"""Offers made at the counter with their answers, and tickets of who waits in a hall."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0004_one_time_fees"),
        ("customers", "0004_listed_numbers_and_certificates"),
        ("orders", "0002_cart"),
    ]

    operations = [
        migrations.CreateModel(
            name="OfferMade",
            fields=[
                ("offer_made_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("answer", models.CharField(max_length=8)),
                ("channel", models.CharField(max_length=16)),
                ("payment_id", models.BigIntegerField(null=True)),
                ("org_code", models.CharField(max_length=32)),
                ("staff_id", models.BigIntegerField(null=True)),
                ("at", models.DateTimeField()),
                (
                    "offer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="catalog.offer"
                    ),
                ),
                (
                    "subscriber",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="customers.subscriber"
                    ),
                ),
            ],
            options={
                "db_table": "orders_offermade",
                "indexes": [models.Index(fields=["subscriber", "-at"], name="orders_offermade_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("answer__in", ["TAKEN", "DECLINED"])), name="orders_offermade_answer"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("payment_id__isnull", False)),
                        fields=("payment_id",),
                        name="orders_offermade_one",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="QueueTicket",
            fields=[
                ("queue_ticket_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("org_code", models.CharField(max_length=32)),
                ("on", models.DateField()),
                ("kind", models.CharField(max_length=16)),
                ("number", models.PositiveIntegerField()),
                ("rank", models.SmallIntegerField()),
                ("preparation", models.CharField(default="", max_length=200)),
                ("taken_at", models.DateTimeField()),
                ("called_at", models.DateTimeField(null=True)),
                ("called_by", models.BigIntegerField(null=True)),
                ("window", models.CharField(default="", max_length=16)),
                ("closed_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(default="", max_length=8)),
                ("alarmed_at", models.DateTimeField(null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "db_table": "orders_queueticket",
                "indexes": [
                    models.Index(
                        condition=models.Q(("called_at__isnull", True), ("closed_at__isnull", True)),
                        fields=["org_code", "rank", "taken_at"],
                        name="orders_ticket_waits",
                    ),
                    models.Index(fields=["taken_at"], name="orders_ticket_taken"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("org_code", "on", "kind", "number"), name="orders_ticket_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("called_at__isnull", True), ("called_at__gte", models.F("taken_at")), _connector="OR"
                        ),
                        name="orders_ticket_times",
                    ),
                ],
            },
        ),
    ]
