import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="BusinessDay",
            fields=[
                ("business_on", models.DateField(primary_key=True, serialize=False)),
                ("state", models.CharField(choices=[("OPEN", "Open"), ("CLOSED", "Closed")], max_length=8)),
                ("changed_at", models.DateTimeField()),
                ("changed_by", models.BigIntegerField(null=True)),
            ],
            options={
                "db_table": "receivables_businessday",
            },
        ),
        migrations.CreateModel(
            name="DaySeal",
            fields=[
                ("position", models.BigIntegerField(primary_key=True, serialize=False)),
                ("business_on", models.DateField()),
                ("first_entry_id", models.BigIntegerField()),
                ("last_entry_id", models.BigIntegerField()),
                ("entry_count", models.BigIntegerField()),
                ("debit_fen", models.BigIntegerField()),
                ("sha256", models.BinaryField()),
                ("sealed_at", models.DateTimeField()),
            ],
            options={
                "db_table": "receivables_dayseal",
            },
        ),
        migrations.CreateModel(
            name="DocumentSeries",
            fields=[
                ("kind", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("prefix", models.CharField(max_length=8)),
                ("next_no", models.BigIntegerField(default=1)),
            ],
            options={
                "db_table": "receivables_documentseries",
            },
        ),
        migrations.CreateModel(
            name="Period",
            fields=[
                ("period", models.IntegerField(primary_key=True, serialize=False)),
                ("state", models.CharField(choices=[("OPEN", "Open"), ("CLOSED", "Closed")], max_length=8)),
                ("changed_at", models.DateTimeField()),
                ("changed_by", models.BigIntegerField(null=True)),
            ],
            options={
                "db_table": "receivables_period",
            },
        ),
        migrations.CreateModel(
            name="ChartAccount",
            fields=[
                ("chart_no", models.IntegerField(primary_key=True, serialize=False)),
                ("role", models.CharField(max_length=32, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("ASSET", "Asset"),
                            ("LIABILITY", "Liability"),
                            ("INCOME", "Income"),
                            ("EXPENSE", "Expense"),
                        ],
                        max_length=16,
                    ),
                ),
                ("name_zh", models.CharField(max_length=100)),
                ("name_en", models.CharField(max_length=100)),
                ("group_code", models.CharField(default="", max_length=16)),
                (
                    "means",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=16), default=list, size=None
                    ),
                ),
            ],
            options={
                "db_table": "receivables_chartaccount",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("group_code", ""), _negated=True),
                        fields=("group_code",),
                        name="receivables_chart_group",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Document",
            fields=[
                ("document_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.CharField(choices=[("RECEIPT", "Receipt"), ("INVOICE", "Invoice")], max_length=16)),
                ("number", models.CharField(max_length=32, unique=True)),
                ("payment_id", models.BigIntegerField(null=True)),
                ("bill_id", models.BigIntegerField(null=True)),
                ("account_id", models.BigIntegerField()),
                ("total_fen", models.BigIntegerField()),
                ("issued_at", models.DateTimeField()),
                ("staff_id", models.BigIntegerField(null=True)),
                ("copies", models.IntegerField(default=0)),
                (
                    "state",
                    models.CharField(
                        choices=[("ISSUED", "Issued"), ("RETURNED", "Returned")], default="ISSUED", max_length=8
                    ),
                ),
            ],
            options={
                "db_table": "receivables_document",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("payment_id__isnull", True), ("bill_id__isnull", True), _connector="XOR"),
                        name="receivables_document_of_one",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "ISSUED")),
                        fields=("payment_id",),
                        name="receivables_document_payment_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "ISSUED")),
                        fields=("bill_id",),
                        name="receivables_document_bill_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("entry_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("serial_no", models.CharField(max_length=80, unique=True)),
                ("cause", models.CharField(max_length=24)),
                ("business_on", models.DateField()),
                ("period", models.IntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("staff_id", models.BigIntegerField(null=True)),
                ("channel", models.CharField(max_length=16)),
                ("at", models.DateTimeField()),
                ("reverses_id", models.BigIntegerField(null=True, unique=True)),
                ("note", models.CharField(default="", max_length=200)),
            ],
            options={
                "db_table": "receivables_entry",
                "indexes": [models.Index(fields=["business_on", "cause"], name="receivables_entry_day")],
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                ("payment_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("serial_no", models.CharField(max_length=64, unique=True)),
                ("account_id", models.BigIntegerField(null=True)),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("BILL", "Bill"),
                            ("DEPOSIT", "Deposit"),
                            ("FEE", "Fee"),
                            ("REFUND", "Refund"),
                            ("REVERSAL", "Reversal"),
                            ("RECOVERY", "Recovery"),
                            ("AGENT", "Agent"),
                        ],
                        max_length=16,
                    ),
                ),
                ("paid_fen", models.BigIntegerField()),
                ("means", models.CharField(max_length=16)),
                ("channel", models.CharField(max_length=16)),
                ("reference", models.CharField(default="", max_length=64)),
                ("note", models.CharField(default="", max_length=200)),
                ("staff_id", models.BigIntegerField(null=True)),
                ("till_id", models.BigIntegerField(null=True)),
                ("business_on", models.DateField()),
                ("at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("POSTED", "Posted"), ("SUSPENDED", "Suspended"), ("REVERSED", "Reversed")],
                        max_length=16,
                    ),
                ),
                ("entry_id", models.BigIntegerField()),
                ("reverses_id", models.BigIntegerField(null=True, unique=True)),
            ],
            options={
                "db_table": "receivables_payment",
                "indexes": [
                    models.Index(fields=["account_id", "payment_id"], name="receivables_payment_account"),
                    models.Index(fields=["business_on", "channel"], name="receivables_payment_day"),
                    models.Index(fields=["till_id"], name="receivables_payment_till"),
                    models.Index(
                        condition=models.Q(("reference", ""), _negated=True),
                        fields=["reference"],
                        name="receivables_payment_ref",
                    ),
                    models.Index(
                        condition=models.Q(("state", "SUSPENDED")),
                        fields=["payment_id"],
                        name="receivables_payment_waiting",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("paid_fen", 0), _negated=True), name="receivables_payment_not_zero"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Posting",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "entry_id", "line_no", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("entry_id", models.BigIntegerField()),
                ("line_no", models.SmallIntegerField()),
                ("chart_no", models.IntegerField()),
                ("amount_fen", models.BigIntegerField()),
                ("business_on", models.DateField()),
                ("account_id", models.BigIntegerField(null=True)),
                ("subscriber_id", models.BigIntegerField(null=True)),
                ("item_id", models.SmallIntegerField(null=True)),
                ("bill_id", models.BigIntegerField(null=True)),
                ("bucket_id", models.BigIntegerField(null=True)),
            ],
            options={
                "db_table": "receivables_posting",
                "indexes": [
                    models.Index(fields=["account_id", "entry_id"], name="receivables_posting_account"),
                    django.contrib.postgres.indexes.BrinIndex(
                        fields=["business_on"], name="receivables_posting_day", pages_per_range=16
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount_fen", 0), _negated=True), name="receivables_posting_not_zero"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Till",
            fields=[
                ("till_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("staff_id", models.BigIntegerField()),
                ("place", models.CharField(max_length=32)),
                ("opened_at", models.DateTimeField()),
                ("opening_fen", models.BigIntegerField()),
                ("closed_at", models.DateTimeField(null=True)),
                ("expected_fen", models.BigIntegerField(null=True)),
                ("counted_fen", models.BigIntegerField(null=True)),
                ("difference_reason", models.CharField(default="", max_length=200)),
            ],
            options={
                "db_table": "receivables_till",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=("staff_id", "place"),
                        name="receivables_till_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", True), ("counted_fen__isnull", True)),
                            models.Q(
                                ("closed_at__isnull", False),
                                ("counted_fen__isnull", False),
                                ("expected_fen__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="receivables_till_counted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("closed_at__isnull", True),
                            ("counted_fen", models.F("expected_fen")),
                            models.Q(("difference_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="receivables_till_explained",
                    ),
                ],
            },
        ),
    ]
