"""A sandbox in place of a message centre: no text leaves this machine, what one would have sent is written down.

Each text is a line of a file under the data folder. Numbers are masked there: whoever looks after the machine need not
know whom a text was for. A text that tells a secret (a code to log in) is written without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from openboss.modules.customers import functions as customers
from openboss.processes.provision import NotDelivered

SMS, STAFF, MANAGER = "sms", "staff", "manager.alert"
TOPICS = (SMS, STAFF, MANAGER)
FILE = "sandbox_messages.log"
_SAYS = "sandbox: no text leaves this machine; each line is one that would have been sent"
_HIDDEN = "******"


class Sandbox:
    """A message centre that only writes down."""

    def __init__(self, folder: Path) -> None:
        """Begin the file with what it is, unless it is there."""
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / FILE
        if not self._file.exists():
            self._file.write_text(json.dumps({"note": _SAYS}) + "\n", encoding="utf-8")

    def send(self, topic: str, payload: Mapping[str, Any], at: datetime) -> None:
        """Write a message for a handset (topic sms) or for staff. Raises NotDelivered."""
        try:
            told = _text_to_handset(payload) if topic == SMS else _word_to_staff(topic, payload)
        except (KeyError, TypeError, ValueError) as wrong:
            raise NotDelivered(f"the message lacks or spoils {wrong}") from wrong
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"at": at.isoformat(), **told}, ensure_ascii=False) + "\n")
        except OSError as trouble:
            raise NotDelivered(f"the sandbox's file cannot be written: {trouble.strerror}") from trouble


def _text_to_handset(payload: Mapping[str, Any]) -> dict[str, Any]:
    number = int(payload["number"])
    template, language = str(payload["template"]), str(payload.get("language", "zh"))
    return {
        "to": customers.mask_number(number),
        "template": template,
        "language": language,
        "text": payload.get("text") or _text(template, language, payload),
    }


def _text(template: str, language: str, payload: Mapping[str, Any]) -> str:
    """The template's text; what is secret in it is not written into a file."""
    hidden = dict.fromkeys(payload.get("secret", {}), _HIDDEN)
    return customers.text_of(template, language=language, values={**payload.get("values", {}), **hidden})


def _word_to_staff(topic: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """A word to the manager of a place, or to the one who looks after accounts; it names no number."""
    to = f"staff of {payload['org']}" if topic == STAFF else "account managers"
    return {"to": to, "about": dict(payload)}
