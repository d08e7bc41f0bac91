"""The columns in which a customer base comes in bulk: what `load_base` takes and the generator writes.

One polars frame a table, named as in FRAMES. Null = not known, or for `to_*`: open end.
Moments are UTC; cycles are ints like 202610; numbers, IMSIs are int64 digits; ICCIDs text.
"""

import polars as pl

MOMENT: pl.DataType = pl.Datetime("us", "UTC")

CUSTOMERS = pl.Schema(
    {
        "customer_id": pl.Int64(),
        "kind": pl.String(),  # INDIVIDUAL | UNIT
        "name": pl.String(),
        "pinyin": pl.String(),  # zhang wei
        "initials": pl.String(),  # zw
        "cert_type": pl.String(),  # ID_CARD | PASSPORT | LICENCE
        "cert_no": pl.String(),  # in clear: encrypted while it is loaded
        "born_on": pl.Date(),
        "customer_class": pl.String(),  # for units A | B | C (D17.4), else ORDINARY
        "vip_level": pl.String(),  # NONE | SILVER | GOLD | DIAMOND (D17.1)
        "org_code": pl.String(),
        "created_on": pl.Date(),
    }
)

SUBSCRIBERS = pl.Schema(
    {
        "subscriber_id": pl.Int64(),
        "customer_id": pl.Int64(),
        "service_type": pl.String(),  # MOBILE | FIXED | BROADBAND
        "brand": pl.String(),  # GOTONE | EASYOWN | MZONE
        "home_area": pl.Int32(),
        "pay_type": pl.String(),  # PREPAID | POSTPAID
        "opened_at": MOMENT,
        "closed_at": MOMENT,
        "star": pl.Int8(),  # 0..5; five stars gold 6, diamond 7
    }
)

NUMBERS = pl.Schema({"subscriber_id": pl.Int64(), "number": pl.Int64(), "from_at": MOMENT, "to_at": MOMENT})

SIMS = pl.Schema(
    {"subscriber_id": pl.Int64(), "iccid": pl.String(), "imsi": pl.Int64(), "from_at": MOMENT, "to_at": MOMENT}
)

HOLDINGS = pl.Schema(
    {
        "holding_id": pl.Int64(),
        "subscriber_id": pl.Int64(),
        "offer_id": pl.Int64(),
        "first_month": pl.String(),  # PRORATE | FULL | HALF | PAY_AS_YOU_GO (D7.4)
        "from_at": MOMENT,
        "to_at": MOMENT,
    }
)

ACCOUNTS = pl.Schema(
    {
        "account_id": pl.Int64(),
        "customer_id": pl.Int64(),
        "pay_method": pl.String(),  # CASH | DIRECT_DEBIT | GROUP
        "language": pl.String(),  # zh | en
        "layout": pl.String(),  # STANDARD | BRIEF | DETAILED
    }
)

RELATIONS = pl.Schema(
    {
        "relation_id": pl.Int64(),
        "subscriber_id": pl.Int64(),
        "account_id": pl.Int64(),
        "item_scope": pl.String(),  # ALL | a group code (G2_VOICE) | an item code (RENT)
        "mode": pl.String(),  # FULL | RATIO | LIMIT | REST
        "value": pl.Int64(),  # RATIO: ten-thousandths (5000 = 50 %); LIMIT: fen a cycle; else 0
        "priority": pl.Int32(),
        "from_cycle": pl.Int32(),
        "to_cycle": pl.Int32(),
    }
)

GROUPS = pl.Schema(
    {
        "group_id": pl.Int64(),
        "kind": pl.String(),  # FAMILY | VPMN
        "name_zh": pl.String(),
        "name_en": pl.String(),
        "payer_subscriber_id": pl.Int64(),
    }
)

GROUP_MEMBERS = pl.Schema(
    {
        "group_id": pl.Int64(),
        "subscriber_id": pl.Int64(),
        "short_number": pl.Int64(),
        "from_at": MOMENT,
        "to_at": MOMENT,
    }
)

STOPS = pl.Schema({"subscriber_id": pl.Int64(), "reason": pl.String(), "from_at": MOMENT, "to_at": MOMENT})

LISTED_NUMBERS = pl.Schema({"subscriber_id": pl.Int64(), "number": pl.Int64(), "from_at": MOMENT, "to_at": MOMENT})

CERTIFICATES = pl.Schema(
    {
        "customer_id": pl.Int64(),
        "kind": pl.String(),  # DISABILITY | STUDENT ...
        "number_masked": pl.String(),
        "from_on": pl.Date(),
        "to_on": pl.Date(),
    }
)

FRAMES = {
    "customers": CUSTOMERS,
    "subscribers": SUBSCRIBERS,
    "numbers": NUMBERS,
    "sims": SIMS,
    "holdings": HOLDINGS,
    "accounts": ACCOUNTS,
    "relations": RELATIONS,
    "groups": GROUPS,
    "group_members": GROUP_MEMBERS,
    "stops": STOPS,
    "listed_numbers": LISTED_NUMBERS,
    "certificates": CERTIFICATES,
}
