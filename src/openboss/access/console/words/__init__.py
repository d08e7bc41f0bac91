"""The words for every code the console shows and the tone that goes with it, in both languages through gettext."""

from __future__ import annotations

from enum import Enum

from django.utils.functional import Promise

from openboss.access.console.words import (
    assurance,
    hall,
    money,
    reratings,
    resources,
    runs,
    staff,
    system_map,
    tariffs,
    usage,
    work,
)
from openboss.access.console.words.word import Word
from openboss.kernel.usage import LdType, OtherNet, RecordType, RoamType, Status

__all__ = ["WORDS", "Word", "choices", "word"]

WORDS: dict[str, dict[str, Word]] = {
    **usage.WORDS,
    **work.WORDS,
    **tariffs.WORDS,
    **runs.WORDS,
    **reratings.WORDS,
    **money.WORDS,
    **assurance.WORDS,
    **hall.WORDS,
    **resources.WORDS,
    **staff.WORDS,
    **system_map.WORDS,
}

_ENUMS: dict[str, type[Enum]] = {
    "record_type": RecordType,
    "roam_type": RoamType,
    "ld_type": LdType,
    "other_net": OtherNet,
    "usage_status": Status,
}


def word(vocabulary: str, code: object) -> Word:
    """The word for a code; a code nobody named yet is shown as it is, never hidden."""
    if isinstance(code, Enum):
        code = code.name
    elif isinstance(code, int) and vocabulary in _ENUMS:
        code = _ENUMS[vocabulary](code).name
    return WORDS[vocabulary].get(str(code), Word(str(code or "")))


def choices(vocabulary: str) -> tuple[tuple[str, str | Promise], ...]:
    """A vocabulary as the choices of a filter."""
    return tuple((code, entry.text) for code, entry in WORDS[vocabulary].items())
