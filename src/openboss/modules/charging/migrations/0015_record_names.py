from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("charging", "0014_black_list")]

    operations = [
        migrations.AddField(
            model_name="accesssession",
            name="record_name",
            field=models.CharField(default="", max_length=253),
        ),
    ]
