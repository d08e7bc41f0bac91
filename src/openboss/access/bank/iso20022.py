"""Direct debit as ISO 20022: pain.008.001.02 out, camt.054.001.02 in.

The request is a run of direct_debit; the answer names each request by its end-to-end id, which is the contract number
and the run's number. A returned request carries the bank's reason, which is one of ours (D8.7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import islice
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import polars as pl

from openboss.access.bank.delimited import PIECE, FileRefused, yuan
from openboss.modules.receivables.functions.direct_debit import ANSWER, DebitRequest, RunView

PAIN = "urn:iso:std:iso:20022:tech:xsd:pain.008.001.02"
CAMT = "urn:iso:std:iso:20022:tech:xsd:camt.054.001.02"
REASONS = {"AM04": "01", "AC04": "02", "AC01": "02", "BE01": "03", "MD01": "04"}  # others: 09
AMOUNT = re.compile(r"[0-9]+\.[0-9]{2}")


def write_pain008(
    run: RunView,
    requests: Iterable[DebitRequest],
    *,
    creditor: str,
    creditor_account: str,
    currency: str,
    made_at: str,
) -> Iterator[str]:
    """The requests of a run as pain.008, in pieces; made_at as 2026-11-05T10:00:00."""
    message_id, total = f"{run.bank}-{run.sequence:06d}", yuan(run.asked_fen)
    counted = f"<NbOfTxs>{run.requests}</NbOfTxs><CtrlSum>{total}</CtrlSum>"
    name = escape(creditor)
    yield (
        f"<?xml version='1.0' encoding='utf-8'?>\n<Document xmlns=\"{PAIN}\"><CstmrDrctDbtInitn>"
        f"<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{made_at}</CreDtTm>{counted}"
        f"<InitgPty><Nm>{name}</Nm></InitgPty></GrpHdr>"
        f"<PmtInf><PmtInfId>{message_id}</PmtInfId><PmtMtd>DD</PmtMtd>{counted}"
        f"<ReqdColltnDt>{run.run_on.isoformat()}</ReqdColltnDt><Cdtr><Nm>{name}</Nm></Cdtr>"
        f"<CdtrAcct><Id><Othr><Id>{escape(creditor_account)}</Id></Othr></Id></CdtrAcct>"
    )
    each = iter(requests)
    while piece := list(islice(each, PIECE)):
        yield "".join(
            f"<DrctDbtTxInf><PmtId><EndToEndId>{escape(one.contract_no)}/{run.sequence}</EndToEndId></PmtId>"
            f'<InstdAmt Ccy="{currency}">{yuan(one.asked_fen)}</InstdAmt>'
            f"<DrctDbtTx><MndtRltdInf><MndtId>{escape(one.contract_no)}</MndtId></MndtRltdInf></DrctDbtTx>"
            f"<Dbtr><Nm>{escape(one.holder)}</Nm></Dbtr>"
            f"<DbtrAcct><Id><Othr><Id>{escape(one.bank_account)}</Id></Othr></Id></DbtrAcct></DrctDbtTxInf>"
            for one in piece
        )
    yield "</PmtInf></CstmrDrctDbtInitn></Document>"


def read_camt054(content: bytes, run: RunView) -> pl.DataFrame:
    """What a bank's notice says of a run, columns of direct_debit.ANSWER, read entry by entry.

    Raises FileRefused: not whole, another currency's or no amount, a request of another run.
    """
    rows: list[tuple[str, int, str]] = []
    number = f"/{run.sequence}"
    try:
        for _, entry in ElementTree.iterparse(BytesIO(content)):
            if entry.tag != f"{{{CAMT}}}Ntry":
                continue
            returned = _text(entry, "RvslInd") == "true"
            for line in entry.iter(f"{{{CAMT}}}TxDtls"):
                request, amount = _text(line, "EndToEndId"), _text(line, "Amt")
                if not request.endswith(number) or not AMOUNT.fullmatch(amount):
                    raise FileRefused(request)
                code = REASONS.get(_text(line, "Cd"), "09") if returned else "00"
                rows.append((request.removesuffix(number), int(amount.replace(".", "")), code))
            entry.clear()
    except ElementTree.ParseError as broken:
        raise FileRefused(str(broken)) from broken
    return pl.DataFrame(rows, schema=ANSWER, orient="row")


def _text(parent: ElementTree.Element, name: str) -> str:
    found = parent.find(f".//{{{CAMT}}}{name}")
    return (found.text or "").strip() if found is not None else ""
