"""An audit entry and its seal can be written once and read for ever: the database refuses anything else (D21.7)."""

from django.db import migrations

REFUSE = """
CREATE FUNCTION system_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""
GUARD = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
  FOR EACH ROW EXECUTE FUNCTION system_refuse_change();
CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table}
  FOR EACH STATEMENT EXECUTE FUNCTION system_refuse_change();
"""
TABLES = ("system_auditentry", "system_auditseal")


class Migration(migrations.Migration):
    dependencies = [("system", "0001_initial")]
    operations = [
        migrations.RunSQL(REFUSE, "DROP FUNCTION system_refuse_change() CASCADE"),
        *(migrations.RunSQL(GUARD.format(table=table), migrations.RunSQL.noop) for table in TABLES),
    ]
