from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0005_begun")]

    operations = [
        migrations.AlterField("huborder", "staff_id", models.BigIntegerField(null=True)),
    ]
