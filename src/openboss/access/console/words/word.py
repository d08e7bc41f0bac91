"""What a code is called on a screen."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise


@dataclass(frozen=True)
class Word:
    """What a code is called, and good, warn, bad, info, violet or nothing for how it looks."""

    text: str | Promise
    tone: str = ""
