from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("resources", "0001_initial")]
    operations = [
        migrations.AddIndex(
            model_name="numberresource",
            index=models.Index(
                condition=models.Q(("state", "IDLE")), fields=["org", "number"], name="resources_number_next"
            ),
        ),
    ]
