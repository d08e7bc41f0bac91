"""An operator's chart of accounts and rules of money, read from its documents."""

import csv
from datetime import date, datetime
from pathlib import Path

import yaml
from django.db import transaction

from openboss.modules.receivables.atomic.ledger import ChartRefused, ChartView, put_chart
from openboss.modules.system.atomic import put_parameter

CHART_FILE, RULES_FILE = "chart_of_accounts.csv", "money.yaml"
_NEEDED_ROLES = {
    *("CASH", "BANK", "RECEIVABLE", "DOUBTFUL", "PREPAYMENT", "GIFT", "VOUCHER", "DEPOSIT", "SUSPENSE", "LATE_FEE"),
    *("FEES", "CARDS_SOLD", "RECOVERED", "BAD_DEBT", "CASH_OVER", "CASH_SHORT", "WAIVED", "GIFTS_GRANTED", "AGENT"),
    *("COMMISSION", "LAPSED", "CHARGED", "OVERDRAWN", "DEFERRED"),
}


@transaction.atomic
def import_money(folder: Path, *, at: datetime) -> dict[str, int]:
    """Load `chart_of_accounts.csv` and `money.yaml`; the same files again change nothing. Raises ChartRefused.

    Returns how many accounts of the chart and how many parameters changed.
    """
    with (folder / CHART_FILE).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    try:
        accounts = [_account(row) for row in rows]
    except (KeyError, ValueError) as wrong:
        raise ChartRefused(f"{CHART_FILE}: {wrong}") from wrong
    missing = _NEEDED_ROLES - {one.role for one in accounts}
    if missing:
        raise ChartRefused(f"{CHART_FILE} has no account for {sorted(missing)[0]}")
    document = yaml.safe_load((folder / RULES_FILE).read_text(encoding="utf-8"))
    from_on: date = document["from"]
    changed = sum(
        put_parameter(key=one["key"], value=one["value"], from_on=from_on, source=str(one["source"]), at=at)
        for one in document["parameters"]
    )
    return {"chart": put_chart(accounts=accounts, at=at), "rules": changed}


def _account(row: dict[str, str]) -> ChartView:
    return ChartView(
        chart_no=int(row["chart_no"]),
        role=row["role"],
        kind=row["kind"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        group_code=row["group_code"],
        means=tuple(row["means"].split()),
    )
