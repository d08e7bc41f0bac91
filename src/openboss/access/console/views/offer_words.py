"""What the rules of a tariff document say in words a customer understands: price cards and pages of offers."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from openboss.access.console import formats, words
from openboss.access.console.views.offer_fields import Field
from openboss.access.console.views.offer_sections import CLASS, WHO

VOCABULARIES = {field.key: field.choices for field in (*CLASS, *WHO.fields) if field.choices} | {
    "component": "component"
}
TITLES = {field.key: field.title for field in (*CLASS, *WHO.fields)}
PARTS = {field.key: field.fields for field in WHO.fields if field.fields}
IN_ONE = {"60 s": "1 MIN", "1024 KB": "1 MB", "1048576 KB": "1 GB", "3600 s": "1 HOUR"}
Sections = list[tuple[str, list[dict[str, Any]]]]


def listed(value: Any) -> list[Any]:
    """Take one for a list of one."""
    return value if isinstance(value, list) else [value]


def items_text(codes: Any, item_names: dict[str, str]) -> str:
    """Bill items by their names."""
    return _(", ").join(item_names.get(code, _("all items") if code == "ALL" else code) for code in listed(codes))


def condition(when: dict[str, Any] | list[dict[str, Any]] | None, item_names: dict[str, str]) -> str:
    """What a price, free resource or discount applies to; nothing said means everything."""
    if isinstance(when, list):
        return _(" or ").join(condition(one, item_names) for one in when)
    return " · ".join(_asked(key, value, item_names) for key, value in (when or {}).items()) or _("everything")


def _asked(key: str, value: Any, item_names: dict[str, str]) -> str:
    if key == "factor":
        return _("counts %s times") % value
    if value is True:
        return str(TITLES[key])
    if isinstance(value, dict):
        parts = [part for part in PARTS[key] if part.key in value]
        said = _(", ").join(f"{part.title} {_part(part, value[part.key], item_names)}" for part in parts)
        return _("%(title)s: %(said)s") % {"title": TITLES[key], "said": said}
    if vocabulary := VOCABULARIES.get(key):
        return _(", ").join(str(words.word(vocabulary, code).text) for code in listed(value))
    return f"{TITLES.get(key, key)} {_code_list(value)}"


def _part(part: Field, value: Any, item_names: dict[str, str]) -> str:
    if part.kind == "items":
        return items_text(value, item_names)
    if part.choices:
        return _(", ").join(str(words.word(part.choices, code).text) for code in listed(value))
    return _code_list(value)


def _code_list(value: Any) -> str:
    return ", ".join(str(one) for one in listed(value))


def measure(text: Any) -> str:
    """A measure such as 60 s as one says it: minute, 6 seconds, MB."""
    count, _space, unit = str(IN_ONE.get(str(text), text)).partition(" ")
    name = str(words.word("price_unit", unit).text) if unit else _("units")
    if count == "1" and unit:
        return name if formats.is_chinese() else name.removesuffix("s")
    return f"{count} {name}".strip()


def price_text(rule: dict[str, Any]) -> str:
    """A price with its steps, times, tiers, least and most."""
    parts = [_one_price(rule)] if "price" in rule and not rule.get("tiers") else []
    parts += [_step(step) for step in rule.get("steps") or []]
    parts += [_tier(tier, rule) for tier in rule.get("tiers") or []]
    if "connect" in rule:
        parts.append(_("¥%s for the connection") % rule["connect"])
    if "at_least" in rule:
        parts.append(_("charged as at least %s") % measure(rule["at_least"]))
    if "min_charge" in rule:
        parts.append(_("at least ¥%s") % rule["min_charge"])
    if "max_charge" in rule:
        parts.append(_("at most ¥%s") % rule["max_charge"])
    return " · ".join(parts)


def _one_price(part: dict[str, Any]) -> str:
    unit, per = part.get("unit", ""), part.get("per", part.get("unit", ""))
    text = f"¥{part['price']} / {measure(per)}"
    if measure(unit) != measure(per):
        text += " " + _("(by %s)") % measure(unit)
    return " · ".join([text, *(_band(band) for band in part.get("bands") or [])])


def _band(band: dict[str, Any]) -> str:
    days = _(", ").join(str(words.word("day", day).text) for day in listed(band.get("days", [])))
    span = f"{band['from']}–{band['to']}" if "from" in band and "to" in band else ""
    return f"{days} {span} ¥{band['price']}".strip() + (f" / {measure(band['per'])}" if "per" in band else "")


def _step(step: dict[str, Any]) -> str:
    until = _("up to %s") % measure(step["to"]) if "to" in step else _("then")
    return f"{until} {_one_price(step)}"


def _tier(tier: dict[str, Any], rule: dict[str, Any]) -> str:
    begin = tier.get("from", 0)
    start = _("from the first") if begin == 0 else _("above %s") % _units(begin, rule)
    parts = (
        [f"¥{tier['price']} / {measure(tier.get('per', rule.get('per', rule.get('unit'))))}"] if "price" in tier else []
    )
    if "flat" in tier:
        parts.append(_("¥%s once") % tier["flat"])
    if "block" in tier:
        block = _units(tier["block"], rule)
        priced = _("¥%(price)s each %(block)s") if "block_price" in tier else _("at most ¥%(price)s each %(block)s")
        parts.append(priced % {"price": tier.get("block_price", tier.get("block_cap")), "block": block})
    return f"{start} {', '.join(parts)}"


def _units(value: Any, rule: dict[str, Any]) -> str:
    count, _space, unit = str(rule.get("unit", "")).partition(" ")
    if isinstance(value, int) and count.isdecimal() and unit:
        value = f"{value * int(count)} {unit}"
        if unit == "KB":
            return formats.volume(int(value.split()[0]))
    return measure(value)


def granted_text(rule: dict[str, Any]) -> str:
    """How much a free resource is, and how long it lives."""
    if rule["granted"] == "UNLIMITED":
        text = _("unlimited")
    elif rule["unit"] == "YUAN":
        text = f"¥{rule['granted']}"
    else:
        text = f"{rule['granted']} {words.word('free_unit', rule['unit']).text}"
    parts = [text]
    if rule.get("share"):
        parts.append(_("shared by the group"))
    if rule.get("carry_over"):
        parts.append(_("what is left stays"))
    for step in rule.get("speed") or []:
        unit = words.word("free_unit", rule["unit"]).text
        parts.append(_("from %(used)s %(unit)s at %(kbps)s kbit/s") % {**step, "used": step["from"], "unit": unit})
    return " · ".join(parts)


def fee_text(rule: dict[str, Any]) -> str:
    """A monthly fee, and how often it comes."""
    parts = [f"¥{rule['fee']}"]
    if (rule.get("every") or 1) > 1:
        parts.append(ngettext("every %(n)d month", "every %(n)d months", rule["every"]) % {"n": rule["every"]})
    if rule.get("cycles"):
        parts.append(ngettext("for %(n)d month", "for %(n)d months", rule["cycles"]) % {"n": rule["cycles"]})
    return " · ".join(parts)


def cap_text(rule: dict[str, Any]) -> str:
    """A cap, over what it counts, and when the service closes."""
    over = words.word("cap_over", rule.get("over", "CYCLE")).text
    parts = [f"¥{rule['cap']} / {over}"] if "cap" in rule else []
    if "closes_at" in rule:
        parts.append(_("closed at %s") % measure(rule["closes_at"]))
    return " · ".join(parts)


def effect_text(effect: dict[str, Any]) -> str:
    """What a discount does."""
    kind, value = next(iter(effect.items())) if len(effect) == 1 else ("", {})
    if kind == "percent":
        return _("%s %% off") % value
    if kind == "tiers":
        steps = value.get("steps") or []
        said = [_("above %(from)s: %(percent)s %% off") % step for step in steps]
        return _(", ").join(said)
    sentences = {
        "amount": _("¥%s off"),
        "fixed": _("at most ¥%s each"),
        "cap": _("at most ¥%s together"),
        "minimum": _("at least ¥%s a month"),
    }
    return sentences[kind] % value if kind in sentences else _("free of charge") if kind == "waiver" else ""


def sections_of(document: dict[str, Any], rule_ids: dict[str, int], item_names: dict[str, str]) -> Sections:
    """The rules of one version's document by kind, each with its name, what it says and what it is for."""

    def rule_of(rule: dict[str, Any], text: str, *notes: str) -> dict[str, Any]:
        name, note = formats.named(rule.get("names", {})), " · ".join(one for one in notes if one)
        return {"id": rule_ids.get(rule["rule"]), "code": rule["rule"], "name": name, "text": text, "note": note}

    def items_of(rule: dict[str, Any]) -> str:
        return items_text(rule.get("items", rule.get("item", "")), item_names)

    def who(rule: dict[str, Any]) -> str:
        return applies_to(rule["when"]) if rule.get("when") else ""

    def applies_to(when: Any) -> str:
        return condition(when, item_names)

    def written(section: str) -> list[dict[str, Any]]:
        return document.get(section) or []

    sections = [
        ("RECURRING", [rule_of(r, fee_text(r), items_of(r), who(r)) for r in written("recurring")]),
        ("ONE_TIME", [rule_of(r, f"¥{r['fee']}", items_of(r)) for r in written("one_time")]),
        ("FREE", [rule_of(r, granted_text(r), applies_to(r.get("scope"))) for r in written("free")]),
        ("PRICE", [rule_of(r, price_text(r), items_of(r), applies_to(r.get("when"))) for r in written("prices")]),
        ("CAP", [rule_of(r, cap_text(r), items_of(r)) for r in written("caps")]),
        ("DISCOUNT", [rule_of(r, effect_text(r["effect"]), items_of(r), who(r)) for r in written("discounts")]),
    ]
    return [(kind, rules) for kind, rules in sections if rules]
