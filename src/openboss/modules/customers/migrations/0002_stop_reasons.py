"""The reasons for which service can be stopped, with the level of each (D2.2)."""

from django.db import migrations

REASONS = [
    (1, "REQ_HOLD", "TWO_WAY", "停机保号", "Number kept on request"),
    (2, "LOST", "TWO_WAY", "挂失", "Reported lost"),
    (3, "ARREARS_1", "ONE_WAY", "欠费半停", "Arrears, outgoing barred"),
    (4, "ARREARS_2", "TWO_WAY", "欠费停机", "Arrears, all barred"),
    (5, "HIGH_USE_1", "ONE_WAY", "高额半停", "High use, outgoing barred"),
    (6, "HIGH_USE_2", "TWO_WAY", "高额停机", "High use, all barred"),
    (7, "OPERATOR", "TWO_WAY", "局方停机", "Stopped by the operator"),
    (8, "REALNAME_1", "ONE_WAY", "实名半停", "Identity not registered, outgoing barred"),
    (9, "REALNAME_2", "TWO_WAY", "实名停机", "Identity not registered, all barred"),
    (10, "VALIDITY", "TWO_WAY", "有效期停机", "Validity ended"),
    (11, "FRAUD", "TWO_WAY", "涉诈停机", "Suspected fraud"),
    (12, "PRETERM", "TWO_WAY", "待销停机", "Waiting for cancellation"),
]


def fill(apps, schema_editor):
    """Write the twelve reasons."""
    reason = apps.get_model("customers", "StopReason")
    reason.objects.bulk_create(
        reason(stop_reason_id=key, code=code, level=level, name_zh=name_zh, name_en=name_en)
        for key, code, level, name_zh, name_en in REASONS
    )


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
