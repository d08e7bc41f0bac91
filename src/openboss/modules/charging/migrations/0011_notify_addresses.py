from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("charging", "0010_journal_storage")]

    operations = [
        migrations.CreateModel(
            name="NotifyAddress",
            fields=[
                ("session_key", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("uri", models.CharField(max_length=1010)),
                ("said_at", models.DateTimeField()),
            ],
            options={
                "db_table": "charging_notifyaddress",
                "indexes": [models.Index(fields=["said_at"], name="charging_notifyaddress_said")],
            },
        ),
    ]
