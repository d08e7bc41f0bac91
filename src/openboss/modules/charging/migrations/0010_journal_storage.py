from django.db import migrations

APART = "ALTER TABLE charging_enginejournal ALTER COLUMN images SET STORAGE EXTERNAL;"
PACKED = "ALTER TABLE charging_enginejournal ALTER COLUMN images SET STORAGE EXTENDED;"


class Migration(migrations.Migration):
    """Images are packed already: the server's own compression took ten times as long as all the rest of a commit."""

    dependencies = [("charging", "0009_peers")]

    operations = [migrations.RunSQL(APART, PACKED)]
