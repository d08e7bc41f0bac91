"""A quote: what some use costs a user under some tariff documents, worked out by the engine's and the bill run's own
calculation, with nothing stored and no database asked.

    check      the form, every field                        form.py
    tariffs    the documents are checked and compiled       tariffs.py
    parties    users get numbers, offers, groups, accounts  parties.py
    rate       event after event, each with its trace       events.py, trace.py
    bill       when asked, the month's bill                 bill.py

The form is public: docs/formats/quote.md. Source: issue 3 section 2, BMT-04, D3 to D7.
"""

from pathlib import Path
from typing import Any

from openboss.kernel.records import E_CYCLE_NOT_OPEN
from openboss.kernel.usage import Status
from openboss.modules.charging.functions import what_if
from openboss.processes.quote import answer
from openboss.processes.quote.bill import bills_of, no_such_item
from openboss.processes.quote.events import columns_of, cycle_of, cycles_of, li, next_cycle
from openboss.processes.quote.expect import differences
from openboss.processes.quote.form import FORMAT, Problem, QuoteRefused, check, json_schema
from openboss.processes.quote.parties import Parties, engine_rows, local_s, parties_of
from openboss.processes.quote.tariffs import Tariffs, tariffs_of

__all__ = [
    "E_CYCLE_NOT_OPEN",
    "OpenQuote",
    "QuoteRefused",
    "cases_of",
    "differences",
    "json_schema",
    "open_quote",
    "quote",
    "work_out",
]


def cases_of(document: Any) -> list[dict[str, Any]]:
    """List the quotes of a file: itself, or its `cases`, each with what stands beside them unless it says otherwise."""
    if not isinstance(document, dict) or not isinstance(document.get("cases"), list):
        return [document]
    shared = {name: value for name, value in document.items() if name != "cases"}
    return [{**shared, **case} if isinstance(case, dict) else case for case in document["cases"]]


def quote(wanted: dict[str, Any], *, reference: Path, beside: Path) -> dict[str, Any]:
    """Work a quote out and answer in plain values; both forms are in docs/formats/quote.md.

    reference  folder of the operator's reference tables, where the quote names none
    beside     folder that the quote's paths are relative to
    Raises QuoteRefused.
    """
    check(wanted)
    own_reference = beside / wanted["reference"] if wanted.get("reference") else reference
    return work_out(wanted, tariffs_of(wanted["tariffs"], reference=own_reference, beside=beside))


def open_quote(wanted: dict[str, Any], *, reference: Path, beside: Path) -> "OpenQuote":
    """Open a quote that answers events one by one as they come; its own `events` are lived first.

    Arguments as for `quote`. Raises QuoteRefused.
    """
    check(wanted)
    own_reference = beside / wanted["reference"] if wanted.get("reference") else reference
    opened = OpenQuote(wanted, tariffs_of(wanted["tariffs"], reference=own_reference, beside=beside))
    for event in wanted.get("events") or []:
        opened.rate(event)
    return opened


class OpenQuote:
    """Users with their products and openings in memory, and what has happened to them so far."""

    def __init__(self, wanted: dict[str, Any], tariffs: Tariffs) -> None:
        """Open the months of a checked quote. Raises QuoteRefused."""
        self.tariffs, self.parties = tariffs, parties_of(wanted, tariffs)
        self.cycles, self.events = cycles_of(wanted), list[dict[str, Any]]()
        try:
            self.state = what_if.opened(tariffs.tables, what_if.image_of(engine_rows(self.parties)), self.cycles)
            _set_opening(self.state, self.cycles[0], self.parties, tariffs)
        except what_if.CycleNotReady as refused:
            raise _month_refused(refused) from refused

    def answer(self, event: Any) -> dict[str, Any]:
        """Check and rate one more event; a month not seen yet is opened. Raises QuoteRefused."""
        check(event, "event")
        until = next_cycle(event["close"]) if "close" in event else cycle_of(event["at"])
        try:
            while self.cycles[-1] < until:
                self.state.open_cycle(next_cycle(self.cycles[-1]))
                self.cycles.append(next_cycle(self.cycles[-1]))
        except what_if.CycleNotReady as refused:
            raise _month_refused(refused) from refused
        return self.rate(event)

    def rate(self, event: dict[str, Any]) -> dict[str, Any]:
        """Rate a checked event of a month that is open. Raises QuoteRefused."""
        number = len(self.events)
        try:
            found = _rate(self.state, event, f"events[{number}]", number, self.parties, self.tariffs)
        except what_if.CycleNotReady as refused:
            raise _month_refused(refused) from refused
        self.events.append(found)
        return found


