"""Payment files of banks' counters and collectors, numbered without gaps."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("receivables", "0008_remote_purpose"),
    ]

    operations = [
        migrations.CreateModel(
            name="CollectorFile",
            fields=[
                ("file_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("collector", models.CharField(max_length=16)),
                ("sequence", models.IntegerField()),
                ("business_on", models.DateField()),
                ("payments", models.IntegerField()),
                ("paid_fen", models.BigIntegerField()),
                ("digest", models.CharField(max_length=64)),
                ("admitted_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "receivables_collectorfile",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("collector", "sequence"), name="receivables_collectorfile_sequence"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)),
                        fields=("collector",),
                        name="receivables_collectorfile_one_open",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="collectoritem",
            name="sequence",
            field=models.IntegerField(null=True),
        ),
    ]
