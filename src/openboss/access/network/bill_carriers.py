"""A sandbox in place of a printer, a mail server and a message centre: no bill leaves this machine.

Each bill is written as the document its customer would have got, and a line a piece says by which means and to whom,
masked. A real carrier takes the same three values and raises NotCarried.
"""

from __future__ import annotations

import json
from pathlib import Path

from openboss.modules.billing import functions as billing
from openboss.modules.billing.functions.deliveries import Delivery, mask_address
from openboss.processes.deliver_bills import NotCarried

FILE = "sandbox_pieces.log"
_SAYS = "sandbox: no bill leaves this machine; each line is one that would have been posted or sent"


class Sandbox:
    """A carrier that only writes down."""

    def __init__(self, folder: Path) -> None:
        """Begin the list of pieces with what it is, unless it is there."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._list = folder, folder / FILE
        if not self._list.exists():
            self._list.write_text(json.dumps({"note": _SAYS}) + "\n", encoding="utf-8")

    def carry(self, means: str, delivery: Delivery, address: str) -> None:
        """Write a bill and the line that says where it would have gone. Raises NotCarried."""
        document = self._folder / means.lower() / f"{delivery.bill_id}.pdf"
        told = {"means": means, "bill_id": delivery.bill_id, "to": mask_address(means, address)}
        try:
            document.parent.mkdir(exist_ok=True)
            document.write_bytes(billing.bill_pdf(delivery.bill_id))
            with self._list.open("a", encoding="utf-8") as pieces:
                pieces.write(json.dumps(told, ensure_ascii=False) + "\n")
        except OSError as trouble:
            raise NotCarried(f"the sandbox's folder cannot be written: {trouble.strerror}") from trouble
