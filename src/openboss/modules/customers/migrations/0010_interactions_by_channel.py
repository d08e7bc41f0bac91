from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0009_find_by_initials")]

    operations = [
        migrations.AddIndex(
            model_name="interaction",
            index=models.Index(fields=["channel", "at"], name="customers_interaction_channel"),
        ),
    ]
