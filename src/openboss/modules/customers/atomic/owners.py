"""Whose accounts and users these are, for many at once."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from openboss.modules.customers.models import Subscriber
from openboss.modules.system.copying import copy_out
from openboss.modules.system.statements import ask


def customers_of_accounts(*, account_ids: list[int]) -> dict[int, int]:
    """Say whose accounts these are; an account that does not exist is missing in the answer."""
    return dict(
        ask("SELECT account_id, customer_id FROM customers_account WHERE account_id = ANY(%s::bigint[])", [account_ids])
    )


def paying_accounts(*, subscriber_ids: list[int], cycle: int) -> pl.DataFrame:
    """Who pays the rest of users in a cycle: subscriber_id, account_id."""
    return copy_out(
        "SELECT subscriber_id, account_id FROM customers_paymentrelation"
        " WHERE mode = 'REST' AND cycles @> %s::int AND subscriber_id = ANY(%s)",
        {"subscriber_id": pl.Int64, "account_id": pl.Int64},
        (cycle, subscriber_ids),
    )


def accounts_of_numbers(*, numbers: list[int], cycle: int, at: datetime) -> dict[int, int]:
    """Who pays the rest of the users who have some numbers at a moment, by number; nobody's numbers are missing."""
    return dict(
        ask(
            "SELECT n.number, r.account_id FROM customers_numberperiod n JOIN customers_paymentrelation r"
            " USING (subscriber_id) WHERE n.number = ANY(%s::bigint[]) AND n.period @> %s::timestamptz"
            " AND r.mode = 'REST' AND r.cycles @> %s::int",
            [numbers, at, cycle],
        )
    )


def prepaid_users(*, subscriber_ids: list[int] | None = None, cycle: int) -> dict[int, list[int]]:
    """Users in service who pay before use, of some or all, by the account that pays their rest in a cycle."""
    return _users_in_service("PREPAID", subscriber_ids, cycle)


def postpaid_users(*, subscriber_ids: list[int] | None = None, cycle: int) -> dict[int, list[int]]:
    """Users in service who pay by bill, of some or all, by the account that pays their rest in a cycle."""
    return _users_in_service("POSTPAID", subscriber_ids, cycle)


def _users_in_service(pay_type: str, subscriber_ids: list[int] | None, cycle: int) -> dict[int, list[int]]:
    rows = ask(
        "SELECT r.account_id, s.subscriber_id FROM customers_subscriber s JOIN customers_paymentrelation r"
        " USING (subscriber_id) WHERE s.pay_type = %s::text AND s.life = 'ACTIVE' AND r.mode = 'REST'"
        " AND r.cycles @> %s::int AND (%s::bigint[] IS NULL OR s.subscriber_id = ANY(%s::bigint[])) ORDER BY 1, 2",
        [pay_type, cycle, subscriber_ids, subscriber_ids],
    )
    found: dict[int, list[int]] = {}
    for account_id, subscriber_id in rows:
        found.setdefault(account_id, []).append(subscriber_id)
    return found


def opened_at(*, subscriber_ids: list[int]) -> dict[int, datetime]:
    """When users were opened."""
    rows = Subscriber.objects.filter(subscriber_id__in=subscriber_ids)
    return dict(rows.values_list("subscriber_id", "opened_at"))


def users_paid_by(*, account_ids: list[int], cycle: int, at: datetime) -> pl.DataFrame:
    """Users whose rest these accounts pay in a cycle: account_id, subscriber_id, star, pay_type, life, is_stopped."""
    frame = copy_out(
        "SELECT r.account_id, s.subscriber_id, s.star, s.pay_type, s.life,"
        " EXISTS (SELECT 1 FROM customers_stopperiod p WHERE p.subscriber_id = s.subscriber_id"
        "  AND p.period @> %s)::int FROM customers_paymentrelation r JOIN customers_subscriber s USING (subscriber_id)"
        " WHERE r.mode = 'REST' AND r.cycles @> %s::int AND r.account_id = ANY(%s) ORDER BY 1, 2",
        {
            "account_id": pl.Int64,
            "subscriber_id": pl.Int64,
            "star": pl.Int16,
            "pay_type": pl.String,
            "life": pl.String,
            "is_stopped": pl.Int8,
        },
        (at, cycle, account_ids),
    )
    return frame.with_columns(pl.col("is_stopped").cast(pl.Boolean))


def accounts_in_use(*, account_ids: list[int], cycle: int) -> set[int]:
    """Of some accounts those which pay anything of a user in a cycle who has not ended."""
    found = ask(
        "SELECT DISTINCT r.account_id FROM customers_paymentrelation r"
        " JOIN customers_subscriber s USING (subscriber_id)"
        " WHERE r.account_id = ANY(%s::bigint[]) AND r.cycles @> %s::int AND s.life <> 'TERMINATED'",
        [account_ids, cycle],
    )
    return {row[0] for row in found}


