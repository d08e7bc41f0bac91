from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_replaced_documents")]

    operations = [
        migrations.AlterField(
            model_name="tariffrule",
            name="kind",
            field=models.CharField(
                choices=[
                    ("PRICE", "Price"),
                    ("FREE", "Free"),
                    ("RECURRING", "Recurring"),
                    ("ONE_TIME", "One Time"),
                    ("DISCOUNT", "Discount"),
                    ("CAP", "Cap"),
                ],
                max_length=16,
            ),
        ),
    ]
