"""Direct debit as ISO 20022: what is asked stands in pain.008, what camt.054 says is taken whole or not at all."""

from xml.etree import ElementTree

import pytest
from tests.access.bank.test_direct_debit import with_mandate
from tests.modules.receivables.conftest import Desk, desk, on

from openboss.access.bank.delimited import FileRefused
from openboss.access.bank.iso20022 import CAMT, PAIN, read_camt054, write_pain008
from openboss.modules.receivables.functions import direct_debit as debit
from openboss.modules.receivables.models import Payment

__all__ = ["desk"]
ENTRY = (
    "<Ntry><Amt Ccy='CNY'>0</Amt>{reversal}<NtryDtls><TxDtls><Refs><EndToEndId>{contract}/1</EndToEndId></Refs>"
    "<AmtDtls><TxAmt><Amt Ccy='CNY'>{yuan}</Amt></TxAmt></AmtDtls>{reason}</TxDtls></NtryDtls></Ntry>"
)


def notice(*entries: str) -> str:
    inside = f"<Ntfctn>{''.join(entries)}</Ntfctn>"
    return f"<Document xmlns='{CAMT}'><BkToCstmrDbtCdtNtfctn>{inside}</BkToCstmrDbtCdtNtfctn></Document>"


def paid(contract: str, yuan: str) -> str:
    return ENTRY.format(contract=contract, yuan=yuan, reversal="", reason="")


def returned(contract: str, yuan: str, code: str) -> str:
    reason = f"<RtrInf><Rsn><Cd>{code}</Cd></Rsn></RtrInf>"
    return ENTRY.format(contract=contract, yuan=yuan, reversal="<RvslInd>true</RvslInd>", reason=reason)


@pytest.fixture
def run(desk: Desk) -> debit.RunView:
    for number in (1, 2, 3):
        with_mandate(desk, number)
    return debit.make_run(bank="ICBC", at=on(11, 5))


def test_a_run_is_asked_for_with_its_count_its_sum_and_every_mandate(run: debit.RunView) -> None:
    known = {"creditor": "楚江移动", "creditor_account": "1001", "currency": "CNY", "made_at": "2026-11-05T10:00:00"}
    text = "".join(write_pain008(run, debit.requests_of(run_id=run.run_id), **known))
    root = ElementTree.fromstring(text)
    said = {name: [one.text for one in root.iter(f"{{{PAIN}}}{name}")] for name in ("CtrlSum", "InstdAmt", "MndtId")}
    assert said == {
        "CtrlSum": ["60.00", "60.00"],
        "InstdAmt": ["10.00", "20.00", "30.00"],
        "MndtId": ["C1", "C2", "C3"],
    }


def test_the_banks_notice_says_who_paid_and_why_others_did_not(run: debit.RunView) -> None:
    text = notice(paid("C1", "10.00"), returned("C2", "20.00", "AM04"), returned("C3", "30.00", "MD01"))
    answer = read_camt054(text.encode(), run)
    assert answer.rows() == [("C1", 1000, "00"), ("C2", 2000, "01"), ("C3", 3000, "04")]


@pytest.mark.parametrize(
    "text",
    [
        notice(paid("C1", "10.00"), paid("C2", "20.00")),
        notice(paid("C1", "10.01"), paid("C2", "20.00"), paid("C3", "30.00")),
        notice(paid("C1", "10.00"), paid("C1", "10.00"), paid("C2", "20.00"), paid("C3", "30.00")),
        notice(paid("X9", "10.00")),
        "<Document>",
    ],
    ids=["one missing", "another amount", "one twice", "unknown", "cut off"],
)
def test_a_notice_that_is_not_whole_is_refused(run: debit.RunView, text: str) -> None:
    with pytest.raises((FileRefused, debit.AnswerIncomplete)):
        debit.take_answer(run_id=run.run_id, answer=read_camt054(text.encode(), run), at=on(11, 6))
    assert Payment.objects.count() == 0
