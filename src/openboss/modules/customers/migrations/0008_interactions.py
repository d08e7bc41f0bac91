import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0007_classes_and_leads")]

    operations = [
        migrations.CreateModel(
            name="Interaction",
            fields=[
                ("interaction_id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="interactions",
                        to="customers.customer",
                    ),
                ),
                ("subscriber_id", models.BigIntegerField(null=True)),
                ("channel", models.CharField(max_length=16)),
                ("direction", models.CharField(max_length=3)),
                ("reason", models.CharField(max_length=16)),
                ("note", models.CharField(max_length=500)),
                ("result", models.CharField(max_length=16)),
                ("at", models.DateTimeField()),
                ("staff_id", models.BigIntegerField(null=True)),
                ("serial_no", models.CharField(max_length=64, unique=True)),
            ],
            options={
                "db_table": "customers_interaction",
                "indexes": [models.Index(fields=["customer", "-at"], name="customers_interaction_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("direction__in", ["IN", "OUT"])), name="customers_interaction_direction"
                    )
                ],
            },
        ),
    ]
