"""Texts to handsets and words to staff leave the outbox: into a sandbox that says it is one, masked, once, or stay."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from tests.modules.customers.conftest import AT
from tests.modules.receivables.conftest import EXAMPLE

from openboss.access.network import delivery, handsets
from openboss.modules.customers.messages import TEXTS, sms, text_of
from openboss.modules.system import functions as system

NUMBER = 8613811112222


def lines(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / handsets.FILE).read_text(encoding="utf-8").splitlines()]


@pytest.mark.django_db
def test_texts_and_alerts_are_written_down_in_the_users_language_with_masked_numbers_and_no_secret(
    tmp_path: Path,
) -> None:
    values = {"owed_fen": 12_050, "limit_fen": 10_000}
    for payload in (
        {"number": NUMBER, "template": "LIMIT_STOP_1", "values": values},
        {"number": NUMBER, "template": "LIMIT_WARN", "values": values, "language": "en"},
        sms(NUMBER, "DYNAMIC_CODE", secret={"digits": "483920"}),
    ):
        system.send_out(topic="sms", payload=payload, at=AT)
    system.send_out(topic="staff", payload={"org": "H1", "alarm": "LOW_STOCK", "item": "SIM", "pieces": 3}, at=AT)
    system.send_out(topic="manager.alert", payload={"account_id": 7, "step": "STOP_2", "exposure_fen": 9}, at=AT)
    centre = handsets.Sandbox(tmp_path)
    assert delivery.deliver_texts(centre, now=lambda: AT) == delivery.Delivered(5, 0)
    assert delivery.deliver_texts(handsets.Sandbox(tmp_path), now=lambda: AT) == delivery.Delivered(0, 0)
    note, stopped, warned, code, staff, manager = lines(tmp_path)
    assert note["note"].startswith("sandbox: no text leaves this machine")
    assert (stopped["to"], stopped["text"]) == (
        "138****2222",
        "您的话费120.50元已超过信用额度100.00元，呼出已暂停。交费后自动恢复。",
    )
    assert warned["text"].startswith("Your use has come to 120.50 yuan of a credit limit of 100.00 yuan.")
    assert "******" in code["text"]
    assert (staff["to"], manager["to"]) == ("staff of H1", "account managers")
    written = (tmp_path / handsets.FILE).read_text(encoding="utf-8")
    assert "483920" not in written and str(NUMBER)[2:] not in written
    assert system.count_messages() == {"SENT": 5}


@pytest.mark.django_db
def test_a_text_nobody_can_write_is_tried_ten_times_and_is_then_a_dead_letter_that_can_be_mended(
    tmp_path: Path,
) -> None:
    wrong = system.send_out(topic="sms", payload={"number": NUMBER, "template": "NO_SUCH"}, at=AT)
    centre, at = handsets.Sandbox(tmp_path), AT

    def now() -> datetime:
        return at

    for _ in range(10):
        assert delivery.deliver_texts(centre, now=now) == delivery.Delivered(0, 1)
        at += timedelta(hours=1)
    dead = system.message(outbox_id=wrong)
    assert dead is not None and (dead.state, dead.attempts) == ("FAILED", 10)
    assert "NO_SUCH" in dead.last_error
    assert delivery.deliver_texts(centre, now=now) == delivery.Delivered(0, 0)
    assert len(lines(tmp_path)) == 1
    system.send_again(outbox_id=wrong, at=at, staff_id=None, payload=sms(NUMBER, "PASSWORD_SET"))
    assert delivery.deliver_texts(centre, now=now) == delivery.Delivered(1, 0)


@pytest.mark.django_db
def test_a_file_that_cannot_be_written_leaves_the_text_waiting(tmp_path: Path) -> None:
    text = system.send_out(topic="sms", payload=sms(NUMBER, "PASSWORD_SET"), at=AT)
    centre = handsets.Sandbox(tmp_path / "away")
    (tmp_path / "away" / handsets.FILE).unlink()
    (tmp_path / "away" / handsets.FILE).mkdir()
    assert delivery.deliver_texts(centre, now=lambda: AT) == delivery.Delivered(0, 1)
    waiting = system.message(outbox_id=text)
    assert waiting is not None and (waiting.state, waiting.attempts) == ("WAITING", 1)


def test_every_step_of_credit_control_has_its_text_in_both_languages() -> None:
    plans = yaml.safe_load((EXAMPLE / "money.yaml").read_text(encoding="utf-8"))["parameters"]
    steps = [
        f"{one['key'].removeprefix('money.plan.')}_{step['step']}"
        for one in plans
        if one["key"].startswith("money.plan.")
        for step in one["value"]
    ]
    values = {"owed_fen": 5, "limit_fen": -5, "used_fen": 100, "ends_on": "2026-12-01", "digits": "1"}
    values |= {"month": "2026-11", "due_fen": 5, "balance_li": 5, "reserved_li": 0, "unbilled_li": 5, "fee_fen": 5}
    values |= {"left": "1 MB", "name": "GPRS10", "key": "1", "until": "2026-11-10 10:00", "credit_fen": 2000}
    values |= {
        "item": "local calls",
        "objected_fen": 5,
        "returned_fen": 10,
        "over_fen": 5,
        "answer": "as the tariff says",
        "whose": "137****0009",
    }
    for template in [*steps, *TEXTS]:
        said = [text_of(template, language=language, values=values) for language in ("zh", "en")]
        assert all("{" not in text and text for text in said)
        assert said[0] != said[1] or template == "USSD_ENTRY"  # a key and a name, no words
