from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("charging", "0012_gateway_sessions")]

    operations = [
        migrations.CreateModel(
            name="VisitorUse",
            fields=[
                ("visitor_use_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.BigIntegerField()),
                ("home_area", models.IntegerField()),
                ("used_on", models.DateField()),
                ("calls_s", models.BigIntegerField()),
                ("data_kb", models.BigIntegerField()),
                ("messages", models.IntegerField()),
                ("from_at", models.DateTimeField()),
                ("to_at", models.DateTimeField()),
                ("told_fen", models.BigIntegerField(default=0)),
                ("told_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "charging_visitoruse",
                "indexes": [models.Index(fields=["used_on"], name="charging_visitoruse_on")],
                "constraints": [models.UniqueConstraint(fields=("number", "used_on"), name="charging_visitoruse_day")],
            },
        ),
        migrations.CreateModel(
            name="RoamerReport",
            fields=[
                ("roamer_report_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("province", models.CharField(max_length=8)),
                ("trans_id", models.CharField(max_length=40)),
                ("subscriber_id", models.BigIntegerField()),
                ("used_fen", models.BigIntegerField()),
                ("from_at", models.DateTimeField()),
                ("to_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
            ],
            options={
                "db_table": "charging_roamerreport",
                "indexes": [models.Index(fields=["subscriber_id", "-received_at"], name="charging_roamerreport_of")],
                "constraints": [
                    models.UniqueConstraint(fields=("province", "trans_id"), name="charging_roamerreport_once")
                ],
            },
        ),
    ]
