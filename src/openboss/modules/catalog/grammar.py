"""The grammar of a tariff document: one definition, from which files are checked and the JSON Schema is published.

Only the shape stands here: which fields there are and what can be written in them. What fits together is the compiler's
business (`catalog.compiler`), and both are asked for every file. Meaning of every field: docs/formats/tariffs.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from openboss.kernel.proration import FirstMonth
from openboss.modules.catalog.compiler import AXES, TariffRefused, yuan
from openboss.modules.catalog.compiler.conditions import DAYS
from openboss.modules.catalog.compiler.free import UNITS
from openboss.modules.catalog.compiler.measures import MEASURES
from openboss.modules.catalog.compiler.prices import BASES, ROUNDINGS, TIER_MODES


class Wrong(Protocol):
    """Takes a problem: a place of the document, the code of what is wrong there, and its values."""

    def __call__(self, place: Any, code: str, **values: Any) -> None: ...


Schema = dict[str, Any]


class Shape(Protocol):
    """Something that can stand in a document."""

    def check(self, value: Any, what: str, place: Any, wrong: Wrong) -> None:
        """Complain about a value that does not have this shape; `what` names it, `place` knows its line."""

    def schema(self) -> Schema:
        """Describe the shape as JSON Schema."""


@dataclass(frozen=True)
class Words:
    """One of some words."""

    known: tuple[str, ...]

    def check(self, value: Any, what: str, place: Any, wrong: Wrong) -> None:
        if value not in self.known:
            wrong(place, "not_one_of", what=what, value=value, known=", ".join(self.known))

    def schema(self) -> Schema:
        return {"enum": list(self.known)}


@dataclass(frozen=True)
class Text:
    """Text that is not empty."""

    example: str
    pattern: str = "."

    def check(self, value: Any, what: str, place: Any, wrong: Wrong) -> None:
        if not isinstance(value, str) or not value:
            wrong(place, "not_text", what=what, value=value, example=self.example)

    def schema(self) -> Schema:
        return {"type": "string", "minLength": 1, "examples": [self.example]}


@dataclass(frozen=True)
class Whole:
    """A whole number."""

    least: int = 0
    most: int = 2**31 - 1

    def check(self, value: Any, what: str, place: Any, wrong: Wrong) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not self.least <= value <= self.most:
            wrong(place, "not_whole", what=what, value=value, least=self.least, most=self.most)

    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True)
class Flag:
    """true or false."""

    def check(self, value: Any, what: str, place: Any, wrong: Wrong) -> None:
        if not isinstance(value, bool):
            wrong(place, "not_flag", what=what, value=value)

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Yuan:
    """An amount in quotes: YAML's own numbers are floats and would lose money."""

    def check(self, value: Any, what: str, place: Any, wrong: Wrong) -> None:
        if not isinstance(value, str):
            wrong(place, "money_not_quoted", what=what, value=value)
            return
        try:
            yuan(value, what)
        except TariffRefused:
            wrong(place, "not_money", what=what, value=value)

    def schema(self) -> Schema:
        return {"type": "string", "pattern": r"^\d+(\.\d{1,6})?$", "examples": ["0.40"]}


@dataclass(frozen=True)
class Measure:
    """A count and a word: 60 s, 1 GB."""

    more: tuple[str, ...] = ()  # measures only prices have

    def check(self, value: Any, what: str, place: Any, wrong: Wrong) -> None:
        count, _, word = str(value).partition(" ")
        if value not in self.more and (not count.isdigit() or int(count) < 1 or word not in MEASURES):
            wrong(place, "not_measure", what=what, value=value, known=", ".join(MEASURES))

    def schema(self) -> Schema:
        measure = {"type": "string", "pattern": f"^[1-9][0-9]* ({'|'.join(MEASURES)})$", "examples": ["60 s", "1 GB"]}
        return {"anyOf": [measure, {"enum": list(self.more)}]} if self.more else measure


@dataclass(frozen=True)
class Day:
    """A day of the calendar."""

    def check(self, value: Any, what: str, place: Any, wrong: Wrong) -> None:
        if day_of(value) is None:
            wrong(place, "not_day", what=what, value=value)

    def schema(self) -> Schema:
        return {"type": "string", "format": "date", "examples": ["2026-10-01"]}