def work_out(wanted: dict[str, Any], tariffs: Tariffs) -> dict[str, Any]:
    """Work a checked quote out under tariffs that are compiled already. Raises QuoteRefused."""
    opened = OpenQuote(wanted, tariffs)
    events = [opened.rate(event) for event in wanted.get("events") or []]
    closing = answer.closing(opened.state, opened.cycles, opened.parties, tariffs, events)
    found: dict[str, Any] = {"format": FORMAT}
    if wanted.get("name"):
        found["name"] = wanted["name"]
    found |= {"events": events, "closing": closing}
    if wanted.get("bill"):
        found["bill"] = bills_of(opened.state, wanted.get("cycle") or opened.cycles[0], opened.parties, tariffs)
    return found


def _month_refused(refused: what_if.CycleNotReady) -> QuoteRefused:
    return QuoteRefused([Problem(str(refused), f"月份不能打开或关闭（{refused}）")])


def _set_opening(state: what_if.EngineState, cycle: int, parties: Parties, tariffs: Tariffs) -> None:
    """Put free resources and totals where the users' openings say they are. Raises QuoteRefused."""
    for user in parties.users:
        opening, subscriber_id = user.get("opening") or {}, parties.ids[user["user"]]
        for free in opening.get("free") or []:
            what_if.set_free(
                state,
                cycle=cycle,
                subscriber_id=subscriber_id,
                rule_id=_rule_id(tariffs, free["rule"], "free", cycle),
                left=free["left"],
                carried=bool(free.get("carried")),
            )
        for total in opening.get("totals") or []:
            item_id = tariffs.item_id(total["item"])
            if item_id is None:
                raise no_such_item(user, total["item"])
            what_if.set_total(
                state,
                cycle=cycle,
                subscriber_id=subscriber_id,
                item_id=item_id,
                rule_id=_rule_id(tariffs, total["rule"], "prices", cycle),
                units=total.get("units") or 0,
                free_units=total.get("free_units") or 0,
                std_li=li(total.get("standard"), "opening"),
                act_li=li(total.get("actual"), "opening"),
            )


def _rule_id(tariffs: Tariffs, code: str, section: str, cycle: int) -> int:
    """The rule OFFER/RULE of the version in force on the first of a month, or of the first version."""
    rules = [rule for rule in tariffs.rules.values() if rule.code == code and rule.section == section]
    if not rules:
        said = f"opening: {code} is no rule of {section} in the tariff documents"
        raise QuoteRefused([Problem(said, f"opening：{code} 不是资费文件 {section} 中的规则")])
    in_force = [rule for rule in rules if rule.version_on.year * 100 + rule.version_on.month <= cycle]
    return (in_force or rules)[-1].rule_id


def _give(
    state: what_if.EngineState, event: dict[str, Any], place: str, parties: Parties, tariffs: Tariffs
) -> dict[str, Any]:
    gift, user = event["give"], parties.user_of(event, place)
    if gift["to"] not in parties.ids:
        raise parties.nobody(f"{place}.give.to", gift["to"])
    cycle = cycle_of(event["at"])
    rule_id = _rule_id(tariffs, gift["rule"], "free", cycle)
    given = {"subscriber_id": parties.ids[user], "to_id": parties.ids[gift["to"]], "rule_id": rule_id}
    left = what_if.give_free(state, units=gift["units"], at_local_s=local_s(event["at"], 0), **given)
    said = {"user": user, "gave": gift["rule"], "to": gift["to"], "units": gift["units"]}
    return said | ({"refused": True} if left is None else {"left": left})


def _rate(
    state: what_if.EngineState, event: dict[str, Any], place: str, number: int, parties: Parties, tariffs: Tariffs
) -> dict[str, Any]:
    if "close" in event:
        state.freeze_cycle(event["close"])
        return {"event": number + 1, "closed": event["close"]}
    if "give" in event:
        return {"event": number + 1, **_give(state, event, place, parties, tariffs)}
    columns = columns_of(event, parties, place)
    rated = what_if.rate_event(state, columns)
    head = {"event": number + 1, "user": parties.user_of(event, place), "status": Status(rated.status).name}
    if rated.error:
        return head | {"error": rated.error, **answer.refusal(rated.error)}
    return head | answer.rated_event(rated, parties, tariffs)
