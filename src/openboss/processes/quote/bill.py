"""The month's bill of a quote, by the bill run's own steps on frames in memory."""

from datetime import date
from typing import Any

import polars as pl

from openboss.kernel.periods import first_day, next_cycle
from openboss.modules.billing.functions import (
    LINES,
    DiscountRefused,
    RunTariff,
    Source,
    bill_in_memory,
    shares_of,
    tariff_of,
)
from openboss.modules.charging.functions import what_if
from openboss.processes.offer_fees import contract_fee_li
from openboss.processes.quote.answer import item_code, money, rule_code
from openboss.processes.quote.events import li
from openboss.processes.quote.form import Problem, QuoteRefused
from openboss.processes.quote.parties import LONG_AGO, Parties, day
from openboss.processes.quote.tariffs import Tariffs
from openboss.processes.quote.trace import yuan

LI_PER_FEN = 10
DATE, LONG, TEXT = pl.Date, pl.Int64, pl.String
SCHEMAS: dict[str, dict[str, Any]] = {
    "usage": {name: kind for name, kind in LINES.items() if name not in ("source", "reference_id")},
    "charges": {"charge_id": LONG, "subscriber_id": LONG, "item_id": pl.Int16, "source": pl.Int16, "charge_li": LONG},
    "holdings": {
        "holding_id": LONG,
        "subscriber_id": LONG,
        "offer_id": LONG,
        "first_month": TEXT,
        "from_on": DATE,
        "to_on": DATE,
    },
    "stops": {"subscriber_id": LONG, "reason": TEXT, "from_on": DATE, "to_on": DATE},
    "attributes": {
        "subscriber_id": LONG,
        "customer_id": LONG,
        "born_on": DATE,
        "opened_on": DATE,
        "closed_on": DATE,
        "customer_class": TEXT,
        "vip_level": TEXT,
        "brand": TEXT,
        "star": pl.Int16,
        "home_area": pl.Int32,
        "certificates": TEXT,
    },
    "members": {"subscriber_id": LONG, "group_id": LONG, "kind": TEXT},
    "past": {"subscriber_id": LONG, "cycle": pl.Int32, "item_id": pl.Int16, "due_fen": LONG},
    "relations": {
        "relation_id": LONG,
        "subscriber_id": LONG,
        "account_id": LONG,
        "item_scope": TEXT,
        "mode": TEXT,
        "value": LONG,
        "priority": pl.Int16,
        "payer_id": LONG,
    },
}


def bills_of(state: what_if.EngineState, cycle: int, parties: Parties, tariffs: Tariffs) -> dict[str, Any]:
    """Bill a month: accounts with their items, lines before discounts, discounts considered. Raises QuoteRefused."""
    next_first_on = date.fromordinal(date(1970, 1, 1).toordinal() + int(first_day(next_cycle(cycle))))
    try:
        tariff = tariff_of([v for v in tariffs.versions if v.from_on < next_first_on], list(tariffs.items))
    except DiscountRefused as refused:
        raise QuoteRefused([Problem(str(refused), f"该资费不能出账（{refused}）")]) from refused
    files = bill_in_memory(cycle=cycle, tariff=tariff, inputs=_inputs(state, cycle, parties, tariffs))
    due = files.get(0, "due").sort("subscriber_id", "column")
    shares = shares_of(due=due, relations=files.get(0, "relations"), tariff=tariff)
    names = {number: name for name, number in parties.payers.items()}
    return {
        "cycle": cycle,
        "lines": [_line(row, parties, tariffs) for row in files.get(0, "lines").iter_rows(named=True)],
        "discounts": [_choice(row, parties, tariffs) for row in files.get(0, "choices").iter_rows(named=True)],
        "accounts": [_account(name, number, shares, tariff, parties, tariffs) for number, name in names.items()],
    }


def _inputs(state: what_if.EngineState, cycle: int, parties: Parties, tariffs: Tariffs) -> dict[str, pl.DataFrame]:
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}
    _, totals = what_if.closing(state, cycle)
    rows["usage"] = [total | {"item_id": total["item"], "rule_id": total["rule"]} for total in totals]
    for user in parties.users:
        _add_user(rows, user, cycle, parties, tariffs)
    for name in ("holdings", "charges", "relations"):
        for number, row in enumerate(rows[name], 1):
            row[{"holdings": "holding_id", "charges": "charge_id", "relations": "relation_id"}[name]] = number
    return {
        name: pl.DataFrame({column: [row.get(column) for row in rows[name]] for column in schema}, schema=schema)
        for name, schema in SCHEMAS.items()
    }


