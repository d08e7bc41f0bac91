"""Columns that lie side by side grow without being copied, so that networks do not wait while they do."""

import numpy as np

from openboss.modules.charging.engine import side_by_side as laid
from openboss.modules.charging.engine.side_by_side import grown, side_by_side


def test_many_members_stay_where_they_are_when_others_are_added():
    columns = side_by_side({"a": np.arange(5_000), "b": np.arange(5_000, dtype=np.int32)})
    larger = grown(columns, 6_000, filled=-1)
    assert len(larger["a"]) == len(larger["b"]) == 7_500
    assert np.shares_memory(larger["a"], columns["a"]) and np.shares_memory(larger["b"], columns["b"])
    assert larger["a"][:5_000].tolist() == columns["a"].tolist() and set(larger["a"][5_000:].tolist()) == {-1}
    assert set(grown(larger, 7_501)["b"][7_500:].tolist()) == {0}


def test_few_members_and_those_beyond_the_reserved_addresses_are_copied_whole(monkeypatch):
    monkeypatch.setattr(laid, "RESERVED", 8_000)
    for have, size in ((10, 20), (7_000, 20_000)):
        columns = side_by_side({"a": np.arange(have), "b": np.full((have, 2), 3, np.int16)})
        larger = grown(columns, size)
        assert not np.shares_memory(larger["a"], columns["a"]) and len(larger["b"]) == size
        assert larger["a"].tolist() == [*range(have), *[0] * (size - have)] and (larger["b"][:have] == 3).all()


def test_what_is_added_to_spare_stays_bounded_however_many_there_are():
    columns = side_by_side({"a": np.zeros(1_000_000, np.int64)})
    assert len(grown(columns, 1_000_001)["a"]) == 1_000_000 + laid.MEMBERS_AT_ONCE
