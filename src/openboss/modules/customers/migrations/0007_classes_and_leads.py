"""Classes of customers as a tree; potential customers with the visits to them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0004_one_time_fees"),
        ("customers", "0006_managers"),
    ]

    operations = [
        migrations.CreateModel(
            name="Lead",
            fields=[
                ("lead_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name_sealed", models.BinaryField()),
                ("name_masked", models.CharField(max_length=120)),
                ("phone_sealed", models.BinaryField()),
                ("phone_masked", models.CharField(max_length=32)),
                ("phone_index", models.BinaryField()),
                ("kind", models.CharField(max_length=16)),
                ("source", models.CharField(max_length=16)),
                ("rival", models.CharField(default="", max_length=32)),
                ("campaign", models.CharField(default="", max_length=32)),
                ("wish", models.CharField(default="", max_length=200)),
                ("state", models.CharField(max_length=16)),
                ("owner_id", models.BigIntegerField()),
                ("org_code", models.CharField(max_length=32)),
                ("created_at", models.DateTimeField()),
                ("converted_at", models.DateTimeField(null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="leads",
                        to="customers.customer",
                    ),
                ),
                (
                    "subscriber",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lead",
                        to="customers.subscriber",
                    ),
                ),
            ],
            options={
                "db_table": "customers_lead",
            },
        ),
        migrations.CreateModel(
            name="LeadVisit",
            fields=[
                ("lead_visit_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("staff_id", models.BigIntegerField()),
                ("means", models.CharField(max_length=16)),
                ("note", models.CharField(max_length=500)),
                ("state", models.CharField(max_length=16)),
                (
                    "lead",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="visits", to="customers.lead"
                    ),
                ),
            ],
            options={
                "db_table": "customers_leadvisit",
            },
        ),
        migrations.CreateModel(
            name="CustomerClass",
            fields=[
                ("code", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("name_zh", models.CharField(max_length=60)),
                ("name_en", models.CharField(max_length=60)),
                (
                    "offer",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="catalog.offer"
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="customers.customerclass",
                    ),
                ),
            ],
            options={
                "db_table": "customers_customerclass",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("parent__isnull", True),
                            models.Q(("parent", models.F("code")), _negated=True),
                            _connector="OR",
                        ),
                        name="customers_class_tree",
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="lead",
            index=models.Index(fields=["campaign", "state"], name="customers_lead_campaign"),
        ),
        migrations.AddIndex(
            model_name="lead",
            index=models.Index(fields=["owner_id", "-lead_id"], name="customers_lead_owner"),
        ),
        migrations.AddConstraint(
            model_name="lead",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["CONVERTED", "LOST"]), _negated=True),
                fields=("phone_index",),
                name="customers_lead_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="lead",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("converted_at__isnull", False), ("state", "CONVERTED"), ("subscriber__isnull", False)),
                    models.Q(
                        models.Q(("state", "CONVERTED"), _negated=True),
                        ("converted_at__isnull", True),
                        ("subscriber__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="customers_lead_converted",
            ),
        ),
        migrations.AddIndex(
            model_name="leadvisit",
            index=models.Index(fields=["lead", "-at"], name="customers_leadvisit_newest"),
        ),
    ]
