"""Statements of a few rows: lists arrive at the server as they were, whatever is in them."""

import gc
from datetime import UTC, date, datetime

import polars as pl
import pytest
from django.db import transaction

from openboss.modules.system.atomic.organisation import org_nodes
from openboss.modules.system.copying import copy_in
from openboss.modules.system.garbage import collector_paused
from openboss.modules.system.models import OrgNode
from openboss.modules.system.statements import ask, kept_until_written, run


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bigint", [1, 2**40, None]),
        ("boolean", [True, None, False]),
        ("date", [date(2026, 11, 22)]),
        ("timestamptz", [datetime(2026, 11, 22, 10, 30, 0, 125, tzinfo=UTC)]),
        ("text", ["plain", "", "NULL", "a,b", "{braces}", "two words", "中文"]),
        ("text", ['a quoted "word"', "back\\slash", '","', "'"]),
        ("text", ['"', '"']),
        ("text", [None, "x"]),
        ("text", []),
    ],
)
def test_a_list_arrives_as_it_was(kind: str, values: list[object]) -> None:
    assert [row[0] for row in ask(f"SELECT one FROM unnest(%s::{kind}[]) AS one", [values])] == values


def test_the_search_for_garbage_goes_on_after_the_work_and_after_its_failure() -> None:
    def fail() -> None:
        with collector_paused():
            assert not gc.isenabled()
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert gc.isenabled()


@pytest.mark.django_db
def test_what_is_kept_in_a_transaction_follows_whatever_that_transaction_writes() -> None:
    OrgNode.objects.create(code="TOP", kind="PROVINCE", name_zh="省", name_en="Province")
    node = {"code": ["C"], "kind": ["CITY"], "name_zh": ["市"], "name_en": ["City"], "parent_id": ["TOP"]}

    def names() -> dict[str, str]:
        return {one.code: one.name_en for one in org_nodes()}

    assert names() == {"TOP": "Province"}
    OrgNode.objects.filter(code="TOP").update(name_en="By Django")
    assert names() == {"TOP": "By Django"}
    run("UPDATE system_orgnode SET name_en = %s::text", ["By a statement"])
    assert names() == {"TOP": "By a statement"}
    copy_in("system_orgnode", pl.DataFrame(node))
    assert names() == {"TOP": "By a statement", "C": "City"}
    with pytest.raises(LookupError), transaction.atomic():
        OrgNode.objects.filter(code="C").delete()
        assert names() == {"TOP": "By a statement"}
        raise LookupError
    assert names() == {"TOP": "By a statement", "C": "City"}


@pytest.mark.django_db
def test_a_transaction_looks_once_whether_what_is_kept_was_written() -> None:
    said: list[str] = []
    asked = kept_until_written("system_orgnode")(lambda: said.append("read") or tuple(said))
    OrgNode.objects.create(code="TOP", kind="PROVINCE", name_zh="省", name_en="Province")
    looked = (
        "SELECT calls FROM pg_stat_xact_user_tables, LATERAL (SELECT seq_scan AS calls) AS scans WHERE relname = %s"
    )
    asked()
    before = ask(looked, ["system_orgnode"])
    assert [asked() for _ in range(3)] == [("read",)] * 3
    assert ask(looked, ["system_orgnode"]) == before
