"""The audit trail: append-only, chained, verifiable."""

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from openboss.modules.system import functions as system
from openboss.modules.system.atomic import AuditCheck

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def _write(count: int) -> list[int]:
    return [
        system.record_audit(
            staff_id=7, action="customers.reveal", object_kind="customer", object_id=n, at=AT, reason="投诉 123"
        )
        for n in range(count)
    ]


@pytest.mark.requirement("AAA-21")
def test_an_entry_keeps_who_what_when_and_why() -> None:
    _write(1)
    (row,), total = system.list_audit(object_kind="customer", object_id="0")
    assert (row.staff_id, row.action, row.at, row.reason, total) == (7, "customers.reveal", AT, "投诉 123", 1)
    system.seal_audit()
    (sealed,), _ = system.list_audit(staff_id=7)
    assert (sealed.action, sealed.object_id, sealed.is_sealed) == ("customers.reveal", "0", True)
    assert system.verify_audit() == AuditCheck(sealed=1, unsealed=0, broken_at=None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE system_auditentry SET reason = ''",
        "DELETE FROM system_auditentry",
        "TRUNCATE system_auditentry CASCADE",
        "UPDATE system_auditseal SET sha256 = ''",
        "DELETE FROM system_auditseal",
    ],
)
@pytest.mark.requirement("AAA-21")
def test_the_database_itself_refuses_to_change_the_trail(statement: str) -> None:
    _write(1)
    system.seal_audit()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    (row,), _ = system.list_audit()
    assert (row.staff_id, row.reason, row.is_sealed) == (7, "投诉 123", True)
    assert system.verify_audit() == AuditCheck(sealed=1, unsealed=0, broken_at=None)


def test_sealing_takes_each_entry_once_and_the_chain_holds() -> None:
    _write(3)
    assert system.seal_audit() == 3
    assert system.seal_audit() == 0
    _write(2)
    assert system.verify_audit() == AuditCheck(sealed=3, unsealed=2, broken_at=None)
    assert system.seal_audit() == 2
    assert system.verify_audit() == AuditCheck(sealed=5, unsealed=0, broken_at=None)


@pytest.mark.requirement("AAA-21")
def test_an_entry_changed_behind_the_trigger_breaks_the_chain_where_it_stands() -> None:
    ids = _write(3)
    system.seal_audit()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE system_auditentry DISABLE TRIGGER USER")
        cursor.execute("UPDATE system_auditentry SET staff_id = 8 WHERE audit_id = %s", [ids[1]])
        cursor.execute("ALTER TABLE system_auditentry ENABLE TRIGGER USER")
    assert system.verify_audit().broken_at == 2


def test_a_lower_id_that_commits_later_is_sealed_later() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('system_auditentry', 'audit_id'))")
        (skipped,) = cursor.fetchone()
    _write(2)
    system.seal_audit()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO system_auditentry (audit_id, at, action, object_kind, object_id, reason)"
            " VALUES (%s, %s, 'late', 'customer', '1', '')",
            [skipped, AT],
        )
    assert system.seal_audit() == 1
    assert system.verify_audit() == AuditCheck(sealed=3, unsealed=0, broken_at=None)
