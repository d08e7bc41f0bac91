"""The form of an offer knows the whole grammar: no document of ours needs a field of text, none is changed by it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.utils.translation import override

from openboss.access.console.views import offer_form
from openboss.access.console.views.offer_fields import post_of
from openboss.access.console.views.offer_sections import BY_KEY, SECTIONS, VERSION
from openboss.access.console.views.offer_words import sections_of
from openboss.modules.catalog import grammar

ROOT = Path(__file__).parents[3]
IN_BLOCKS = {"names", "rule", *grammar.SECTIONS, "from"}


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every version of every document of the example and of the test vectors, as a document of its own."""
    files = [*(ROOT / "example" / "tariffs").rglob("*.yaml"), *(ROOT / "tests" / "vectors" / "tariffs").glob("*.yaml")]
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for file in sorted(files):
        found = yaml.load(file.read_text(encoding="utf-8"), Loader=loader)
        cases = [found, *found.get("cases", ())]
        written = [one for case in cases for one in case.get("tariffs") or () if isinstance(one, dict)]
        for document in [found] if "offer" in found else written:
            for version in document["versions"]:
                yield f"{file.name} {document['offer']}", {**document, "versions": [version]}


def plain(value: Any) -> Any:
    """A document without what says nothing; one thing is a list of it, and a number its digits."""
    if isinstance(value, dict):
        pairs = ((key, plain(part)) for key, part in value.items())
        return {key: part for key, part in pairs if part is not None} or None
    if isinstance(value, list):
        return [plain(part) for part in value] if len(value) > 1 else plain(value[0]) if value else None
    return value if isinstance(value, bool) or value is None else str(value)


def test_every_document_that_is_opened_in_the_form_and_stored_says_the_same() -> None:
    changed = []
    for name, document in documents():
        whole = {"source": None, "brand": None, **document}
        if plain(offer_form.document_of(offer_form.sent(whole))) != plain(whole):
            changed.append(name)
    assert changed == []


def test_no_document_needs_a_field_of_text() -> None:
    left = [
        (name, post[field])
        for name, document in documents()
        for post in [offer_form.sent({"source": None, "brand": None, **document})]
        for field in post
        if field.endswith("-more") and post[field]
    ]
    assert left == []


def test_every_field_of_the_grammar_has_its_input() -> None:
    for section in SECTIONS:
        _, shape = grammar.SECTIONS[section.key]
        known = {field.key for field in section.fields} | IN_BLOCKS
        assert set(shape.needed) | set(shape.allowed) <= known, section.key
    assert {section.key for section in SECTIONS} == set(grammar.SECTIONS)
    assert set(grammar.VERSION.allowed) - IN_BLOCKS == {field.key for field in VERSION}
    who = next(field for field in BY_KEY["discounts"].fields if field.key == "when")
    assert {field.key for field in who.fields} == set(grammar.DISCOUNT_WHEN)
    when = next(field for field in BY_KEY["prices"].fields if field.key == "when")
    assert {field.key for field in when.fields} == set(grammar.WHEN)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Who spends this month: Bill items Broadband, At least yuan 50.00, Counted for the account"),
        ("zh-hans", "本月消费：账目项 宽带、至少（元） 50.00、统计对象 账户"),
    ],
)
def test_a_price_card_says_in_words_who_must_spend_how_much_on_what(language: str, said: str) -> None:
    path = ROOT / "example/tariffs/fusion_rent.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))["versions"][0]
    names = {"BB_FEE": "Broadband" if language == "en" else "宽带"}
    with override(language):
        ((_kind, (rule,)),) = sections_of(document, {}, names)
    assert rule["note"] == f"RENT · {said}"


@pytest.mark.usefixtures("operator")
def test_a_form_that_cannot_be_stored_is_drawn_again_as_it_was_filled() -> None:
    given = {"offer": ["x"], "prices-7-rule": ["P"], "prices-7-price": ["much"], "prices-7-more": ["steps: [{"]}
    post = post_of(given)
    with pytest.raises(offer_form.FormRefused):
        offer_form.document_of(post)
    form = offer_form.form_of(post)
    (row,) = next(rows for section, rows in form["sections"] if section.key == "prices")
    assert (form["offer"], row["rule"], row["more"]) == ("x", "P", "steps: [{")
    assert [cell["value"] for cell in row["cells"] if cell["field"].key == "price"] == ["much"]
