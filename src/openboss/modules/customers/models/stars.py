"""Stars of users: every rating with the points it is made of. No logic here."""

from django.db import models

from openboss.modules.customers.models.subscribers import Subscriber


class StarRating(models.Model):
    """A user's rating of a day, valid until a day; points below zero are taken off (D9.3)."""

    star_rating_id = models.BigAutoField(primary_key=True)
    subscriber = models.ForeignKey(Subscriber, models.PROTECT, related_name="star_ratings", db_index=False)
    rated_on = models.DateField()
    valid_until_on = models.DateField()  # the first day it is valid no more
    star = models.SmallIntegerField()
    score = models.IntegerField()
    tenure_months = models.SmallIntegerField()
    tenure_points = models.SmallIntegerField()
    spend_fen = models.BigIntegerField()  # a month on the average
    spend_points = models.SmallIntegerField()
    contract_points = models.SmallIntegerField()
    real_name_points = models.SmallIntegerField()
    stops = models.SmallIntegerField()  # of both ways
    stop_points = models.SmallIntegerField()

    class Meta:
        db_table = "customers_starrating"
        constraints = [
            models.UniqueConstraint(fields=["subscriber", "rated_on"], name="customers_starrating_once_a_day"),
            models.CheckConstraint(
                condition=models.Q(
                    score=models.F("tenure_points")
                    + models.F("spend_points")
                    + models.F("contract_points")
                    + models.F("real_name_points")
                    + models.F("stop_points")
                ),
                name="customers_starrating_sum",
            ),
            models.CheckConstraint(
                condition=models.Q(valid_until_on__gt=models.F("rated_on")), name="customers_starrating_term"
            ),
        ]
