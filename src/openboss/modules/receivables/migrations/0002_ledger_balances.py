"""The ledger is append-only, every entry balances, and nothing is posted into a closed day: the database sees to it.

The balance is checked for every statement over its new rows, so that a bulk load costs one aggregate and not one
function call a row; the postings of an entry therefore come in one statement.
"""

from django.db import migrations

CHECKS = """
CREATE FUNCTION receivables_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: post an entry that reverses the wrong one', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE FUNCTION receivables_refuse_closed_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(20001, extract(epoch FROM business_on)::int / 86400)
        FROM (SELECT DISTINCT business_on FROM added ORDER BY 1) days;
    IF EXISTS (SELECT 1 FROM (SELECT DISTINCT business_on FROM added) days
               JOIN receivables_businessday USING (business_on) WHERE state = 'CLOSED') THEN
        RAISE EXCEPTION 'the business day is closed' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM added
               WHERE period <> extract(year FROM business_on) * 100 + extract(month FROM business_on)) THEN
        RAISE EXCEPTION 'an entry belongs to the period of its business day' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION receivables_refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM added GROUP BY entry_id HAVING sum(amount_fen) <> 0) THEN
        RAISE EXCEPTION 'debit does not equal credit' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM added LEFT JOIN receivables_entry entry USING (entry_id)
               WHERE entry.business_on IS DISTINCT FROM added.business_on) THEN
        RAISE EXCEPTION 'a posting belongs to an entry and its business day' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM (SELECT DISTINCT chart_no FROM added) used
               LEFT JOIN receivables_chartaccount chart USING (chart_no) WHERE chart.chart_no IS NULL) THEN
        RAISE EXCEPTION 'no such account in the chart of accounts' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER receivables_entry_open_day AFTER INSERT ON receivables_entry
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION receivables_refuse_closed_day();
CREATE TRIGGER receivables_posting_balances AFTER INSERT ON receivables_posting
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION receivables_refuse_unbalanced();

CREATE TRIGGER receivables_payment_final BEFORE UPDATE ON receivables_payment FOR EACH ROW
    WHEN ((OLD.serial_no, OLD.paid_fen, OLD.means, OLD.channel, OLD.business_on, OLD.at, OLD.entry_id)
          IS DISTINCT FROM
          (NEW.serial_no, NEW.paid_fen, NEW.means, NEW.channel, NEW.business_on, NEW.at, NEW.entry_id))
    EXECUTE FUNCTION receivables_refuse_change();
CREATE TRIGGER receivables_payment_kept BEFORE DELETE ON receivables_payment
    FOR EACH ROW EXECUTE FUNCTION receivables_refuse_change();
"""
UNDO = """
DROP FUNCTION receivables_refuse_change() CASCADE;
DROP FUNCTION receivables_refuse_closed_day() CASCADE;
DROP FUNCTION receivables_refuse_unbalanced() CASCADE;
"""
GUARD = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION receivables_refuse_change();
CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION receivables_refuse_change();
"""
APPEND_ONLY = ("receivables_entry", "receivables_posting", "receivables_dayseal")


class Migration(migrations.Migration):
    dependencies = [("receivables", "0001_initial")]
    operations = [
        migrations.RunSQL(CHECKS, UNDO),
        *(migrations.RunSQL(GUARD.format(table=table), migrations.RunSQL.noop) for table in APPEND_ONLY),
    ]