@dataclass(frozen=True)
class Either:
    """One of several shapes, told apart by a test; the last is meant if none fits."""

    shapes: tuple[Shape, ...]
    fits: Callable[[Any], int]

    def check(self, value: Any, what: str, place: Any, wrong: Wrong) -> None:
        self.shapes[self.fits(value)].check(value, what, place, wrong)

    def schema(self) -> Schema:
        return {"anyOf": [shape.schema() for shape in self.shapes]}


@dataclass(frozen=True)
class ListOf:
    """A list; with `one`, a single thing may stand for a list of one."""

    shape: Shape
    one: bool = False

    def check(self, value: Any, what: str, place: Any, wrong: Wrong) -> None:
        if not isinstance(value, list):
            if self.one:
                self.shape.check(value, what, place, wrong)
            else:
                wrong(place, "not_list", what=what, value=value)
            return
        for part in value:
            self.shape.check(part, what, part if isinstance(part, dict) else place, wrong)

    def schema(self) -> Schema:
        many = {"type": "array", "items": self.shape.schema()}
        return {"anyOf": [self.shape.schema(), many]} if self.one else many


@dataclass(frozen=True)
class Fields:
    """A mapping with known fields."""

    needed: Mapping[str, Shape]
    allowed: Mapping[str, Shape] = field(default_factory=dict)
    name: str = ""  # how it is called in complaints, in place of the field's own name

    def check(self, value: Any, what: str, place: Any, wrong: Wrong) -> None:
        what = self.name or what
        if not isinstance(value, dict):
            wrong(place, "not_fields", what=what, value=value, known=", ".join([*self.needed, *self.allowed]))
            return
        missing, foreign = sorted(set(self.needed) - set(value)), sorted(set(value) - {*self.needed, *self.allowed})
        if missing:
            wrong(value, "lacks", what=what, missing=", ".join(missing))
        if foreign:
            known = ", ".join(sorted([*self.needed, *self.allowed]))
            wrong(value, "unknown_field", what=what, field=foreign[0], known=known)
        for key, shape in {**self.needed, **self.allowed}.items():
            if key in value:
                own = key if self.name and not isinstance(shape, Names) else f"{what.split(':')[0]}: {key}"
                shape.check(value[key], own, value, wrong)

    def schema(self) -> Schema:
        known = {key: shape.schema() for key, shape in {**self.needed, **self.allowed}.items()}
        return {"type": "object", "required": list(self.needed), "properties": known, "additionalProperties": False}


@dataclass(frozen=True)
class Named:
    """A mapping from names of the author's own to one shape."""

    shape: Shape

    def check(self, value: Any, what: str, place: Any, wrong: Wrong) -> None:
        if not isinstance(value, dict):
            wrong(place, "not_named", what=what, value=value)
            return
        for name, part in value.items():
            self.shape.check(part, f"{what} {name}", part if isinstance(part, dict) else value, wrong)

    def schema(self) -> Schema:
        return {"type": "object", "additionalProperties": self.shape.schema()}


@dataclass(frozen=True)
class Names:
    """A name in both languages."""

    def check(self, value: Any, what: str, place: Any, wrong: Wrong) -> None:
        if not isinstance(value, dict) or not value.get("zh") or not value.get("en"):
            wrong(place, "not_both_languages", what=what)

    def schema(self) -> Schema:
        text = {"type": "string", "minLength": 1}
        return {"type": "object", "required": ["zh", "en"], "properties": {"zh": text, "en": text}}


@dataclass(frozen=True)
class Anything:
    """Left to the compiler, which knows better what is wrong with it."""

    description: str
    json_type: str = ""

    def check(self, value: Any, what: str, place: Any, wrong: Wrong) -> None:
        """Nothing to say."""

    def schema(self) -> Schema:
        return {"description": self.description, **({"type": self.json_type} if self.json_type else {})}


def day_of(value: Any) -> date | None:
    """Read a day as YAML and JSON write it; None if it is none."""
    try:
        return value if type(value) is date else date.fromisoformat(value)
    except (TypeError, ValueError):
        return None


@dataclass(frozen=True)
class AxisWords:
    """A value of an axis of the class of use; a wrong one is the compiler's to name."""

    axis: str

    def check(self, value: Any, what: str, place: Any, wrong: Wrong) -> None:
        """Nothing to say: class_mask says it."""

    def schema(self) -> Schema:
        codes, width = AXES[self.axis]
        return {"enum": [code.name for code in codes if code < width]}


