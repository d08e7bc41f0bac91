"""What the form of an offer asks: every field of the grammar of tariff documents, by kind of rule."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from openboss.access.console.views.offer_fields import Field


@dataclass(frozen=True)
class Section:
    """The rules of one kind."""

    key: str
    title: str | Promise
    fields: tuple[Field, ...]


CLASS = (
    Field("record", _("Kind of use"), "ticks", "record_type"),
    Field("roam", _("Roaming"), "ticks", "roam_type"),
    Field("ld", _("Distance"), "ticks", "ld_type"),
    Field("net", _("Network"), "ticks", "other_net"),
    Field("group", _("Group"), "ticks", "closed_group"),
    Field("days", _("Days"), "ticks", "day"),
    Field("hours", _("Hours"), "many", hint="22:00-06:00"),
    Field("friends", _("Only numbers of the user's own list"), "flag"),
    Field("number", _("Number begins with"), "many", hint="8610, 86400"),
    Field("numbers", _("Exactly these numbers"), "numbers", hint="10086"),
    Field("zone", _("Zones of this version"), "codes", hint="ASIA"),
    Field("area", _("Area of the other party"), "numbers", hint="10, 571"),
    Field("country", _("Country of the other party"), "numbers", hint="852"),
    Field("home", _("The user's own area"), "numbers", hint="10"),
    Field("visited", _("Visited area"), "numbers", hint="21"),
    Field("visited_country", _("Visited country"), "numbers", hint="81"),
    Field("partner", _("Visited network"), "many", hint="45400"),
    Field("apn", _("Access point"), "many", hint="cmnet"),
    Field("rating_group", _("Rating group"), "numbers", hint="100"),
    Field("sp", _("Provider"), "numbers", hint="901234"),
    Field("service", _("Service"), "many", hint="1201"),
)
WHEN = Field("when", _("Applies to"), "condition", fields=CLASS)
SCOPE = Field("of", _("Applies to"), "condition", fields=(Field("component", _("Part"), "ticks", "component"), *CLASS))
MEASURE = "measure_unit"
ROUNDING = (
    Field("mode", _("Rounded"), "choice", "rounding"),
    Field("place", _("To yuan"), "yuan", hint="0.01"),
)
BANDS = (
    Field("days", _("Days"), "ticks", "day"),
    Field("from", _("from"), "time", hint="22:00"),
    Field("to", _("until"), "time", hint="06:00"),
    Field("price", _("Price"), "yuan"),
    Field("per", _("for"), "measure", MEASURE),
)
ITEM = Field("item", _("Bill item"), "choice", "items")
BY_TIME, INSIDE, PERIOD, LEAST = _("By time"), _("Inside one event"), _("Over a period"), _("Connection, least, most")
VALIDITY, SHARING, SPEED = _("Grant and validity"), _("Sharing and overflow"), _("Speed steps")
FURTHER, TERMS, TO_WHOM = _("Period and closing"), _("How often"), _("Who gets it")

WHO = Field(
    "when",
    _("Only for users"),
    "parts",
    fields=(
        Field("age_min", _("Age from"), "count"),
        Field("age_max", _("Age up to"), "count"),
        Field("tenure_months_min", _("Months with us, at least"), "count"),
        Field("star_min", _("Stars, at least"), "count"),
        Field("birthday_month", _("In the month of the birthday"), "flag"),
        Field("customer_class", _("Customer class"), "ticks", "customer_class"),
        Field("vip_level", _("VIP card"), "ticks", "vip"),
        Field("brand", _("Brand"), "ticks", "brand"),
        Field("certificates", _("Certificates"), "ticks", "certificate"),
        Field("groups", _("In a group"), "ticks", "group_kind"),
        Field("holds", _("Also holds"), "codes", hint="BROADBAND_50"),
        Field(
            "items_sum",
            _("Who spends this month"),
            "parts",
            fields=(
                Field("items", _("Bill items"), "items"),
                Field("min", _("At least yuan"), "yuan"),
                Field("below", _("Less than yuan"), "yuan"),
                Field("scope", _("Counted for"), "choice", "sum_scope"),
            ),
        ),
        Field(
            "past_sum",
            _("Who has spent"),
            "parts",
            fields=(
                Field("items", _("Bill items"), "items"),
                Field("cycles", _("In the last so many months"), "count"),
                Field("min", _("At least yuan"), "yuan"),
                Field("below", _("Less than yuan"), "yuan"),
            ),
        ),
    ),
    group=TO_WHOM,
)
RECURRING = (
    ITEM,
    Field("fee", _("Fee"), "yuan"),
    Field("first_month", _("First month"), "choice", "first_month", "PRORATE"),
    Field("every", _("Every so many months"), "count", group=TERMS, hint="1"),
    Field("cycles", _("Only the first so many months"), "count", group=TERMS, hint="12"),
    WHO,
)
ONE_TIME = (ITEM, Field("fee", _("Fee"), "yuan"), Field("paid", _("Paid"), "choice", "one_time_paid"))
FREE = (
    Field("granted", _("How much"), "granted"),
    Field("unit", _("Unit"), "choice", "free_unit", "MIN"),
    Field("scope", _("Applies to"), "scopes", fields=(SCOPE, Field("factor", _("Counts times"), "text", hint="3"))),
    Field("priority", _("Order of use"), "count", otherwise="50"),
    Field("carry_over", _("Months what is left lives on"), "carry", hint="0"),
    Field("grant", _("Given"), "choice", "grant", group=VALIDITY),
    Field("instalments", _("Only the first so many months"), "count", group=VALIDITY),
    Field("valid", _("Valid for"), "valid", "valid_unit", group=VALIDITY),
    Field("prorate", _("In full in the first month as well"), "off", group=VALIDITY),
    Field("share", _("All users of the group draw on it"), "share", group=SHARING),
    Field("gift", _("May be given to another user"), "flag", group=SHARING),
    Field("overflow", _("When it is used up"), "choice", "overflow", group=SHARING),
    Field(
        "speed",
        _("Speed after so much use"),
        "table",
        fields=(Field("from", _("Used"), "count"), Field("kbps", _("kbit/s"), "count")),
        group=SPEED,
    ),
)
PRICES = (
    Field("component", _("Part"), "choice", "component_price", "basic"),
    WHEN,
    ITEM,
    Field("price", _("Price"), "yuan"),
    Field("unit", _("Charged by"), "measure", "price_unit", "60 s"),
    Field("per", _("Price is for"), "measure", MEASURE),
    Field("bands", _("Prices by time; the first that holds counts"), "table", fields=BANDS, group=BY_TIME),
    Field(
        "steps",
        _("Parts of one event, the last without end; then no price above"),
        "table",
        fields=(
            Field("to", _("until"), "measure", MEASURE),
            Field("unit", _("Charged by"), "measure", MEASURE),
            Field("price", _("Price"), "yuan"),
            Field("per", _("for"), "measure", MEASURE),
            Field("bands", _("By time"), "table", fields=BANDS),
            Field("rounding", _("Rounding"), "parts", fields=ROUNDING),
        ),
        group=INSIDE,
    ),
    Field("basis", _("Counted over"), "choice", "basis", group=PERIOD),
    Field("counts", _("Whose use counts"), "choice", "counts", group=PERIOD),
    Field("counter", _("With a shared counter"), "text", group=PERIOD),
    Field("by", _("One count for each place"), "choice", "count_by", group=PERIOD),
    Field("tier_mode", _("Tiers"), "choice", "tier_mode", group=PERIOD),
    Field(
        "tiers",
        _("Tiers, the first from 0"),
        "table",
        fields=(
            Field("from", _("from"), "units", MEASURE),
            Field("price", _("Price"), "yuan"),
            Field("per", _("for"), "measure", MEASURE),
            Field("flat", _("Once"), "yuan"),
            Field("block", _("In blocks of"), "units", MEASURE),
            Field("block_price", _("A block costs"), "yuan"),
            Field("block_cap", _("A block at most"), "yuan"),
        ),
        group=PERIOD,
    ),
    Field("connect", _("For the connection"), "yuan", group=LEAST),
    Field("at_least", _("Charged as at least"), "measure", MEASURE, group=LEAST),
    Field("min_charge", _("An event at least"), "yuan", group=LEAST),
    Field("max_charge", _("An event at most"), "yuan", group=LEAST),
    Field("rounding", _("Rounding"), "parts", fields=ROUNDING, group=LEAST),
)
CAPS = (
    Field("cap", _("At most"), "yuan"),
    Field("items", _("Bill items"), "items"),
    Field("over", _("Over"), "choice", "cap_over", group=FURTHER),
    Field("by", _("One count for each place"), "choice", "count_by", group=FURTHER),
    Field("closes_at", _("Service closes at"), "measure", MEASURE, group=FURTHER),
)
DISCOUNTS = (
    Field("phase", _("Phase"), "choice", "discount_phase", "P3"),
    Field("items", _("Bill items"), "items"),
    Field(
        "effect",
        _("What it does"),
        "effect",
        "effect",
        fields=(
            Field("mode", _("Steps count"), "choice", "step_mode"),
            Field("measure", _("Measured in"), "choice", "step_measure"),
            Field(
                "steps",
                _("Steps"),
                "table",
                fields=(Field("from", _("above"), "count"), Field("percent", _("percent off"), "text")),
            ),
        ),
    ),
    Field("priority", _("Order"), "count", otherwise="50"),
    Field("exclusion_group", _("Only the best of the group"), "text"),
    Field("to", _("Who is given it"), "choice", "discount_to", group=TO_WHOM),
    WHO,
)
SECTIONS = (
    Section("recurring", _("Monthly fees"), RECURRING),
    Section("one_time", _("One-time fees"), ONE_TIME),
    Section("free", _("Included"), FREE),
    Section("prices", _("Prices"), PRICES),
    Section("caps", _("Caps"), CAPS),
    Section("discounts", _("Discounts"), DISCOUNTS),
)
BY_KEY = {section.key: section for section in SECTIONS}
SALE, CONTRACT, COUNTING = _("Sale"), _("Contract and tax"), _("Zones and counters")
VERSION = (
    Field("effective", _("Takes effect"), "choice", "effective", group=SALE),
    Field(
        "relations",
        _("Beside other offers (codes)"),
        "parts",
        fields=(
            Field("requires", _("Requires"), "codes"),
            Field("excludes", _("Excludes"), "codes"),
            Field("replaces", _("Replaces"), "codes"),
            Field("at_most", _("Held at most, times"), "count"),
        ),
        group=SALE,
    ),
    Field(
        "eligibility",
        _("Who may take it"),
        "parts",
        fields=(
            Field("age_min", _("Age from"), "count"),
            Field("age_max", _("Age up to"), "count"),
            Field("customer_class", _("Customer class"), "ticks", "customer_class"),
            Field("channels", _("Channels"), "ticks", "channel"),
            Field("areas", _("Areas"), "numbers", hint="10, 571"),
            Field("certificates", _("Certificates"), "ticks", "certificate"),
        ),
        group=SALE,
    ),
    Field(
        "contract",
        _("Contract"),
        "parts",
        fields=(
            Field("cycles", _("Months"), "count"),
            Field(
                "end_early",
                _("Ended early"),
                "parts",
                fields=(Field("fee", _("Fee"), "yuan"), Field("mode", _("What is due"), "choice", "end_early")),
            ),
        ),
        group=CONTRACT,
    ),
    Field(
        "tax",
        _("Tax"),
        "parts",
        fields=(
            Field("prices", _("These prices are"), "choice", "tax_prices"),
            Field("percent", _("Tax in percent"), "text", hint="6"),
        ),
        group=CONTRACT,
    ),
    Field(
        "zones",
        _("Zones: names for prefixes; the longest wins"),
        "named",
        fields=(Field("", _("Prefixes"), "many", hint="81, 82, 65"),),
        group=COUNTING,
    ),
    Field(
        "counters",
        _("Counters that several prices share"),
        "named",
        fields=(
            Field("over", _("Counted over"), "choice", "counter_over"),
            Field("counts", _("Whose use counts"), "choice", "counts"),
        ),
        group=COUNTING,
    ),
)
