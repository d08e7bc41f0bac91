from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("charging", "0007_access_sessions")]

    operations = [
        migrations.AddIndex(
            model_name="enginecommand",
            index=models.Index(
                condition=models.Q(("kind", "TOP_UPS")), fields=["position"], name="charging_enginecommand_money"
            ),
        )
    ]
