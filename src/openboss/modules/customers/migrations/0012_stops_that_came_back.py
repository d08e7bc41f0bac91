"""Stops that came back after an emergency opening go on from when they first began (D9.3, D9.5)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0011_star_ratings"),
    ]

    operations = [
        migrations.AddField(
            model_name="stopperiod",
            name="since_at",
            field=models.DateTimeField(null=True),
        ),
    ]
