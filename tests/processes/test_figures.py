"""Statistics periods are made of whole months."""

from openboss.processes.figures import cycles_of


def test_a_quarter_is_the_three_months_around_a_month() -> None:
    assert cycles_of("QUARTER", 202612) == (202610, 202611, 202612)
    assert cycles_of("QUARTER", 202601) == (202601, 202602, 202603)
    assert cycles_of("MONTH", 202602) == (202602,)
