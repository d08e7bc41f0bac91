"""The work of finance at the console: four eyes, books, the way of each fen, bank runs, dunning, assurance."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from django.test import Client
from django.utils.translation import override

from openboss.access.bank import agency
from openboss.access.bank import collections as payment_files
from openboss.access.bank.delimited import write_answer
from openboss.access.console.menu import SECTIONS
from openboss.access.jobs import clock
from openboss.access.jobs.money_runs import bank_folder, money_run
from openboss.modules.customers import functions as customers
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions import collection_cases, credit, direct_debit, explorer, finance, proposals
from openboss.modules.receivables.functions.long_runs import list_long_runs
from openboss.modules.system.keys import key_for
from openboss.processes import collect_debt
from openboss.processes.collection_agency import CaseResult
from openboss.processes.take_collections import Collected, PaymentFile

from .conftest import Tab, signed_in
from .small_operator import NOW

pytestmark = [pytest.mark.usefixtures("operator")]


def _pay(client: Client, account_id: int, paid: str, **more: str) -> Any:
    fields = {"account": str(account_id), "paid": paid, "means": "CASH", **more}
    return client.post("/pay/take/", fields, follow=True)


def _owed(account_id: int) -> receivables.Owed:
    return receivables.owed(account_id=account_id, at=NOW)


def _said(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.mark.requirement("ACM-01")
def test_the_menu_has_the_groups_of_account_management() -> None:
    with override("en"):
        (money,) = [section for section in SECTIONS if str(section.title) == "Money"]
        titles = [str(group.title) for group in money.groups]
    assert titles == [
        "Taking payments",
        "Clearing of bills",
        "Arrears and dunning",
        "Prepayment",
        "Refunds",
        "Bad debt",
        "Accounting",
    ]
    client = signed_in("billing")
    rail = _said(client.get("/"))
    assert [group.title for group in money.groups if f'href="{group.url}"' not in rail] == []
    assert [screen.url for screen in money.everything if client.get(screen.url).status_code != 200] == []


def test_a_refund_that_was_proposed_moves_money_only_when_another_person_approves(clerk: Client) -> None:
    _pay(clerk, 61, "900", means="CARD")
    before = _owed(61).advance_fen
    fields = {"action": "refund", "amount": "600", "means": "CARD", "reason": "moves away", "how": "propose"}
    assert "Proposed" in _said(clerk.post("/accounts/61/act/", fields, follow=True))
    (waiting,) = [one for one in proposals.list_proposals(kinds=["REFUND"], state="WAITING") if one.account_id == 61]
    address = f"/adjustments/{waiting.proposal_id}/"
    assert clerk.post(address, {"decision": "approve"}).status_code == 403
    assert _owed(61).advance_fen == before
    chief = signed_in("billing")
    assert f'action="{address}"' in _said(chief.get("/adjustments/"))
    assert "entered in the ledger" in _said(chief.post(address, {"decision": "approve"}, follow=True))
    assert before - _owed(61).advance_fen == 60_000
    assert "decided on this already" in _said(chief.post(address, {"decision": "approve"}, follow=True))
    assert before - _owed(61).advance_fen == 60_000


def test_nobody_approves_their_own_proposal_and_a_refusal_says_why(clerk: Client) -> None:
    _pay(clerk, 62, "300", means="CARD")
    before = _owed(62)
    chief = signed_in("billing")
    fields = {"action": "transfer", "amount": "50", "to_account": "63", "reason": "wrong account", "how": "propose"}
    chief.post("/accounts/62/act/", fields)
    (waiting,) = [one for one in proposals.list_proposals(kinds=["TRANSFER"], state="WAITING") if one.account_id == 62]
    address = f"/adjustments/{waiting.proposal_id}/"
    assert "A second person must agree" in _said(chief.post(address, {"decision": "approve"}, follow=True))
    other = signed_in("billing2")
    assert "Say why it is refused" in _said(other.post(address, {"decision": "refuse"}, follow=True))
    other.post(address, {"decision": "refuse", "answer": "ask the customer first"})
    (decided,) = [one for one in proposals.list_proposals(kinds=["TRANSFER"], state="REFUSED") if one.account_id == 62]
    assert decided.answer == "ask the customer first"
    assert _owed(62) == before


@pytest.mark.parametrize("how", ["propose", "now"])
def test_money_moved_to_an_account_that_is_not_there_is_refused_in_words(clerk: Client, how: str) -> None:
    _pay(clerk, 62, "1", means="CARD")
    before, waiting = _owed(62), len(proposals.list_proposals(kinds=["TRANSFER"], state=""))
    fields = {"action": "transfer", "amount": "0.50", "to_account": "99999999", "reason": "mistyped", "how": how}
    assert "There is no such account." in _said(clerk.post("/accounts/62/act/", fields, follow=True))
    assert (_owed(62), len(proposals.list_proposals(kinds=["TRANSFER"], state=""))) == (before, waiting)


def test_a_mandate_of_an_account_that_is_not_there_is_refused_in_words(clerk: Client) -> None:
    fields = {
        "action": "open",
        "account": "6x",
        "contract_no": "W6X",
        "bank": "BOC",
        "bank_account": "6",
        "holder": "x",
    }
    assert "There is no such account." in _said(clerk.post("/mandates/act/", fields, follow=True))
    assert "W6X" not in _said(clerk.get("/mandates/"))


def test_a_filter_offers_only_what_its_list_can_hold() -> None:
    def offered(address: str) -> set[str]:
        screen = signed_in("billing").get(address).context["list"]["screen"]
        return {code for one in screen.filters if one.key == "kind" for code, _text in one.choices}

    assert offered("/adjustments/") == set(proposals.ADJUSTMENTS)
    assert offered("/prepayments/") == {"CASH", "RELEASED", "GIFT", "DEDICATED", "DEPOSIT", "AGENT"}


def test_books_of_a_day_are_closed_and_opened_again_under_authority() -> None:
    receivables.post_payment(
        account_id=64, paid_fen=100, means="BANK", channel="BANK", serial_no="OLD-1", at=NOW - timedelta(days=20)
    )
    day = (NOW - timedelta(days=20)).date().isoformat()
    clerk, chief = signed_in("clerk"), signed_in("billing")
    assert clerk.post("/books/act/", {"action": "close_day", "day": day}).status_code == 403
    assert "Done" in _said(chief.post("/books/act/", {"action": "close_day", "day": day}, follow=True))
    assert "closed already" in _said(chief.post("/books/act/", {"action": "close_day", "day": day}, follow=True))
    assert "Say why" in _said(chief.post("/books/act/", {"action": "reopen_day", "day": day}, follow=True))
    assert "stand as they were written" in _said(chief.get("/books/?seals=1", follow=True))
    reopen = {"action": "reopen_day", "day": day, "reason": "a slip came late"}
    assert "Done" in _said(chief.post("/books/act/", reopen, follow=True))
    (row,) = [one for one in explorer.book_days(from_on=NOW.date() - timedelta(days=30), to_on=NOW.date())
              if one.business_on.isoformat() == day]  # fmt: skip
    assert (row.state, row.sealed_entries) == ("OPEN", row.entries)


def test_a_month_with_open_days_cannot_be_closed() -> None:
    chief = signed_in("billing")
    assert "still open" in _said(chief.post("/books/act/", {"action": "close_period", "period": "202611"}, follow=True))
    assert [one.state for one in explorer.book_periods() if one.period == 202611] == ["OPEN"]


def test_the_journal_for_finance_is_a_file_that_balances(clerk: Client) -> None:
    _pay(clerk, 65, "12.34")
    day = NOW.date().isoformat()
    lines = list(csv.DictReader(io.StringIO(_said(clerk.get(f"/ledger/journal.csv?from={day}")))))
    assert sum(int(line["debit"].replace(".", "")) for line in lines) > 0
    assert sum(int(line["debit"].replace(".", "")) - int(line["credit"].replace(".", "")) for line in lines) == 0
    document = json.loads(_said(clerk.get(f"/ledger/journal.json?from={day}")))
    assert document["totals"]["debit_fen"] == document["totals"]["credit_fen"] > 0
    assert clerk.get("/ledger/journal.xml?from=2026-10-01").status_code == 404


def test_every_fen_of_an_account_is_followed_to_where_it_came_from(clerk: Client) -> None:
    payment = _pay(clerk, 66, "25").context["payment"]
    told = clerk.get(f"/ledger/entries/{payment.entry_id}/").context["relatives"]
    assert [one.kinship for one in told][0] == "PAYMENT"
    (cleared,) = [one for one in told if one.kinship == "CLEARED"]
    back = clerk.get(f"/ledger/entries/{cleared.entry_id}/").context["relatives"]
    assert [(one.kinship, one.payment_id) for one in back if one.kinship == "CAUSED_BY"] == [
        ("CAUSED_BY", payment.payment_id)
    ]
    lines = clerk.get(f"/ledger/entries/{cleared.entry_id}/").context["lines"]
    (bucket,) = {one["line"].bucket_id for one in lines if one["line"].bucket_id}
    rows = clerk.get(f"/accounts/66/buckets/{bucket}/").context["list"]["rows"]
    first, last = rows[0]["cells"], rows[-1]["cells"]
    assert (first[4]["text"], last[5]["text"]) == ("25.00", f"{_owed(66).advance_fen / 100:.2f}")
    bill_id = next(one["line"].bill_id for one in lines if one["line"].bill_id)
    found, total = explorer.find_entries(filters={"bill_id": bill_id}, page=1, page_size=50)
    assert total == len(found) >= 2 and {"BILL", "CLEARING"} <= {one.cause for one in found}
    assert cleared.entry_id in {one.entry_id for one in found}


def test_what_was_taken_back_names_what_it_takes_back_and_the_other_way_round(clerk: Client) -> None:
    payment = _pay(clerk, 67, "30").context["payment"]
    clerk.post(f"/payments/{payment.payment_id}/reverse/", {"reason": "wrong account", "paper_back": "on"})
    told = explorer.relatives_of(entry_id=payment.entry_id)
    (reversal,) = [one for one in told if one.kinship == "REVERSED_BY"]
    assert [one.entry_id for one in explorer.relatives_of(entry_id=reversal.entry_id) if one.kinship == "REVERSES"] == [
        payment.entry_id
    ]


@pytest.mark.requirement("ACM-22")
def test_arrears_at_all_levels_add_up_to_the_same() -> None:
    sums = {level: finance.aged_by(level=level, on=NOW.date())[2] for level in ("ACCOUNT", "USER", "CUSTOMER")}
    assert sums["ACCOUNT"] == sums["USER"] == sums["CUSTOMER"]
    assert sums["ACCOUNT"]["open_fen"] == sum(sums["ACCOUNT"][name] for name in finance.AGE_COLUMNS) > 0
    page = signed_in("billing").get("/who-owes/?level=CUSTOMER")
    assert page.context["list"]["foot"][-1].replace(",", "") == f"{sums['CUSTOMER']['open_fen'] / 100:.2f}"
    users = finance.aged_by(level="USER", on=NOW.date(), page_size=10_000)[0]
    members = pl.DataFrame({"group_id": [1] * len(users), "subscriber_id": [one.key for one in users]})
    assert finance.aged_by(level="GROUP", on=NOW.date(), members=members)[2] == sums["USER"]
    assert signed_in("billing").get("/who-owes/?level=GROUP&export=csv").status_code == 200


def test_a_bank_run_is_made_answered_and_told_of_as_a_job() -> None:
    accounts = (71, 72, 73)
    for account_id in accounts:
        mandate = direct_debit.open_mandate(
            account_id=account_id, contract_no=f"W{account_id}", bank="ABC", bank_account=f"62220000{account_id}",
            holder="张三", at=NOW, staff_id=None,
        )  # fmt: skip
        direct_debit.verify_mandate(mandate_id=mandate, reason="the bank called", at=NOW, staff_id=1)
    chief = signed_in("billing")
    chief.post("/debit/make/", {"bank": "abc"})
    assert "under way already" in _said(chief.post("/debit/make/", {"bank": "ABC"}, follow=True))
    made = list_long_runs(kinds=["DEBIT_REQUESTS"], limit=1)[0]
    money_run(long_run_id=made.long_run_id)
    run = direct_debit.list_runs(limit=1)[0]
    assert run.asked_fen == sum(_owed(account_id).owed_fen for account_id in accounts)
    page = chief.get(f"/debit/runs/{run.run_id}/")
    assert page.context["files"] == ["txt", "xml"]
    assert chief.get(f"/debit/runs/{run.run_id}/file.xml").getvalue().startswith(b"<?xml")
    assert signed_in("clerk").get(f"/debit/runs/{run.run_id}/file.txt").status_code == 403
    requests = list(direct_debit.requests_of(run_id=run.run_id))
    text = "".join(write_answer(run, requests, {"W71": "00", "W72": "01", "W73": "02"}, key=key_for("bank ABC")))
    forged = io.BytesIO(text.replace("|01\n", "|00\n").encode())
    forged.name = "answer.txt"
    chief.post(f"/debit/runs/{run.run_id}/answer/", {"answer": forged})
    assert _work(failed=True).error == "FileRefused"
    assert "number, count, sum or signature is wrong" in _said(chief.get("/debit/"))
    assert _owed(71).owed_fen > 0
    sent = io.BytesIO(text.encode())
    sent.name = "answer.txt"
    chief.post(f"/debit/runs/{run.run_id}/answer/", {"answer": sent})
    done = _work()
    assert (done.result["paid"], done.result["again"], done.result["back"]) == (1, 1, 1)
    assert _owed(71).owed_fen == 0 < _owed(72).owed_fen
    assert "1 paid" in _said(chief.get("/debit/"))


def _work(*, failed: bool = False) -> Any:
    """Do the newest run as the worker would, and look at it."""
    run = list_long_runs(limit=1)[0]
    money_run(long_run_id=run.long_run_id)
    (run,) = [one for one in list_long_runs(limit=5) if one.long_run_id == run.long_run_id]
    assert (run.state == "FAILED") == failed, run
    return run


def test_a_bank_run_that_broke_off_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    mandate = direct_debit.open_mandate(
        account_id=74, contract_no="W74", bank="BOC", bank_account="6222000074", holder="张三", at=NOW, staff_id=None
    )
    direct_debit.verify_mandate(mandate_id=mandate, reason="the bank called", at=NOW, staff_id=1)
    chief = signed_in("billing")
    chief.post("/debit/make/", {"bank": "BOC"})
    with monkeypatch.context() as broken, pytest.raises(OSError, match="disk"):
        broken.setattr("openboss.access.jobs.money_runs.write_pain008", _no_disk)
        money_run(long_run_id=list_long_runs(limit=1)[0].long_run_id)
    stopped = list_long_runs(limit=1)[0]
    assert (stopped.state, stopped.done, stopped.whole) == ("FAILED", 1, 2)
    runs = len(direct_debit.list_runs())
    chief.post(f"/debit/take-up/{stopped.long_run_id}/")
    money_run(long_run_id=stopped.long_run_id)
    done = list_long_runs(limit=1)[0]
    assert (done.state, done.done, len(direct_debit.list_runs())) == ("DONE", 2, runs)
    assert sorted(path.suffix for path in bank_folder("BOC").iterdir()) == [".txt", ".xml"]


def _no_disk(*_: Any, **__: Any) -> Iterator[str]:
    raise OSError("disk full")
    yield ""


def test_an_account_in_dunning_shows_its_next_step_and_can_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    then = NOW + timedelta(days=3)
    monkeypatch.setattr(clock, "now", lambda: then)
    collect_debt.look_at(list(range(80, 95)), at=then)
    chief = signed_in("billing")
    row = chief.get("/dunning/?plan=OVERDUE&step=LATE").context["list"]["rows"][0]
    texts = {cell["column"].key: cell["text"] for cell in row["cells"]}
    assert (texts["plan"], texts["next_step"]) == ("Overdue bills", "Outgoing service stopped")
    who = texts["account_id"]
    until = (then + timedelta(days=30)).date().isoformat()
    assert signed_in("clerk").post("/dunning/act/", {"row": who, "action": "hold", "until": until}).status_code == 403
    chief.post("/dunning/act/", {"row": who, "action": "hold", "until": until})
    assert chief.get(f"/dunning/?account={who}&how=HELD").context["list"]["total"] >= 1
    chief.post("/dunning/act/", {"row": who, "action": "release"})
    assert chief.get(f"/dunning/?account={who}&how=HELD").context["list"]["total"] == 0


def test_a_debt_goes_to_an_agency_by_a_file_and_comes_back_paid_once(clerk: Client) -> None:
    account_id, bill_id = 78, 202609 * 10**10 + 78
    owed_fen = _owed(account_id).bills[0].open_fen
    collection_cases.open_case(stage="AGENCY", account_id=account_id, bill_id=bill_id, at=NOW)
    chief = signed_in("billing")
    assert signed_in("clerk").post("/agencies/make/", {"agency": "HUAXIN"}).status_code == 403
    chief.post("/agencies/make/", {"agency": "HUAXIN"})
    made = _work()
    file_no = made.result["file_no"]
    text = chief.get(f"/agencies/HUAXIN/{file_no}/file.txt").getvalue().decode()
    case_id = int(next(line for line in text.splitlines() if str(bill_id) in line).split("|")[1])
    results = [CaseResult(one, "00" if one == case_id else "40", owed_fen if one == case_id else 0)
               for one in (int(line.split("|")[1]) for line in text.splitlines() if line.startswith("D|"))]  # fmt: skip
    sent = io.BytesIO(agency.write_answer("HUAXIN", file_no, results, key=key_for("agency HUAXIN")).encode())
    sent.name = "answer.txt"
    chief.post(f"/agencies/HUAXIN/{file_no}/answer/", {"answer": sent})
    assert _work().result["collected_fen"] == owed_fen
    assert receivables.bills_of_cycle(cycle=202609).filter(bill_id=bill_id)["open_fen"].to_list() == [
        _owed(account_id).open_fen
    ]
    assert _owed(account_id).open_fen < owed_fen
    assert chief.post(f"/agencies/HUAXIN/{file_no}/answer/", {"answer": sent}).status_code == 404


def test_a_file_that_is_out_stays_however_many_cases_are_newer(monkeypatch: pytest.MonkeyPatch) -> None:
    owing = [one for one in range(96, 60, -1) if _owed(one).bills][:2]
    cases = [(account_id, _owed(account_id).bills[0].bill_id) for account_id in owing]
    collection_cases.open_case(stage="AGENCY", account_id=cases[0][0], bill_id=cases[0][1], at=NOW)
    chief = signed_in("billing")
    chief.post("/agencies/make/", {"agency": "HUAXIN"})
    file_no = _work().result["file_no"]
    collection_cases.open_case(stage="AGENCY", account_id=cases[1][0], bill_id=cases[1][1], at=NOW)
    monkeypatch.setattr("openboss.access.console.views.agencies.MOST", 1)
    page = chief.get("/agencies/")
    assert (page.context["files"], page.context["waiting"]) == ([{"agency": "HUAXIN", "file_no": file_no}], ["HUAXIN"])
    assert chief.get(f"/agencies/HUAXIN/{file_no}/file.txt").status_code == 200


def test_a_statement_is_a_document_that_names_opening_changes_and_closing(clerk: Client) -> None:
    from openboss.modules.receivables.functions.statement_document import statement_content

    _pay(clerk, 76, "10")
    answer = clerk.get("/accounts/76/statement.pdf")
    assert (answer["Content-Type"], answer.content[:5]) == ("application/pdf", b"%PDF-")
    days = {"from_on": NOW.date() - timedelta(days=90), "to_on": NOW.date()}
    content = statement_content(
        account_id=76, causes={"PAYMENT": ("缴费入账", "Payment received")}, language="en", **days
    )
    assert content["opening"] == "0.00"
    assert content["closing"] == content["rows"][-1]["after"]
    assert ["Payment received", "−10.00"] in [[row["what"], row["change"]] for row in content["rows"]]


def test_finance_at_a_glance_shows_what_lists_say() -> None:
    page = signed_in("billing").get("/finance/")
    assert page.context["open_fen"] == sum(row["open_fen"] for row in page.context["ages"]) > 0
    billed = {row["cycle"]: row["billed_fen"] for row in page.context["cycles"]}
    by_class: dict[int, int] = {}
    for row in page.context["rate_rows"]:
        by_class[row["cycle"]] = by_class.get(row["cycle"], 0) + row["billed_fen"]
    assert by_class == billed


def test_a_difference_is_explained_with_a_reason_and_repaired_by_two(clerk: Client) -> None:
    from openboss.modules.receivables.models import Bucket
    from openboss.processes import assure_money

    _pay(clerk, 77, "500")
    bucket = Bucket.objects.get(account_id=77, kind="CASH")
    Bucket.objects.filter(bucket_id=bucket.bucket_id).update(balance_fen=bucket.balance_fen + 1)
    chief = signed_in("billing")
    chief.post("/assurance/look/")
    _work()
    (found,) = [one for one in assure_money.differences(check="LEDGER") if one.object_id == str(bucket.bucket_id)]
    assert (found.expected_fen, found.found_fen) == (bucket.balance_fen, bucket.balance_fen + 1)
    page = _said(chief.get("/assurance/?check=LEDGER"))
    assert "The money in the bucket is not what the ledger says." in page
    repair = {"action": "repair", "row": str(found.difference_id)}
    assert "A second person must agree" in _said(chief.post("/assurance/act/", repair, follow=True))
    second = {"second_login": "billing2", "second_password": "openboss-demo"}
    assert "the next run" in _said(chief.post("/assurance/act/", {**repair, **second}, follow=True))
    assert Bucket.objects.get(bucket_id=bucket.bucket_id).balance_fen == bucket.balance_fen
    assert "settled meanwhile" in _said(chief.post("/assurance/act/", {**repair, **second}, follow=True))


@pytest.mark.browser
def test_a_newcomer_pays_sees_service_resume_takes_it_back_and_follows_each_fen(browser: Any, address: str) -> None:
    account_id, subscriber_id = _above_the_limit()
    collect_debt.look_at([account_id], at=clock.now())
    assert _stopped(subscriber_id)
    owed_fen = _owed(account_id).owed_fen
    number = customers.numbers_of_subscribers(subscriber_ids=[subscriber_id], at=NOW)[subscriber_id]
    context = browser.new_context(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    context.add_cookies([{"name": "django_language", "value": "en", "url": address}])
    tab = Tab(context, address)
    page, keyboard = tab.page, tab.page.keyboard
    tab.log_in("clerk")
    tab.press("F2")
    page.wait_for_url("**/pay/")
    tab.press("F7")
    page.wait_for_selector("[name=float]:focus")
    tab.press("Enter")
    page.wait_for_selector("[name=counted]")
    tab.press("F2")
    page.wait_for_selector("#find:focus")
    keyboard.type(str(number).removeprefix("86"))
    tab.press("Enter")
    page.wait_for_selector("[name=paid]:focus")
    assert page.input_value("[name=paid]") == f"{owed_fen / 100:.2f}"
    tab.press("Enter")
    keyboard.type(f"{owed_fen / 100:.2f}")
    tab.press("Enter")
    page.wait_for_url("**/payments/*/")
    page.wait_for_selector(".tile:has-text('Service goes on')")
    assert not _stopped(subscriber_id)
    tab.press("F4")
    keyboard.type("the newcomer tries it")
    for key in ("Tab", "Space", "Enter"):  # the invoice is here
        tab.press(key)
    page.wait_for_selector(".pill.bad:has-text('Taken back')")
    assert _stopped(subscriber_id)
    assert _owed(account_id).owed_fen == owed_fen
    _open(tab, "main a[href*='/ledger/entries/']")
    assert page.locator("td .pill:has-text('The payment it enters')").count() == 1
    _open(tab, "tr:has-text('Taken back by') a[href*='/ledger/entries/']")
    _open(tab, "tr:has-text('What it takes back') a[href*='/ledger/entries/']")
    _open(tab, "tr:has-text('What it cleared') a[href*='/ledger/entries/']")
    _open(tab, "main a[href*='/buckets/']")
    assert page.locator("[data-list] tbody tr").last.locator("td").last.inner_text() == "0.00"
    page.go_back()
    _open(tab, "main a[href*='/bills/']")
    page.wait_for_selector("text=the records >> nth=0")
    tab.open("/ledger/")
    tab.press("F8")
    page.wait_for_url("**/ledger/balance/")
    tab.press("F8")
    page.wait_for_selector(".notice.good")
    assert page.locator("tfoot td").last.inner_text() == "0.00"
    signed_in("clerk").post("/till/close/", {"counted": "0"})
    assert tab.complaints == []
    context.close()


@pytest.mark.requirement("ARC-24")
def test_a_payment_at_the_counter_lifts_a_stop_and_is_in_the_360_view_and_the_next_days_report(
    clerk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id, subscriber_id = _above_the_limit()
    collect_debt.look_at([account_id], at=clock.now())
    place = f"/customers/{customers.customer_of_account(account_id=account_id)}/?user={subscriber_id}"

    def seen() -> str:
        return str(clerk.get(place).context["user"].state)

    assert seen() in ("ONE_WAY_STOP", "TWO_WAY_STOP")
    owed_fen, today = _owed(account_id).owed_fen, NOW.date()
    chief = signed_in("billing")
    before_fen = chief.get("/finance/").context["today_fen"]
    _pay(clerk, account_id, f"{owed_fen / 100:.2f}")
    assert (seen(), _stopped(subscriber_id)) == ("ACTIVE", False)
    with monkeypatch.context() as tomorrow:
        tomorrow.setattr(clock, "now", lambda: NOW + timedelta(days=1))
        report = signed_in("billing").get("/finance/").context["takings"]
    names, bars = report["names"], report["bars"]
    day = names.index(f"{today:%m-%d}")
    assert sum(round(float(bar["values"][day]) * 100) for bar in bars) == before_fen + owed_fen


def _above_the_limit() -> tuple[int, int]:
    """An account that owes more than its limit, and its one user, who pays afterwards."""
    positions = credit.positions(account_ids=list(range(30, 60)), at=NOW, unbilled_fen={})
    one = next(
        one
        for one in positions
        if one.exposure_fen > one.limit_fen and not one.is_prepaid and [user.life for user in one.users] == ["ACTIVE"]
    )
    return one.account_id, one.users[0].subscriber_id


def _stopped(subscriber_id: int) -> bool:
    return "ARREARS_1" in customers.active_reasons(subscriber_id=subscriber_id, at=clock.now())


def _open(tab: Tab, link: str) -> None:
    """Open a link as somebody without a mouse does."""
    before = tab.page.url
    tab.page.locator(link).first.focus()
    tab.press("Enter")
    tab.page.wait_for_url(lambda url: url != before)


def test_a_collectors_payment_file_comes_in_at_the_console_and_its_result_goes_out() -> None:
    file = PaymentFile("ABCBANK", 1, NOW.date(), 1, 123, "")
    one = Collected("R1", "A", 79, 123, NOW, "BANK")
    text = "".join(payment_files.write_file(file, [one], key=key_for("collector ABCBANK")))
    chief = signed_in("billing")

    def hand_in(collector: str, content: str) -> Any:
        sent = io.BytesIO(content.encode())
        sent.name = "payments.txt"
        return chief.post("/debit/payments/", {"collector": collector, "answer": sent}, follow=True)

    assert "not one of our own channels" in _said(hand_in("BANK", text))
    wrong = text.replace("1.23", "1.24")
    hand_in("abcbank", wrong)
    assert _work(failed=True).error == "FileNotSigned"
    hand_in("abcbank", text)
    done = _work()
    assert "File 1: 1 payments, ¥1.23" in _said(chief.get("/debit/"))
    assert signed_in("clerk").get(f"/debit/payments/{done.long_run_id}/result.txt").status_code == 403
    result = chief.get(f"/debit/payments/{done.long_run_id}/result.txt").getvalue().decode()
    assert result.splitlines()[1] == "D|R1|1.23|00"
