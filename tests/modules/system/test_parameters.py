"""Rule values: the most specific scope valid on the day counts (D0.2)."""

from datetime import UTC, date, datetime

import pytest

from openboss.modules.system.atomic import (
    OverrideForbidden,
    ParameterMissing,
    SerialNumberUsed,
    parameter_at,
    put_parameter,
    take_serial_no,
)

pytestmark = pytest.mark.django_db

AT = datetime(2026, 1, 1, tzinfo=UTC)


def _put(key: str, value: object, from_on: date, scope: str = "GROUP", code: str = "", override: bool = True) -> bool:
    return put_parameter(
        key=key, value=value, from_on=from_on, at=AT, scope=scope, scope_code=code, override_allowed=override
    )


def test_the_most_specific_scope_wins() -> None:
    _put("quarantine_days", 90, date(2020, 1, 1))
    _put("quarantine_days", 60, date(2020, 1, 1), "CITY", "17.027")
    assert parameter_at(key="quarantine_days", on=date(2026, 1, 1)) == 90
    assert parameter_at(key="quarantine_days", on=date(2026, 1, 1), scopes={"CITY": "17.027"}) == 60
    assert parameter_at(key="quarantine_days", on=date(2026, 1, 1), scopes={"CITY": "17.710"}) == 90


def test_the_value_of_the_day_of_the_event_counts() -> None:
    _put("data_price_yuan", "0.01", date(2003, 1, 1))
    _put("data_price_yuan", "0.29", date(2014, 1, 1))
    assert parameter_at(key="data_price_yuan", on=date(2013, 12, 31)) == "0.01"
    assert parameter_at(key="data_price_yuan", on=date(2014, 1, 1)) == "0.29"


def test_a_parameter_without_a_value_on_the_day_is_refused() -> None:
    _put("data_price_yuan", "0.01", date(2003, 1, 1))
    with pytest.raises(ParameterMissing):
        parameter_at(key="data_price_yuan", on=date(2002, 12, 31))


@pytest.mark.requirement("ARC-07")
def test_a_province_refines_only_what_the_group_leaves_open() -> None:
    _put("late_fee_per_mille", 3, date(2020, 1, 1), override=False)
    _put("one_way_stop_day", 10, date(2020, 1, 1), override=True)
    with pytest.raises(OverrideForbidden):
        _put("late_fee_per_mille", 5, date(2026, 1, 1), "PROVINCE", "17")
    assert _put("one_way_stop_day", 5, date(2026, 1, 1), "PROVINCE", "17")
    province = {"PROVINCE": "17"}
    assert parameter_at(key="late_fee_per_mille", on=date(2026, 2, 1), scopes=province) == 3
    assert parameter_at(key="one_way_stop_day", on=date(2026, 2, 1), scopes=province) == 5
    assert parameter_at(key="one_way_stop_day", on=date(2026, 2, 1), scopes={"PROVINCE": "09"}) == 10


def test_the_same_value_again_changes_nothing() -> None:
    assert _put("quarantine_days", 90, date(2020, 1, 1))
    assert not _put("quarantine_days", 90, date(2020, 1, 1))


def test_a_serial_number_is_used_once() -> None:
    take_serial_no(serial_no="P-1", purpose="payment", at=AT)
    with pytest.raises(SerialNumberUsed):
        take_serial_no(serial_no="P-1", purpose="payment", at=AT)
