"""After many payments of a file: what follows for the accounts, in the transaction that posted them. Read from the top.

    cases      debts that others collect and that are paid now are withdrawn
    validity   prepaid money that has an end lasts longer, and its stop ends
    resume     service that was stopped for arrears goes on, where nothing else stands in the way

Source: ACM-06, D8.7, D9.8, D10.1.
"""

from collections.abc import Sequence
from datetime import datetime

from openboss.modules.receivables.functions import validity
from openboss.modules.receivables.functions.collection_cases import withdraw_paid
from openboss.processes import collect_debt, keep_validity, unbilled


def run(paid: Sequence[tuple[int, int]], at: datetime) -> None:
    """Do what follows some payments (account, fen)."""
    accounts = sorted({account_id for account_id, _ in paid})
    withdraw_paid(account_ids=accounts, at=at)
    lasting = validity.accounts_with_validity(account_ids=accounts)
    for account_id, paid_fen in paid:
        if account_id in lasting:
            keep_validity.extend(account_id=account_id, paid_fen=paid_fen, at=at)
    begun = collect_debt.begun(accounts, at=at)
    if begun:
        used = unbilled.of_accounts(begun, at=at)
        collect_debt.look_at(begun, at=at, may_begin=False, **used._asdict())