def users_shared(*, account_ids: Sequence[int], cycle: int) -> list[int]:
    """Users of whom accounts pay a part or the rest in a cycle, while other accounts pay too."""
    found = ask(
        "SELECT DISTINCT m.subscriber_id FROM customers_paymentrelation m JOIN customers_paymentrelation o"
        " USING (subscriber_id) WHERE m.account_id = ANY(%s::bigint[]) AND m.cycles @> %s::int"
        " AND o.cycles @> %s::int AND o.mode <> 'REST' ORDER BY 1",
        [list(account_ids), cycle, cycle],
    )
    return [user for (user,) in found]


def relations_of_users(*, subscriber_ids: Sequence[int], cycle: int) -> pl.DataFrame:
    """Who pays what of users in a cycle: columns as in the billing image."""
    return copy_out(
        "SELECT relation_id, subscriber_id, account_id, item_scope, mode, value, priority"
        " FROM customers_paymentrelation WHERE subscriber_id = ANY(%s) AND cycles @> %s::int ORDER BY 2, 1",
        {
            "relation_id": pl.Int64,
            "subscriber_id": pl.Int64,
            "account_id": pl.Int64,
            "item_scope": pl.String,
            "mode": pl.String,
            "value": pl.Int64,
            "priority": pl.Int64,
        },
        (list(subscriber_ids), cycle),
    )


def accounts_that_share(*, cycle: int) -> list[int]:
    """Accounts that pay a part of users in a cycle, in order."""
    found = ask(
        "SELECT DISTINCT account_id FROM customers_paymentrelation WHERE mode <> 'REST' AND cycles @> %s::int"
        " ORDER BY 1",
        [cycle],
    )
    return [account_id for (account_id,) in found]


def room_of_others(*, account_ids: Sequence[int], cycle: int, not_used: Sequence[str]) -> pl.DataFrame:
    """What others pay a month of what the users of accounts use: account_id, room_fen; null: without limit.

    not_used  scopes of what no use is charged to, such as monthly fees
    """
    return copy_out(
        "SELECT r.account_id, CASE WHEN bool_and(o.mode = 'LIMIT') THEN sum(o.value)::bigint END"
        " FROM customers_paymentrelation r JOIN customers_paymentrelation o USING (subscriber_id)"
        " WHERE r.mode = 'REST' AND r.account_id = ANY(%s) AND r.cycles @> %s::int AND o.cycles @> %s::int"
        " AND o.mode <> 'REST' AND o.account_id <> r.account_id AND o.item_scope <> ALL(%s) GROUP BY 1",
        {"account_id": pl.Int64, "room_fen": pl.Int64},
        (list(account_ids), cycle, cycle, list(not_used)),
    )


def users_together(*, subscriber_id: int) -> list[int]:
    """Who was ever in a group with a user, or on an account that pays the user's rest; the user too if anybody was."""
    found = ask(
        "SELECT o.subscriber_id FROM customers_groupmember m JOIN customers_groupmember o USING (group_id)"
        " WHERE m.subscriber_id = %s UNION SELECT o.subscriber_id FROM customers_paymentrelation m"
        " JOIN customers_paymentrelation o USING (account_id)"
        " WHERE m.subscriber_id = %s AND m.mode = 'REST' AND o.mode = 'REST'",
        [subscriber_id, subscriber_id],
    )
    return sorted(user for (user,) in found)


def best_star(*, customer_id: int) -> int:
    """The highest star among a customer's users who are not gone; 0: they have none."""
    found = ask(
        "SELECT coalesce(max(star), 0) FROM customers_subscriber WHERE customer_id = %s::bigint AND closed_at IS NULL",
        [customer_id],
    )
    return int(found[0][0])


def accounts_with_stopped_users(*, account_ids: Sequence[int], at: datetime) -> set[int]:
    """Of some accounts those that pay the rest of a user who is stopped at a moment, for whatever reason."""
    found = ask(
        "SELECT DISTINCT r.account_id FROM customers_paymentrelation r JOIN customers_stopperiod p"
        " USING (subscriber_id) WHERE r.account_id = ANY(%s::bigint[]) AND r.mode = 'REST'"
        " AND p.period @> %s::timestamptz",
        [list(account_ids), at],
    )
    return {row[0] for row in found}


def stars_of(*, subscriber_ids: list[int]) -> pl.DataFrame:
    """The star of users, and the VIP grade of their customers: subscriber_id, star, vip_level."""
    return copy_out(
        "SELECT s.subscriber_id, s.star, c.vip_level FROM customers_subscriber s JOIN customers_customer c"
        " USING (customer_id) WHERE s.subscriber_id = ANY(%s)",
        {"subscriber_id": pl.Int64, "star": pl.Int16, "vip_level": pl.String},
        (subscriber_ids,),
    )
