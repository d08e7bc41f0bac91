"""What the screens say about figures and causes, in both languages."""

from __future__ import annotations

import pytest
from django.utils import translation

from openboss.access.console.causes import cause_text
from openboss.access.console.views.customer_figures import meter
from openboss.kernel.usage import Unit
from openboss.modules.charging.functions.live import LiveFree

DATA = {"zh": "国内流量", "en": "Domestic data"}


def test_what_was_carried_over_is_counted_once() -> None:
    bar = meter(LiveFree(1, DATA, int(Unit.KB), granted=30_720 + 4_720, used=35_440, carried=4_720))
    assert (bar["whole"], bar["left"], bar["used_pct"], bar["level"]) == ("34.6 MB", "0 KB", 100, "full")


@pytest.mark.parametrize(
    ("noted", "zh"),
    [
        ("file 71 is missing", "序号 71 的文件未到"),
        ("the same content was taken as file 31", "相同内容已采集，见文件 31"),
        ("the last line is not a trailer: the file was cut off", "文件不完整：没有文件尾"),
        ("not UTF-8 text: invalid start byte; sent again as file 9", "不是 UTF-8 文本; 已重新送来，见文件 9"),
        ("a cause nobody put into words", "a cause nobody put into words"),
    ],
)
def test_causes_of_collection_are_said_in_chinese(noted: str, zh: str) -> None:
    with translation.override("zh-hans"):
        assert cause_text(noted) == zh
