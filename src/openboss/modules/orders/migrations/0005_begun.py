from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0004_hub_orders")]
    operations = [
        migrations.AddIndex(
            model_name="productorder",
            index=models.Index(
                condition=models.Q(("state", "ACKNOWLEDGED")), fields=["created_at"], name="orders_begun"
            ),
        ),
    ]
