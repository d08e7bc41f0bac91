"""The life of offers and the approval and filing of their versions (D13.2, BMT-05).

What is there already was filed before and is on sale.
"""

from django.db import migrations, models

FILED_BEFORE = "BEFORE"


def file_what_is_there(apps, schema_editor):
    versions = apps.get_model("catalog", "OfferVersion")
    versions.objects.update(filing_no=FILED_BEFORE)
    versions.objects.filter(state="DRAFT").update(state="APPROVED")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]

    operations = [
        migrations.AddField(
            "offer",
            "life",
            models.CharField(
                choices=[
                    ("DRAFT", "Draft"),
                    ("TEST", "Test"),
                    ("FILED", "Filed"),
                    ("ON_SALE", "On Sale"),
                    ("OFF_SALE", "Off Sale"),
                    ("RETIRED", "Retired"),
                ],
                default="ON_SALE",
                max_length=16,
            ),
        ),
        migrations.AlterField(
            "offerversion",
            "state",
            models.CharField(
                choices=[
                    ("DRAFT", "Draft"),
                    ("SUBMITTED", "Submitted"),
                    ("APPROVED", "Approved"),
                    ("PUBLISHED", "Published"),
                ],
                default="DRAFT",
                max_length=16,
            ),
        ),
        migrations.AddField("offerversion", "written_by", models.BigIntegerField(null=True)),
        migrations.AddField("offerversion", "approved_by", models.BigIntegerField(null=True)),
        migrations.AddField("offerversion", "approved_at", models.DateTimeField(null=True)),
        migrations.AddField("offerversion", "filing_no", models.CharField(default="", max_length=64)),
        migrations.AddField("offerversion", "publish_on", models.DateField(null=True)),
        migrations.RunPython(file_what_is_there, migrations.RunPython.noop),
        migrations.AddConstraint(
            "offerversion",
            models.CheckConstraint(
                condition=models.Q(
                    ("written_by", None),
                    models.Q(("approved_by", models.F("written_by")), _negated=True),
                    _connector="OR",
                ),
                name="catalog_offerversion_four_eyes",
            ),
        ),
        migrations.AddConstraint(
            "offerversion",
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "PUBLISHED"), _negated=True),
                    models.Q(("filing_no", ""), _negated=True),
                    _connector="OR",
                ),
                name="catalog_offerversion_filed",
            ),
        ),
    ]
