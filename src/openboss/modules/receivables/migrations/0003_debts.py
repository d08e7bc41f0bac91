import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("receivables", "0002_ledger_balances"),
    ]

    operations = [
        migrations.CreateModel(
            name="LateFee",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "clearing_id", "bill_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("clearing_id", models.BigIntegerField()),
                ("bill_id", models.BigIntegerField()),
                ("from_on", models.DateField()),
                ("to_on", models.DateField()),
                ("principal_fen", models.BigIntegerField()),
                ("fee_fen", models.BigIntegerField()),
            ],
            options={
                "db_table": "receivables_latefee",
            },
        ),
        migrations.CreateModel(
            name="Allocation",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "clearing_id",
                        "bill_id",
                        "subscriber_id",
                        "item_id",
                        "bucket_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("clearing_id", models.BigIntegerField()),
                ("bill_id", models.BigIntegerField()),
                ("subscriber_id", models.BigIntegerField()),
                ("item_id", models.SmallIntegerField()),
                ("bucket_id", models.BigIntegerField()),
                ("paid_fen", models.BigIntegerField()),
            ],
            options={
                "db_table": "receivables_allocation",
                "indexes": [models.Index(fields=["bill_id"], name="receivables_allocation_bill")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("paid_fen__gt", 0)), name="receivables_allocation_positive"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Bucket",
            fields=[
                ("bucket_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("account_id", models.BigIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("DEDICATED", "Dedicated"),
                            ("RELEASED", "Released"),
                            ("GIFT", "Gift"),
                            ("CASH", "Cash"),
                            ("DEPOSIT", "Deposit"),
                            ("AGENT", "Agent"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "item_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.SmallIntegerField(), default=list, size=None
                    ),
                ),
                ("valid_from_on", models.DateField()),
                ("valid_to_on", models.DateField(null=True)),
                ("balance_fen", models.BigIntegerField(default=0)),
            ],
            options={
                "db_table": "receivables_bucket",
                "indexes": [models.Index(fields=["account_id"], name="receivables_bucket_account")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("balance_fen__gte", 0)), name="receivables_bucket_not_negative"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind__in", ["CASH", "DEPOSIT", "AGENT"])),
                        fields=("account_id", "kind"),
                        name="receivables_bucket_one_of_a_kind",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Clearing",
            fields=[
                ("clearing_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("account_id", models.BigIntegerField()),
                ("payment_id", models.BigIntegerField(null=True)),
                ("cleared_on", models.DateField()),
                ("at", models.DateTimeField()),
                ("position", models.BigIntegerField()),
                ("entry_id", models.BigIntegerField(null=True)),
                ("late_entry_id", models.BigIntegerField(null=True)),
                ("is_undone", models.BooleanField(default=False)),
            ],
            options={
                "db_table": "receivables_clearing",
                "indexes": [
                    models.Index(fields=["account_id", "clearing_id"], name="receivables_clearing_account"),
                    models.Index(fields=["payment_id"], name="receivables_clearing_payment"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("message_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("account_id", models.BigIntegerField()),
                ("plan", models.CharField(max_length=16)),
                ("step", models.CharField(max_length=24)),
                ("bill_id", models.BigIntegerField(default=0)),
                ("sent_at", models.DateTimeField()),
                ("over_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "receivables_message",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("over_at__isnull", True)),
                        fields=("account_id", "plan", "step", "bill_id"),
                        name="receivables_message_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="OpenItem",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "bill_id",
                        "subscriber_id",
                        "item_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("bill_id", models.BigIntegerField()),
                ("subscriber_id", models.BigIntegerField()),
                ("item_id", models.SmallIntegerField()),
                ("rank", models.SmallIntegerField()),
                ("is_late_exempt", models.BooleanField()),
                ("due_fen", models.BigIntegerField()),
                ("paid_fen", models.BigIntegerField(default=0)),
            ],
            options={
                "db_table": "receivables_openitem",
                "indexes": [
                    models.Index(
                        condition=models.Q(("paid_fen", models.F("due_fen")), _negated=True),
                        fields=["subscriber_id"],
                        name="receivables_item_subscriber",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("paid_fen__gte", 0), ("paid_fen__lte", models.F("due_fen"))),
                            models.Q(("paid_fen__gte", models.F("due_fen")), ("paid_fen__lte", 0)),
                            _connector="OR",
                        ),
                        name="receivables_item_paid",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Receivable",
            fields=[
                ("bill_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("cycle", models.IntegerField()),
                ("account_id", models.BigIntegerField()),
                ("customer_id", models.BigIntegerField()),
                ("total_fen", models.BigIntegerField()),
                ("open_fen", models.BigIntegerField()),
                ("due_on", models.DateField()),
                ("late_from_on", models.DateField()),
                ("late_cap_fen", models.BigIntegerField(null=True)),
                ("late_fen", models.BigIntegerField(default=0)),
                ("written_off_fen", models.BigIntegerField(default=0)),
                (
                    "standing",
                    models.CharField(
                        choices=[("NORMAL", "Normal"), ("DOUBTFUL", "Doubtful"), ("BAD", "Bad")],
                        default="NORMAL",
                        max_length=8,
                    ),
                ),
                ("booked_at", models.DateTimeField()),
                ("position", models.BigIntegerField()),
            ],
            options={
                "db_table": "receivables_receivable",
                "indexes": [
                    models.Index(
                        condition=models.Q(("open_fen__gt", 0)), fields=["account_id"], name="receivables_open_account"
                    ),
                    models.Index(
                        condition=models.Q(("open_fen__gt", 0)), fields=["due_on"], name="receivables_open_due"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("open_fen__gte", 0)), name="receivables_open_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("late_fen__gte", 0),
                            models.Q(
                                ("late_cap_fen__isnull", True),
                                ("late_fen__lte", models.F("late_cap_fen")),
                                _connector="OR",
                            ),
                        ),
                        name="receivables_late_capped",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Standing",
            fields=[
                ("account_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("limit_fen", models.BigIntegerField(null=True)),
                ("extra_fen", models.BigIntegerField(default=0)),
                ("extra_until_at", models.DateTimeField(null=True)),
                ("is_exempt", models.BooleanField(default=False)),
                ("disputed_until_on", models.DateField(null=True)),
                ("exposure_fen", models.BigIntegerField(default=0)),
                ("crossed_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "receivables_standing",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("extra_fen", 0), ("extra_until_at__isnull", False), _connector="OR"),
                        name="receivables_standing_extra_ends",
                    )
                ],
            },
        ),
    ]
