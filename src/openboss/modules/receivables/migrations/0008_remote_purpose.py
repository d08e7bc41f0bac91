"""Money collected for another province is a payment of its own purpose."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("receivables", "0007_wallets"),
    ]

    operations = [
        migrations.AlterField(
            model_name="payment",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("BILL", "Bill"),
                    ("DEPOSIT", "Deposit"),
                    ("FEE", "Fee"),
                    ("REFUND", "Refund"),
                    ("REVERSAL", "Reversal"),
                    ("RECOVERY", "Recovery"),
                    ("AGENT", "Agent"),
                    ("REMOTE", "Remote"),
                ],
                max_length=16,
            ),
        ),
    ]
