"""Watch wallets: what the engine says of balances is acted on within a second. Read from top to bottom.

    hear    messages of the engine: LOW, LOWER, EMPTY of a prepaid wallet, NEAR_LIMIT, AT_LIMIT of a limited one
    look    credit control looks at those accounts with what is used right now: one SMS a crossing, stop at nothing
    spent   what an emergency opening allowed is used up: its user is stopped again
    line    where the engine watches a credit limit, it hears up to where it goes on: to the warning, then to the limit
    done    the messages are done in the same transaction as the steps

The deliverer of the network calls this twice a second, so that a call that empties a wallet stops the user at once.
Source: CHG-11, CHG-12, D9.1, D9.4.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import transaction

from openboss.modules.receivables.functions import credit_watch, emergency
from openboss.modules.system import functions as system
from openboss.processes import collect_debt, unbilled

TOPIC = "charging.wallet"
AT_ONCE = 500


def run(*, now: Callable[[], datetime]) -> int:
    """Act on what waits; return how many messages were heard."""
    heard = 0
    while messages := system.claim_messages(topics=[TOPIC], at=now(), limit=AT_ONCE):
        at = now()
        accounts = sorted({int(message.payload["account_id"]) for message in messages})
        used = unbilled.of_accounts(accounts, at=at)
        with transaction.atomic():
            spent = emergency.spent(_at_limit(messages), at=at)
            collect_debt.look_at(accounts, at=at, spent=spent, **used._asdict())
            credit_watch.move_lines(accounts, used_fen=used.unbilled_fen, at=at)
            for message in messages:
                system.message_sent(outbox_id=message.outbox_id, at=at)
        heard += len(messages)
    return heard


def _at_limit(messages: Sequence[system.Message]) -> dict[int, int]:
    """The wallets that went as far down as they may: account and how far, in li."""
    lowest: dict[int, int] = {}
    for message in messages:
        if message.payload["kind"] == "AT_LIMIT":
            account_id = int(message.payload["account_id"])
            lowest[account_id] = min(lowest.get(account_id, 0), int(message.payload["balance_li"]))
    return lowest
