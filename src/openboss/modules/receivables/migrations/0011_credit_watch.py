"""Accounts whose credit limit the engine watches."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("receivables", "0010_hub_payments"),
    ]

    operations = [
        migrations.CreateModel(
            name="CreditWatch",
            fields=[
                ("account_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("since_at", models.DateTimeField()),
            ],
            options={"db_table": "receivables_creditwatch"},
        ),
    ]
