import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0004_listed_numbers_and_certificates")]

    operations = [
        migrations.CreateModel(
            name="AccessLine",
            fields=[
                (
                    "subscriber",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="access_line",
                        serialize=False,
                        to="customers.subscriber",
                    ),
                ),
                ("password_sealed", models.BinaryField()),
                ("down_kbps", models.PositiveIntegerField(default=0)),
                ("up_kbps", models.PositiveIntegerField(default=0)),
                ("set_at", models.DateTimeField()),
            ],
            options={"db_table": "customers_accessline"},
        ),
    ]
