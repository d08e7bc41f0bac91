"""Long runs of money that a screen starts and the worker does: they survive logout and restart, and go on after a stop.

What is done is noted as it goes; a run that failed is taken up again where it stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from django.db import transaction
from procrastinate.contrib.django import app

from openboss.access.bank import agency as agency_files
from openboss.access.bank import collections as payment_files
from openboss.access.bank.delimited import FileRefused, read_answer, write_requests
from openboss.access.bank.iso20022 import CAMT, read_camt054, write_pain008
from openboss.access.jobs import clock
from openboss.access.jobs.bank_files import bank_folder, file_of
from openboss.modules.receivables.functions import collection_cases, direct_debit, long_runs
from openboss.modules.receivables.functions.direct_debit import DebitRequest, RunView
from openboss.modules.receivables.functions.long_runs import LongRunView
from openboss.modules.receivables.functions.rules import rules_at
from openboss.modules.system import functions as system
from openboss.modules.system.keys import key_for
from openboss.processes import after_payments, assure_money, collect_debt, collection_agency, take_collections

FILES = 2  # ours and pain.008
NOTED_EVERY = 10_000
REFUSALS: tuple[type[Exception], ...] = (
    direct_debit.NothingToAsk,
    direct_debit.AnswerIncomplete,
    direct_debit.RunAnswered,
    direct_debit.RunUnknown,
    FileRefused,
    collection_cases.CaseUnknown,
    take_collections.FileOutOfSequence,
    take_collections.FileNumberUsed,
)


@app.task(name="openboss.money_run", queue="billing")
def money_run(*, long_run_id: int) -> None:
    """Do a long run to its end; what is refused stands in it, what breaks can be taken up again."""
    run = long_runs.long_run(long_run_id=long_run_id)
    if run.state != "RUNNING":
        return
    try:
        result = _DONE_BY[run.kind](run)
    except REFUSALS as refused:
        where = {"line_no": refused.line_no} if isinstance(refused, payment_files.LineWrong) else None
        long_runs.end_long_run(long_run_id=long_run_id, at=clock.now(), result=where, error=type(refused).__name__)
        return
    except BaseException as broken:
        long_runs.end_long_run(long_run_id=long_run_id, at=clock.now(), error=repr(broken))
        raise
    long_runs.end_long_run(long_run_id=long_run_id, at=clock.now(), result=result)


def _requests(run: LongRunView) -> Mapping[str, Any]:
    """Ask a bank for what is owed, and write its files; taken up again it writes the files that are missing."""
    bank = str(run.given["bank"])
    made = _made_before(run) or _ask(run, bank)
    bank_folder(bank).mkdir(parents=True, exist_ok=True)
    now = clock.now()
    rules = rules_at(now)
    pieces = {
        "txt": lambda requests: write_requests(made, requests, key=key_for(f"bank {bank}")),
        "xml": lambda requests: write_pain008(
            made,
            requests,
            creditor=next(node.name_zh for node in system.org_nodes() if node.parent_code is None),
            creditor_account=rules.value("creditor_account"),
            currency=rules.value("currency"),
            made_at=now.astimezone(clock.operator_timezone()).strftime("%Y-%m-%dT%H:%M:%S"),
        ),
    }
    for number, (kind, write) in enumerate(pieces.items()):
        before, path = number * made.requests, file_of(bank, made.sequence, kind)
        if not path.exists():
            _write(path, write(_counted(run, made, before)))
        _note(run, made, before + made.requests)
    return {"run_id": made.run_id, "requests": made.requests, "asked_fen": made.asked_fen}


def _ask(run: LongRunView, bank: str) -> RunView:
    """Make the run and note it in one transaction: after a stop the same run goes on."""
    with transaction.atomic():
        made = direct_debit.make_run(bank=bank, at=clock.now())
        _note(run, made, 0)
    return made


def _made_before(run: LongRunView) -> RunView | None:
    return direct_debit.run_view(run_id=run.goes_on_after) if run.goes_on_after else None


def _note(run: LongRunView, made: RunView, done: int) -> None:
    whole = made.requests * FILES
    long_runs.note_progress(long_run_id=run.long_run_id, done=done, whole=whole, goes_on_after=made.run_id)


def _counted(run: LongRunView, made: RunView, before: int) -> Iterator[DebitRequest]:
    """The requests of a run, with the progress noted on the way."""
    for number, request in enumerate(direct_debit.requests_of(run_id=made.run_id)):
        if number % NOTED_EVERY == 0:
            _note(run, made, before + number)
        yield request


def _write(path: Path, pieces: Iterable[str]) -> None:
    """Write a file that is either whole or not there."""
    draft = path.with_suffix(path.suffix + ".part")
    with draft.open("w", encoding="utf-8") as out:
        out.writelines(pieces)
    draft.replace(path)


def _answer(run: LongRunView) -> Mapping[str, Any]:
    """Check the bank's answer whole and post it part by part; taken up again it goes on where it stopped."""
    asked = direct_debit.run_view(run_id=int(run.given["run_id"]))
    content = (bank_folder(asked.bank) / str(run.given["file"])).read_bytes()
    if CAMT.encode() in content:
        answer = read_camt054(content, asked)
    else:
        answer = read_answer(content, asked, key=key_for(f"bank {asked.bank}"))
    done = direct_debit.take_answer(run_id=asked.run_id, answer=answer, at=clock.now(), follow=after_payments.run)
    whole = asked.requests
    long_runs.note_progress(long_run_id=run.long_run_id, done=whole, whole=whole, goes_on_after=asked.run_id)
    return {"run_id": asked.run_id, "paid": done.paid, "paid_fen": done.paid_fen, "again": len(done.again),
            "again_on": done.tried_again_on.isoformat(), "back": len(done.back_to_arrears)}  # fmt: skip