def _or_none(shape: Shape) -> Either:
    return Either((Anything("null: none"), shape), lambda value: 0 if value is None else 1)


CODE = Text("GOTONE_98")
YUAN, FLAG, MEASURE, NAMES = Yuan(), Flag(), Measure(), Names()
ITEMS = ListOf(CODE, one=True)
UNITS_OR_MEASURE = Either((Whole(most=2**40), MEASURE), lambda value: 0 if isinstance(value, int) else 1)
COMPONENT = Words(("basic", "ld"))
DIGITS = ListOf(Either((Whole(most=2**62), Text('"8610"')), lambda value: 0 if isinstance(value, int) else 1), one=True)
WHEN: dict[str, Shape] = {
    **{axis: ListOf(AxisWords(axis), one=True) for axis in AXES},
    **dict.fromkeys(
        ("number", "numbers", "area", "country", "home", "visited", "visited_country", "partner", "rating_group", "sp"),
        DIGITS,
    ),
    "zone": ListOf(Text("ASIA"), one=True),
    "apn": ListOf(Text("cmnet"), one=True),
    "service": ListOf(Text('"1201"'), one=True),
    "friends": FLAG,
    "days": ListOf(Words(tuple(DAYS)), one=True),
    "hours": ListOf(Text('"22:00-06:00"'), one=True),
}
ROUNDING = Fields({}, {"mode": Words(tuple(ROUNDINGS)), "place": YUAN})
TIME = Anything('time of day in quotes: "22:00"', "string")
BAND = Fields({"price": YUAN}, {"days": WHEN["days"], "from": TIME, "to": TIME, "per": MEASURE})
STEP = Fields(
    {"unit": MEASURE, "price": YUAN}, {"to": MEASURE, "per": MEASURE, "bands": ListOf(BAND), "rounding": ROUNDING}
)
TIER = Fields(
    {"from": UNITS_OR_MEASURE},
    {
        "price": YUAN,
        "per": MEASURE,
        "flat": YUAN,
        "block": UNITS_OR_MEASURE,
        "block_cap": YUAN,
        "block_price": YUAN,
    },
)
PRICE = Fields(
    {"rule": CODE, "component": COMPONENT, "when": Fields({}, WHEN), "item": CODE, "names": NAMES},
    {
        "unit": Measure(("1 DAY", "1 CYCLE")),
        "price": YUAN,
        "per": MEASURE,
        "connect": YUAN,
        "at_least": MEASURE,
        "steps": ListOf(STEP),
        "bands": ListOf(BAND),
        "basis": Words(tuple(BASES)),
        "counts": Words(("USER", "POOL")),
        "counter": CODE,
        "by": Words(("VISITED",)),
        "tiers": ListOf(TIER),
        "tier_mode": Words(tuple(TIER_MODES)),
        "min_charge": YUAN,
        "max_charge": YUAN,
        "rounding": ROUNDING,
    },
)
SCOPE = Fields({}, {**WHEN, "component": ListOf(COMPONENT, one=True), "factor": Text('"3"')})
FREE = Fields(
    {
        "rule": CODE,
        "unit": Words(tuple(UNITS)),
        "granted": Anything("a whole number of units, money in quotes, or UNLIMITED"),
        "scope": ListOf(SCOPE, one=True),
        "names": NAMES,
    },
    {
        "priority": Whole(most=99),
        "grant": Words(("CYCLE", "ONCE")),
        "instalments": Whole(1, 1200),
        "valid": Fields({}, {"cycles": Whole(1, 1200), "days": Whole(1, 1200), "months": Whole(1, 1200)}),
        "carry_over": Either((FLAG, Fields({"cycles": Whole(1, 1200)})), lambda value: int(isinstance(value, dict))),
        "share": Fields({"by": Words(("POOL",))}, {"per_user": Whole(most=2**40)}),
        "overflow": Words(("CHARGE", "BLOCK")),
        "speed": ListOf(Fields({"from": Whole(most=2**40), "kbps": Whole(1)})),
        "prorate": FLAG,
        "gift": FLAG,
    },
)
CAP = Fields(
    {"rule": CODE, "items": ITEMS, "names": NAMES},
    {
        "cap": YUAN,
        "over": Words(("DAY", "CYCLE", "QUARTER", "YEAR")),
        "by": Words(("VISITED",)),
        "closes_at": MEASURE,
    },
)
DISCOUNT_WHEN: dict[str, Shape] = {
    **dict.fromkeys(("age_min", "age_max", "tenure_months_min", "star_min"), Whole(most=1200)),
    **dict.fromkeys(("customer_class", "vip_level", "brand", "holds", "certificates"), ITEMS),
    "groups": ListOf(Words(("FAMILY", "VPMN")), one=True),
    "birthday_month": FLAG,
    "items_sum": Fields(
        {"items": ITEMS}, {"min": YUAN, "below": YUAN, "scope": Words(("USER", "ACCOUNT", "CUSTOMER"))}
    ),
    "past_sum": Fields({"items": ITEMS, "cycles": Whole(1, 120)}, {"min": YUAN, "below": YUAN}),
}
RECURRING = Fields(
    {"rule": CODE, "item": CODE, "fee": YUAN, "first_month": Words(tuple(FirstMonth.__members__)), "names": NAMES},
    {"every": Whole(1, 120), "cycles": _or_none(Whole(1, 1200)), "when": Fields({}, DISCOUNT_WHEN)},
)
ONE_TIME = Fields({"rule": CODE, "item": CODE, "fee": YUAN, "names": NAMES}, {"paid": Words(("BILL", "COUNTER"))})
DISCOUNT = Fields(
    {
        "rule": CODE,
        "phase": Words(("P3", "P4", "P5", "P6", "P7")),
        "items": ITEMS,
        "effect": Anything("percent, amount, fixed, cap, waiver, tiers or minimum", "object"),
        "priority": Whole(),
        "names": NAMES,
    },
    {
        "when": Fields({}, DISCOUNT_WHEN),
        "exclusion_group": _or_none(CODE),
        "to": Words(("USER", "ACCOUNT", "FAMILY", "VPMN")),
    },
)
SECTIONS: dict[str, tuple[str, Fields]] = {
    "recurring": ("RECURRING", RECURRING),
    "one_time": ("ONE_TIME", ONE_TIME),
    "free": ("FREE", FREE),
    "prices": ("PRICE", PRICE),
    "caps": ("CAP", CAP),
    "discounts": ("DISCOUNT", DISCOUNT),
}
ELIGIBILITY = Fields(
    {},
    {
        **dict.fromkeys(("age_min", "age_max"), Whole(most=150)),
        **dict.fromkeys(("customer_class", "channels", "certificates"), ListOf(CODE, one=True)),
        "areas": ListOf(Whole(1), one=True),
    },
    "eligibility",
)
VERSION = Fields(
    {"from": Day()},
    {
        **{section: _or_none(ListOf(rule)) for section, (_, rule) in SECTIONS.items()},
        "zones": Named(ListOf(Text('"8610"'))),
        "counters": Named(Fields({"over": Words(tuple(BASES)[1:])}, {"counts": Words(("USER", "POOL"))})),
        "contract": Fields(
            {"cycles": Whole(1, 1200)},
            {"end_early": Fields({"fee": YUAN, "mode": Words(("FULL", "REMAINING"))})},
        ),
        "eligibility": ELIGIBILITY,
        "tax": Fields({"prices": Words(("INCLUSIVE", "EXCLUSIVE"))}, {"percent": Text('"6"')}),
        "effective": Words(("NOW", "NEXT_DAY", "NEXT_CYCLE", "DATE")),
        "relations": Fields(
            {},
            {**dict.fromkeys(("requires", "excludes", "replaces"), ListOf(CODE)), "at_most": Whole(1, 1000)},
            "relations",
        ),
    },
    "a version",
)
KINDS = ("STANDARD", "MAIN", "ADDON", "GROUP", "FAMILY")
OFFER = Fields(
    {
        "offer": CODE,
        "offer_id": Whole(1),
        "names": NAMES,
        "kind": Words(KINDS),
        "versions": Anything("dated versions, the earliest first", "array"),
    },
    {"brand": _or_none(Text("GOTONE")), "source": _or_none(Text("D5.2"))},
    "the offer",
)


def document_schema() -> Schema:
    """Give the JSON Schema (draft 2020-12) of a tariff document, for editors and other programs."""
    schema = OFFER.schema()
    schema["properties"]["versions"] = {"type": "array", "minItems": 1, "items": VERSION.schema()}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "OpenBOSS tariff document", **schema}
