"""What is wrong with a tariff, said where it stands in the form and by the names its fields have there."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from openboss.access.console import formats
from openboss.access.console.views.offer_fields import Post, rows_in
from openboss.access.console.views.offer_sections import BY_KEY, VERSION
from openboss.modules.catalog import functions as catalog


@dataclass(frozen=True)
class Told:
    """A problem as the form shows it: which rule, where it is on the page ("" = nowhere), and the sentence."""

    where: str
    place: str
    text: str


def told(problems: list[catalog.Problem], post: Post) -> list[Told]:
    """Say problems of a document that was read from a form."""
    return [_told(problem, post) for problem in problems]


def _told(problem: catalog.Problem, post: Post) -> Told:
    section = BY_KEY.get(problem.section)
    titles = {field.key: str(field.title) for field in (section.fields if section else VERSION)}
    titles |= {"names": _("Name"), "rule": _("Code")} | ({} if section else _head())
    what = str(problem.values.get("what", "")).removeprefix(f"{problem.section} {problem.rule or '?'}")
    key, _space, rest = what.lstrip(": ").partition(" ")
    title = " ".join(part for part in (titles.get(key, key), rest) if part)
    words = {"what": title}
    if "missing" in problem.values:
        keys = str(problem.values["missing"]).split(", ")
        words["missing"] = ", ".join(titles.get(key, key) for key in keys)
    text = problem.sentence(formats.language(), **words).lstrip(":： ")
    place = _place(problem, post) if section else ""
    name = post.get(f"{place}-{formats.language()}", "") or problem.rule
    return Told(f"{section.title} · {name}" if section else "", place, text)


def _head() -> dict[str, str]:
    return {
        "offer": _("Code"),
        "offer_id": _("No."),
        "kind": _("Kind"),
        "brand": _("Brand"),
        "from": _("In force from"),
    }


def _place(problem: catalog.Problem, post: Post) -> str:
    for number in rows_in(problem.section, post):
        place = f"{problem.section}-{number}"
        if post.get(f"{place}-rule", "").strip().upper() == problem.rule:
            return place
    return ""