def _credit_control(run: LongRunView) -> Mapping[str, Any]:
    """Look at every account that owes; taken up again it goes on after the last part."""

    def told(account_id: int, tally: collect_debt.Tally) -> None:
        done = run.done + tally.accounts
        long_runs.note_progress(long_run_id=run.long_run_id, done=done, whole=0, goes_on_after=account_id)

    tally = collect_debt.run_with_use(at=clock.now(), after=run.goes_on_after, told=told)
    return {"accounts": tally.accounts, "reminded": tally.reminded, "stopped": tally.stopped}


def _agency_file(run: LongRunView) -> Mapping[str, Any]:
    """Put the cases that wait for an agency into its next file."""
    agency = str(run.given["agency"])
    with transaction.atomic():  # the cases go out only if the file stands
        made = collection_agency.give(agency=agency, at=clock.now(), staff_id=run.started_by)
        bank_folder(agency).mkdir(parents=True, exist_ok=True)
        text = agency_files.write_file(made, key=key_for(f"agency {agency}"))
        _write(file_of(agency, made.file_no, "txt"), [text])
    return {"file_no": made.file_no, "cases": len(made.cases)}


def _agency_answer(run: LongRunView) -> Mapping[str, Any]:
    """Take an agency's answer: whole or not at all."""
    agency, file_no = str(run.given["agency"]), int(run.given["file_no"])
    content = (bank_folder(agency) / str(run.given["file"])).read_text(encoding="utf-8", errors="replace")
    results = agency_files.read_answer(content, agency, file_no, key=key_for(f"agency {agency}"))
    done = collection_agency.take_back(results, agency=agency, at=clock.now(), staff_id=run.started_by)
    return {"ended": done.ended, "collected_fen": done.collected_fen}


def _payment_file(run: LongRunView) -> Mapping[str, Any]:
    """Check a collector's payment file whole, post it part by part and write its answer; safe to take up again."""
    collector, at = str(run.given["collector"]), clock.now()
    path, key = bank_folder(collector) / str(run.given["file"]), key_for(f"collector {collector}")
    means, today = take_collections.means_taken(at=at), at.astimezone(clock.operator_timezone()).date()
    file = payment_files.check_file(path, collector=collector, key=key, means=means, today=today)
    admitted = take_collections.admit(file, payment_files.payments_of(path), at=at, staff_id=run.started_by)

    def told(done: int) -> None:
        long_runs.note_progress(long_run_id=run.long_run_id, done=done, whole=file.payments)

    take_collections.post(admitted, payment_files.payments_of(path), at=at, told=told)
    codes: Counter[str] = Counter()
    result = file_of(collector, file.sequence, "result.txt")
    answers = _tallied(take_collections.answers(admitted, payment_files.payments_of(path)), codes)
    _write(result, payment_files.write_answer(file, answers, key=key))
    return {"taken": file.payments, "taken_fen": file.paid_fen, "sequence": file.sequence, "answer": result.name,
            "codes": dict(codes)}  # fmt: skip


def _tallied(
    answers: Iterable[tuple[take_collections.Collected, str]], codes: Counter[str]
) -> Iterator[tuple[take_collections.Collected, str]]:
    """Hand answers on, and count their codes on the way."""
    for one, code in answers:
        codes[code] += 1
        yield one, code


def _assurance(run: LongRunView) -> Mapping[str, Any]:
    """Run every check of assurance for a day, one after another; taken up again it goes on with the next one."""
    on, found = date.fromisoformat(str(run.given["on"])), 0
    whole = len(assure_money.CHECKS)
    for number, check in enumerate(assure_money.CHECKS, start=1):
        if number > run.goes_on_after:
            found += sum(one.found for one in assure_money.run(on=on, at=clock.now(), checks=[check]))
            long_runs.note_progress(long_run_id=run.long_run_id, done=number, whole=whole, goes_on_after=number)
    return {"checks": whole, "found": found}


_DONE_BY: dict[str, Callable[[LongRunView], Mapping[str, Any]]] = {
    "DEBIT_REQUESTS": _requests,
    "DEBIT_ANSWER": _answer,
    "CREDIT_CONTROL": _credit_control,
    "ASSURANCE": _assurance,
    "AGENCY_FILE": _agency_file,
    "AGENCY_ANSWER": _agency_answer,
    "PAYMENT_FILE": _payment_file,
}
