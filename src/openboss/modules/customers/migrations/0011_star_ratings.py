"""Ratings of users by stars (D9.3)."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0010_interactions_by_channel"),
    ]

    operations = [
        migrations.CreateModel(
            name="StarRating",
            fields=[
                ("star_rating_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("rated_on", models.DateField()),
                ("valid_until_on", models.DateField()),
                ("star", models.SmallIntegerField()),
                ("score", models.IntegerField()),
                ("tenure_months", models.SmallIntegerField()),
                ("tenure_points", models.SmallIntegerField()),
                ("spend_fen", models.BigIntegerField()),
                ("spend_points", models.SmallIntegerField()),
                ("contract_points", models.SmallIntegerField()),
                ("real_name_points", models.SmallIntegerField()),
                ("stops", models.SmallIntegerField()),
                ("stop_points", models.SmallIntegerField()),
                (
                    "subscriber",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="star_ratings",
                        to="customers.subscriber",
                    ),
                ),
            ],
            options={
                "db_table": "customers_starrating",
                "constraints": [
                    models.UniqueConstraint(fields=["subscriber", "rated_on"], name="customers_starrating_once_a_day"),
                    models.CheckConstraint(
                        condition=Q(
                            score=F("tenure_points")
                            + F("spend_points")
                            + F("contract_points")
                            + F("real_name_points")
                            + F("stop_points")
                        ),
                        name="customers_starrating_sum",
                    ),
                    models.CheckConstraint(
                        condition=Q(valid_until_on__gt=F("rated_on")), name="customers_starrating_term"
                    ),
                ],
            },
        ),
    ]
