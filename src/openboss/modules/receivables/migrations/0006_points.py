from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("receivables", "0005_desk"),
    ]

    operations = [
        migrations.CreateModel(
            name="PointsBalance",
            fields=[
                ("subscriber_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("points", models.BigIntegerField(default=0)),
            ],
            options={
                "db_table": "receivables_pointsbalance",
            },
        ),
        migrations.CreateModel(
            name="PointsEntry",
            fields=[
                ("points_entry_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("subscriber_id", models.BigIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("EARNED", "Earned"),
                            ("ADJUSTED", "Adjusted"),
                            ("REDEEMED", "Redeemed"),
                            ("EXPIRED", "Expired"),
                            ("ENDED", "Ended"),
                        ],
                        max_length=8,
                    ),
                ),
                ("points", models.BigIntegerField()),
                ("month", models.IntegerField(null=True)),
                ("factor_tenths", models.SmallIntegerField(null=True)),
                ("expires_on", models.DateField(null=True)),
                ("serial_no", models.CharField(max_length=64, unique=True)),
                ("reason", models.CharField(default="", max_length=200)),
                ("staff_id", models.BigIntegerField(null=True)),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "receivables_pointsentry",
                "indexes": [
                    models.Index(fields=["subscriber_id", "points_entry_id"], name="receivables_points_user"),
                    models.Index(
                        condition=models.Q(("kind", "EARNED")), fields=["month"], name="receivables_points_month"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("points", 0), _negated=True), name="receivables_points_not_zero"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "EARNED"), ("month__isnull", False)),
                            models.Q(models.Q(("kind", "EARNED"), _negated=True), ("month__isnull", True)),
                            _connector="OR",
                        ),
                        name="receivables_points_month",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            """
            CREATE TRIGGER receivables_pointsentry_append_only BEFORE UPDATE OR DELETE ON receivables_pointsentry
                FOR EACH ROW EXECUTE FUNCTION receivables_refuse_change();
            """,
            migrations.RunSQL.noop,
        ),
    ]
