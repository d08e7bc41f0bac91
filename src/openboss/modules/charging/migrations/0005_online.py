from django.db import migrations, models

PARTITIONED = """
ALTER TABLE charging_enginejournal RENAME TO charging_enginejournal_before;
ALTER TABLE charging_enginejournal_before RENAME CONSTRAINT charging_enginejournal_pkey
    TO charging_enginejournal_before_pkey;
CREATE TABLE charging_enginejournal (
    stream smallint NOT NULL, position bigint NOT NULL, timeline integer NOT NULL, kind varchar(12) NOT NULL,
    payload jsonb, images bytea, requests integer NOT NULL, sha256 varchar(64) NOT NULL,
    PRIMARY KEY (stream, position),
    CONSTRAINT charging_enginejournal_content CHECK ((payload IS NULL) <> (images IS NULL))
) PARTITION BY RANGE (position);
CREATE FUNCTION charging_make_journal_room(at_position bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    size constant bigint := 200000;
    part bigint;
BEGIN
    FOR part IN SELECT at_position / size + ahead FROM generate_series(0, 1) ahead LOOP
        IF to_regclass('charging_enginejournal_' || part) IS NULL THEN
            EXECUTE format('CREATE TABLE charging_enginejournal_%s PARTITION OF charging_enginejournal '
                           'FOR VALUES FROM (%s) TO (%s)', part, part * size, (part + 1) * size);
        END IF;
    END LOOP;
END $$;
SELECT charging_make_journal_room(position)
    FROM (SELECT DISTINCT position / 200000 * 200000 AS position FROM charging_enginejournal_before) AS parts;
SELECT charging_make_journal_room(0);
INSERT INTO charging_enginejournal SELECT stream, position, timeline, kind, payload, NULL, 0, sha256
    FROM charging_enginejournal_before;
DROP TABLE charging_enginejournal_before;
CREATE TRIGGER charging_enginejournal_append_only BEFORE UPDATE OR DELETE ON charging_enginejournal
    FOR EACH ROW EXECUTE FUNCTION charging_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("charging", "0004_rounds_and_alarms")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(PARTITIONED)],
            state_operations=[
                migrations.RemoveConstraint("EngineJournal", "charging_enginejournal_once"),
                migrations.RemoveConstraint("EngineJournal", "charging_enginejournal_kind"),
                migrations.RemoveField("EngineJournal", "journal_id"),
                migrations.AddField(
                    "EngineJournal",
                    "pk",
                    models.CompositePrimaryKey(
                        "stream", "position", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                migrations.AlterField("EngineJournal", "payload", models.JSONField(null=True)),
                migrations.AddField("EngineJournal", "images", models.BinaryField(null=True)),
                migrations.AddField("EngineJournal", "requests", models.IntegerField(default=0)),
            ],
        ),
        migrations.AddField("EngineCommand", "serial_no", models.CharField(max_length=64, null=True, unique=True)),
    ]
