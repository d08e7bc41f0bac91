"""What happened to work, and a version that was published, stay as they are: the database refuses anything else."""

from django.db import migrations

GUARDS = """
CREATE TRIGGER workflow_happening_append_only BEFORE UPDATE OR DELETE ON workflow_happening
  FOR EACH ROW EXECUTE FUNCTION system_refuse_change();
CREATE TRIGGER workflow_happening_not_emptied BEFORE TRUNCATE ON workflow_happening
  FOR EACH STATEMENT EXECUTE FUNCTION system_refuse_change();
CREATE TRIGGER workflow_definition_published BEFORE UPDATE OR DELETE ON workflow_definition
  FOR EACH ROW WHEN (OLD.state = 'PUBLISHED') EXECUTE FUNCTION system_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("workflow", "0001_initial"), ("system", "0002_audit_is_append_only")]
    operations = [migrations.RunSQL(GUARDS, migrations.RunSQL.noop)]
