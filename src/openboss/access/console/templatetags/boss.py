"""What the console's templates can say: formats, icons, assets and labels."""

from __future__ import annotations

import hashlib
import json
from functools import cache

from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from openboss.access.console import formats, words
from openboss.access.console.causes import cause_text
from openboss.config.options import options

register = template.Library()

for _name, _write in {
    "fen": formats.yuan_of_fen,
    "signed_fen": formats.signed_yuan_of_fen,
    "li": formats.yuan_of_li,
    "count": formats.count,
    "phone": formats.phone,
    "masked_phone": formats.masked_phone,
    "duration": formats.duration,
    "percent": formats.percent,
    "kb": formats.volume,
    "size": formats.bytes_size,
    "cycle": formats.cycle_name,
    "moment": formats.moment,
    "day": formats.day,
    "named": formats.named,
    "in_unit": formats.amount_of_unit,
    "cause": cause_text,
}.items():
    register.filter(_name, _write)


@cache
def _fingerprint(path: str) -> str:
    """The start of an asset's hash: a changed file gets a new address, so browsers may keep the old one."""
    found = finders.find(path)
    if found is None:
        raise FileNotFoundError(f"no static file {path}")
    with open(found, "rb") as asset:
        return hashlib.sha256(asset.read()).hexdigest()[:10]


@register.simple_tag
def asset(name: str) -> str:
    """The address of one of the console's files, changing with its content."""
    path = f"console/{name}"
    return f"{static(path)}?v={_fingerprint(path)}"


@register.simple_tag
def icon(name: str) -> SafeString:
    """One icon of the sprite; decoration only, the words beside it carry the meaning."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        asset("vendor/icons.svg"),
        name,
    )


@register.simple_tag
def pill(vocabulary: str, code: object) -> SafeString:
    """A code of the trade in words, with its colour and, for states, a dot."""
    word = words.word(vocabulary, code)
    return format_html('<span class="pill dot {}">{}</span>', word.tone, word.text)


@register.simple_tag
def trials_are_open() -> bool:
    """Whether there is a test tenant, whose users may be played with."""
    return bool(options().test_numbers)


@register.filter
def minus_fen(amount_fen: int) -> str:
    """An amount with its sign turned, for the credit side."""
    return formats.yuan_of_fen(-amount_fen)


@register.filter
def plain_fen(amount_fen: int) -> str:
    """An amount as somebody would type it: no thousands."""
    return formats.yuan_of_fen(amount_fen).replace(",", "")


@register.filter
def pretty(message: object) -> str:
    """A message as its protocol has it, for reading."""
    return json.dumps(message, indent=1, ensure_ascii=False)


@register.filter
def us_ms(microseconds: int) -> str:
    """A time of microseconds in milliseconds, to one digit that says something."""
    return f"{microseconds / 1000:.1f}" if microseconds >= 100 else f"{microseconds / 1000:.2f}"


@register.filter
def word(code: object, vocabulary: str) -> str:
    """A code of the trade in words."""
    return str(words.word(vocabulary, code).text)


@register.filter
def item(mapping: dict, key: object) -> object:
    """The value a mapping holds under a key, for keys that are variables."""
    return mapping.get(key)
