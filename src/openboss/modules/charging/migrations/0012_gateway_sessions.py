from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("charging", "0011_notify_addresses")]

    operations = [
        migrations.CreateModel(
            name="GatewaySession",
            fields=[
                ("session_key", models.UUIDField(primary_key=True, serialize=False)),
                ("session_id", models.BinaryField()),
                ("host", models.CharField(max_length=255)),
                ("realm", models.CharField(max_length=255)),
                ("via", models.CharField(max_length=255)),
                ("state_id", models.BigIntegerField()),
                ("said_at", models.DateTimeField()),
            ],
            options={
                "db_table": "charging_gatewaysession",
                "indexes": [
                    models.Index(fields=["host", "state_id"], name="charging_gatewaysession_host"),
                    models.Index(fields=["said_at"], name="charging_gatewaysession_said"),
                ],
            },
        ),
    ]