def _add_user(
    rows: dict[str, list[dict[str, Any]]], user: dict[str, Any], cycle: int, parties: Parties, tariffs: Tariffs
) -> None:
    own = {"subscriber_id": parties.ids[user["user"]]}
    kinds = {version.code: (version.kind, version.brand) for version in tariffs.versions}
    brands = [brand for p in user.get("products") or [] for kind, brand in [kinds[p["offer"]]] if kind == "MAIN"]
    rows["attributes"].append(
        own
        | {
            "customer_id": parties.customers[user.get("customer") or user["user"]],
            "born_on": day(user.get("born_on")),
            "opened_on": day(user.get("opened_on")) or LONG_AGO.date(),
            "closed_on": day(user.get("closed_on")),
            "customer_class": user.get("class") or "",
            "vip_level": user.get("vip_level") or "",
            "brand": user.get("brand") or (brands[0] if brands else ""),
            "star": user.get("star") or 0,
            "home_area": 0,
            "certificates": ",".join(user.get("certificates") or []),
        }
    )
    for product in user.get("products") or []:
        span = {"from_on": day(product.get("from")) or LONG_AGO.date(), "to_on": day(product.get("to"))}
        chosen = product.get("first_month") or "PRORATE"
        rows["holdings"].append(own | span | {"offer_id": parties.offer_ids[product["offer"]], "first_month": chosen})
    for stop in user.get("stops") or []:
        rows["stops"].append(
            own | {"reason": stop["reason"], "from_on": day(stop["from"]), "to_on": day(stop.get("to"))}
        )
    for charge in user.get("charges") or []:
        about = {"item_id": _item_id(tariffs, charge["item"], user), "source": int(Source.ONE_TIME)}
        rows["charges"].append(own | about | {"charge_li": li(charge["fee"], "charges")})
    for product in user.get("products") or []:
        fee_li = _contract_fee(product, cycle, tariffs)
        if fee_li:
            about = {"item_id": _item_id(tariffs, "ONE_TIME", user), "source": int(Source.ONE_TIME)}
            rows["charges"].append(own | about | {"charge_li": fee_li})
    for bill in user.get("past") or []:
        due_fen = li(bill["due"], "past") // LI_PER_FEN
        rows["past"].append(
            own | {"cycle": bill["cycle"], "item_id": _item_id(tariffs, bill["item"], user), "due_fen": due_fen}
        )
    for member in user.get("groups") or []:
        rows["members"].append(own | {"group_id": parties.groups[member["group"]], "kind": member["kind"]})
    _add_relations(rows, user, parties)


def _item_id(tariffs: Tariffs, code: str, user: dict[str, Any]) -> int:
    item_id = tariffs.item_id(code)
    if item_id is None:
        raise no_such_item(user, code)
    return item_id


def no_such_item(user: dict[str, Any], code: str) -> QuoteRefused:
    """Refuse a bill item that the operator does not have."""
    name = user["user"]
    return QuoteRefused([Problem(f"user {name}: there is no bill item {code}", f"用户 {name}：没有账单项 {code}")])


def _contract_fee(product: dict[str, Any], cycle: int, tariffs: Tariffs) -> int:
    """What a product that ends in the month costs because its contract has not run out (as an order would charge)."""
    from_on, to_on = day(product.get("from")) or LONG_AGO.date(), day(product.get("to"))
    versions = [one for one in tariffs.versions if one.code == product["offer"] and one.from_on <= from_on]
    if to_on is None or not versions or to_on.year * 100 + to_on.month != cycle:
        return 0
    newest = max(versions, key=lambda version: version.from_on)
    return contract_fee_li(newest.document, from_on, to_on)


def _add_relations(rows: dict[str, list[dict[str, Any]]], user: dict[str, Any], parties: Parties) -> None:
    own = {"subscriber_id": parties.ids[user["user"]]}
    for payment in user.get("pays") or []:
        value = li(payment.get("percent"), "percent") // 10 if payment["mode"] == "RATIO" else 0  # ten-thousandths
        value = li(payment.get("limit"), "limit") // LI_PER_FEN if payment["mode"] == "LIMIT" else value
        account_id = parties.payers[payment["account"]]
        rows["relations"].append(
            own
            | {"account_id": account_id, "item_scope": payment.get("items") or "ALL", "mode": payment["mode"]}
            | {"value": value, "priority": payment.get("priority") or 50, "payer_id": account_id}
        )
    account_id = parties.payers[user.get("account") or user["user"]]
    rest = {"item_scope": "ALL", "mode": "REST", "value": 0, "priority": 99, "payer_id": account_id}
    rows["relations"].append(own | rest | {"account_id": account_id})


def _line(row: dict[str, Any], parties: Parties, tariffs: Tariffs) -> dict[str, Any]:
    found = {"user": parties.names[row["subscriber_id"]], "item": item_code(tariffs, row["item_id"])}
    found |= {"rule": rule_code(tariffs, row["rule_id"]), "units": row["units"], "free_units": row["free_units"]}
    return found | money("standard", row["std_li"]) | money("actual", row["act_li"])


def _choice(row: dict[str, Any], parties: Parties, tariffs: Tariffs) -> dict[str, Any]:
    found = {"user": parties.names[row["subscriber_id"]], "rule": rule_code(tariffs, row["rule_id"])}
    found |= {"phase": f"P{row['phase']}", "chosen": row["chosen"]}
    if row["item_id"]:
        found["item"] = item_code(tariffs, row["item_id"])
    return found | money("effect", row["effect_li"]) | money("payable", row["payable_li"])


def _account(
    name: str, account_id: int, shares: pl.DataFrame, tariff: RunTariff, parties: Parties, tariffs: Tariffs
) -> dict[str, Any]:
    own = shares.filter(pl.col("account_id") == account_id)
    columns = tariff.columns
    items = [
        {
            "user": parties.names[row["subscriber_id"]],
            "item": item_code(tariffs, row["item_id"]),
            **fen("standard", row["std_fen"]),
            **fen("due", row["due_fen"]),
        }
        for row in own.iter_rows(named=True)
    ]
    items.sort(key=lambda item: (columns[item["item"]], parties.ids[item["user"]]))
    return {"account": name, "items": items, **fen("total", int(own["due_fen"].sum()))}


def fen(name: str, amount_fen: int) -> dict[str, Any]:
    """An amount of a bill twice: `name_fen` for programs, `name` in yuan for people."""
    return {f"{name}_fen": amount_fen, name: yuan(amount_fen * LI_PER_FEN)}
