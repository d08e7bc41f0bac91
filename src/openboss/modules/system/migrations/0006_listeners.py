from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("system", "0005_own_account"),
    ]

    operations = [
        migrations.CreateModel(
            name="Listener",
            fields=[
                ("listener_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("client_id", models.CharField(max_length=100)),
                ("kind", models.CharField(max_length=32)),
                ("callback", models.CharField(max_length=500)),
                ("events", models.JSONField()),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "system_listener",
                "constraints": [
                    models.UniqueConstraint(fields=("client_id", "kind", "callback"), name="system_listener_once")
                ],
            },
        ),
    ]
