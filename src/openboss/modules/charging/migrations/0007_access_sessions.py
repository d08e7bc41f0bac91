from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("charging", "0006_re_rating")]

    operations = [
        migrations.CreateModel(
            name="AccessSession",
            fields=[
                ("session_key", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("nas", models.CharField(max_length=64)),
                ("login", models.CharField(max_length=253)),
                ("subscriber_id", models.BigIntegerField(null=True)),
                ("served", models.BigIntegerField()),
                ("record_type", models.SmallIntegerField()),
                ("acct_session_id", models.CharField(default="", max_length=253)),
                ("framed_ip", models.CharField(default="", max_length=45)),
                ("started_at", models.DateTimeField()),
                ("reported_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("report_no", models.BigIntegerField(default=0)),
                ("report_kind", models.SmallIntegerField(default=1)),
                ("before_s", models.BigIntegerField(default=0)),
                ("before_up", models.BigIntegerField(default=0)),
                ("before_down", models.BigIntegerField(default=0)),
                ("total_s", models.BigIntegerField(default=0)),
                ("total_up", models.BigIntegerField(default=0)),
                ("total_down", models.BigIntegerField(default=0)),
                ("authorised_s", models.BigIntegerField(default=0)),
            ],
            options={
                "db_table": "charging_accesssession",
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at", None)), fields=["nas"], name="charging_accesssession_nas"
                    ),
                    models.Index(
                        condition=models.Q(("ended_at", None)),
                        fields=["subscriber_id"],
                        name="charging_accesssession_user",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("total_s__gte", models.F("before_s")),
                            ("total_up__gte", models.F("before_up")),
                            ("total_down__gte", models.F("before_down")),
                        ),
                        name="charging_accesssession_grows",
                    )
                ],
            },
        ),
    ]
