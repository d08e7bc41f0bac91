"""Direct debit as ISO 20022: pain.008.001.02 out, camt.054.001.02 in.

The request is a run of direct_debit; the answer names each request by its end-to-end id, which is the contract number
and the run's number. A returned request carries the bank's reason, which is one of ours (D8.7).
"""

from __future__ import annotations

from xml.etree import ElementTree

from openboss.access.bank.delimited import FileRefused
from openboss.modules.receivables.functions.direct_debit import RunView

PAIN = "urn:iso:std:iso:20022:tech:xsd:pain.008.001.02"
CAMT = "urn:iso:std:iso:20022:tech:xsd:camt.054.001.02"
REASONS = {"AM04": "01", "AC04": "02", "AC01": "02", "BE01": "03", "MD01": "04"}  # others: 09
FEN = 100


def write_pain008(run: RunView, *, creditor: str, creditor_account: str, currency: str, made_at: str) -> str:
    """The requests of a run as pain.008; made_at as 2026-11-05T10:00:00."""
    root = ElementTree.Element("Document", xmlns=PAIN)
    initiation = ElementTree.SubElement(root, "CstmrDrctDbtInitn")
    head = ElementTree.SubElement(initiation, "GrpHdr")
    message_id, total = f"{run.bank}-{run.sequence:06d}", _yuan(run.asked_fen)
    _texts(head, MsgId=message_id, CreDtTm=made_at, NbOfTxs=str(len(run.requests)), CtrlSum=total)
    _texts(ElementTree.SubElement(head, "InitgPty"), Nm=creditor)
    info = ElementTree.SubElement(initiation, "PmtInf")
    _texts(info, PmtInfId=message_id, PmtMtd="DD", NbOfTxs=str(len(run.requests)), CtrlSum=total)
    _texts(info, ReqdColltnDt=run.run_on.isoformat())
    _texts(ElementTree.SubElement(info, "Cdtr"), Nm=creditor)
    _account(info, "CdtrAcct", creditor_account)
    for one in run.requests:
        line = ElementTree.SubElement(info, "DrctDbtTxInf")
        _texts(ElementTree.SubElement(line, "PmtId"), EndToEndId=f"{one.contract_no}/{run.sequence}")
        ElementTree.SubElement(line, "InstdAmt", Ccy=currency).text = _yuan(one.asked_fen)
        mandate = ElementTree.SubElement(ElementTree.SubElement(line, "DrctDbtTx"), "MndtRltdInf")
        _texts(mandate, MndtId=one.contract_no)
        _texts(ElementTree.SubElement(line, "Dbtr"), Nm=one.holder)
        _account(line, "DbtrAcct", one.bank_account)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def read_camt054(text: str, run: RunView) -> dict[str, str]:
    """The bank's codes by contract number. Raises FileRefused: not whole, amounts that differ, requests missing."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as broken:
        raise FileRefused(str(broken)) from broken
    asked = {f"{one.contract_no}/{run.sequence}": one for one in run.requests}
    codes = {}
    for entry in root.iter(f"{{{CAMT}}}Ntry"):
        returned = _text(entry, "RvslInd") == "true"
        for line in entry.iter(f"{{{CAMT}}}TxDtls"):
            one = asked.get(_text(line, "EndToEndId"))
            if one is None or _text(line, "Amt") != _yuan(one.asked_fen) or one.contract_no in codes:
                raise FileRefused(_text(line, "EndToEndId"))
            codes[one.contract_no] = REASONS.get(_text(line, "Cd"), "09") if returned else "00"
    if set(codes) != {one.contract_no for one in run.requests}:
        raise FileRefused("requests without an answer")
    return codes


def _yuan(fen: int) -> str:
    return f"{fen // FEN}.{fen % FEN:02d}"


def _texts(parent: ElementTree.Element, **values: str) -> None:
    for name, value in values.items():
        ElementTree.SubElement(parent, name).text = value


def _account(parent: ElementTree.Element, name: str, number: str) -> None:
    other = ElementTree.SubElement(ElementTree.SubElement(ElementTree.SubElement(parent, name), "Id"), "Othr")
    _texts(other, Id=number)


def _text(parent: ElementTree.Element, name: str) -> str:
    found = parent.find(f".//{{{CAMT}}}{name}")
    return (found.text or "").strip() if found is not None else ""
