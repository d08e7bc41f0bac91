from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("charging", "0015_record_names")]

    operations = [
        migrations.AddField(
            model_name="accesssession",
            name="went_on_s",
            field=models.BigIntegerField(default=0),
        ),
    ]
