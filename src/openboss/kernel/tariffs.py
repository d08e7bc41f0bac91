"""The tariffs in force as flat arrays: what compiled code rates from.

Made by `catalog.compiler`, read by `kernel.rating`; the layout is the contract between the two. Rules are rows of int64
with named columns, so that what one rule needs lies together. "V" versions of offers, "M" price maps, "P" prices, "S"
steps, "B" bands, "T" tiers, "F" free resources, "E" covers, "C" choices, "K" caps, "I" items. -1 = none. Quantities are
seconds, messages, KB or events; amounts are numerators over a price's denominator.
"""

from typing import NamedTuple

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.pointed import pointed
from openboss.kernel.usage import CLOSED_GROUPS, LD_TYPES, OTHER_NETS, ROAM_TYPES

FOREVER_S = 2**62
FOREVER = 2**60  # a quantity nothing reaches
EVERY_DAY = 255  # a band's day mask: Monday is bit 0, Sunday bit 6, a public holiday bit 7

STANDARD = 0  # offer id of the national tariff

BASIS_RECORD = 0  # units of one record x price
BASIS_CYCLE = 1  # price of the period's units so far, less what was charged before
BASIS_DAY = 2
BASIS_QUARTER = 3
BASIS_YEAR = 4
BASIS_CONTRACT = 5

TIERS_GRADUATED = 0  # units in a tier cost what the tier says
TIERS_VOLUME = 1  # all units cost what the tier reached says

ROUND_HALF_UP = 0
ROUND_HALF_EVEN = 1
ROUND_UP = 2
ROUND_DOWN = 3

RANK_GROUP = 0  # whose price is asked first among the offers held (D4.7 step 7)
RANK_ADDON = 1
RANK_MAIN = 2

# Columns of price[P].
PRICE_RULE = 0
PRICE_ITEM = 1
PRICE_UNIT = 2  # kernel.usage.Unit: SECOND, MSG, KB or EVENT
PRICE_PLAIN = 3  # 1 = units x price of one record, rounded half up to the li: the short way
PRICE_SIZE = 4  # quantity in a unit (of the first step)
PRICE_NUM = 5  # li per unit = num / den (of the first step, or without tiers)
PRICE_DEN = 6
PRICE_STEP = 7  # first of its steps
PRICE_STEP_END = 8
PRICE_AT_LEAST = 9  # quantity an event is charged for at least
PRICE_CONNECT = 10  # numerator charged once an event
PRICE_LEAST_LI = 11
PRICE_MOST_LI = 12  # -1 none
PRICE_PLACE_LI = 13  # amounts are rounded to multiples of so many li
PRICE_ROUNDING = 14  # ROUND_*
PRICE_BASIS = 15  # BASIS_*
PRICE_COUNTER = 16  # key of its own counter; 0 = the units of the totals of the cycle
PRICE_POOLED = 17  # 1 = counted over all users of the pool
PRICE_BY_PLACE = 18  # 1 = one count for each visited place
PRICE_TIER = 19
PRICE_TIER_END = 20
PRICE_TIER_MODE = 21
PRICE_SAFE = 22  # up to this quantity one event costs no more than half of `sanity_li`
PRICE_OFFER = 23
PRICE_COLUMNS = 24

# Columns of step[S].
STEP_FROM = 0  # quantity of the event at which it begins
STEP_TO = 1
STEP_SIZE = 2
STEP_NUM = 3
STEP_BAND = 4
STEP_BAND_END = 5
STEP_BY_DAY = 6  # 1 = a band of it looks at the day
STEP_PLACE_LI = 7  # 0 = its sum is added exactly
STEP_ROUNDING = 8
STEP_COLUMNS = 9

# Columns of band[B].
BAND_DAYS = 0  # mask
BAND_FROM_S = 1  # second of the day
BAND_TO_S = 2
BAND_NUM = 3
BAND_COLUMNS = 4

# Columns of tier[T].
TIER_FROM = 0  # units of the period above which it counts
TIER_NUM = 1
TIER_FLAT = 2  # numerator once, with the first unit in the tier
TIER_BLOCK = 3  # units in a block, 0 = no blocks
TIER_BLOCK_CAP = 4  # most a block costs, -1 none
TIER_BLOCK_PRICE = 5  # what every begun block costs, -1 = units are priced
TIER_COLUMNS = 6

# Columns of free[F].
FREE_MEASURE = 0  # what it covers: SECOND, MSG, KB, EVENT, or MONEY
FREE_SIZE = 1  # quantity in one of its units
FREE_PRIORITY = 2
FREE_WIDTH = 3  # how many classes the scope covers; narrower is used first
FREE_CARRIES = 4  # for how many cycles the rest lives on
FREE_CYCLES = 5  # valid for so many cycles (0 = see days, months)
FREE_DAYS = 6
FREE_MONTHS = 7
FREE_ONCE = 8  # 1 = granted when the offer is taken, not every cycle
FREE_INSTALMENTS = 9  # granted in the first so many cycles only, 0 = in all
FREE_SHARED = 10  # 1 = given to the pool of the holder
FREE_PER_USER = 11  # most units one user of the pool may take in a cycle, -1 = all
FREE_BLOCKS = 12  # 1 = what is not covered is not charged but refused
FREE_PRORATES = 13  # 0 = a first month is given whole
FREE_SPEED = 14  # first of its rows of speed
FREE_SPEED_END = 15
FREE_COLUMNS = 16

# Columns of cover[E]: what a scope says about one class of use.
COVER_CONDITION = 0  # -1 = always
COVER_FACTOR_NUM = 1  # units of the resource for one of quantity = num / den
COVER_FACTOR_DEN = 2
COVER_NEXT = 3
COVER_COLUMNS = 4

# Columns of choice[C]: prices that look at more than the class of use.
CHOICE_PRICE = 0
CHOICE_CONDITION = 1
CHOICE_NEXT = 2  # a cell as in price_map
CHOICE_COLUMNS = 3

# Columns of cap[K].
CAP_RULE = 0
CAP_LI = 1  # -1 none
CAP_BASIS = 2
CAP_BY_PLACE = 3
CAP_COUNTER = 4
CAP_CLOSES_AT = 5  # quantity charged for, -1 never
CAP_COLUMNS = 6


@pointed
class TariffTables(NamedTuple):
    """Every array a rating needs. int64 money in li, times as operator-local seconds."""

    offer_first: np.ndarray  # i32[offers + 1]: versions of offer o are offer_first[o]..offer_first[o+1]
    offer_rank: np.ndarray  # i8[offers]
    offer_shares: np.ndarray  # u8[offers]: 1 = a version of it shares something with a pool
    version_from_s: np.ndarray  # i64[V], ascending within an offer
    version_map: np.ndarray  # i32[V]: row of price_map or -1
    version_grant_first: np.ndarray  # i32[V + 1] into grant_*
    version_first_month: np.ndarray  # i8[V]: kernel.proration.FirstMonth, -1 = as the holding says
    version_cap_first: np.ndarray  # i32[V + 1] into cap
    price_map: np.ndarray  # i16[M, USAGE_CLASSES, COMPONENTS]: price, -1 none, below: choice -2 - cell
    choice: np.ndarray  # i64[C, CHOICE_COLUMNS]
    condition_first: np.ndarray  # i32[conditions + 1] into test_*: all must hold
    test_field: np.ndarray  # i8: kernel.conditions.FIELD_*
    test_edge_first: np.ndarray  # i32[tests + 1] into test_edge
    test_edge: np.ndarray  # i64, rising in each test: a value is inside after an odd number of edges
    price: np.ndarray  # i64[P, PRICE_COLUMNS]
    step: np.ndarray  # i64[S, STEP_COLUMNS]
    band: np.ndarray  # i64[B, BAND_COLUMNS]: those of a step do not overlap
    tier: np.ndarray  # i64[T, TIER_COLUMNS]
    cap: np.ndarray  # i64[K, CAP_COLUMNS]
    cap_has: np.ndarray  # u8[K, I]
    item_capped: np.ndarray  # u8[I]: 1 = some cap holds the item
    free: np.ndarray  # i64[F, FREE_COLUMNS]
    free_rule: np.ndarray  # i32[F]
    free_unit: np.ndarray  # i8[F]: kernel.usage.Unit in which it is granted and shown
    free_scope: np.ndarray  # i16[F, USAGE_CLASSES, COMPONENTS]: cover or -1
    cover: np.ndarray  # i64[E, COVER_COLUMNS]
    speed_from: np.ndarray  # i64: used units from which it counts
    speed_kbps: np.ndarray  # i64
    free_of_rule: np.ndarray  # i32[largest rule id + 1]: rule id -> free resource or -1
    grant_free: np.ndarray  # i32: free resource granted by a version
    grant_units: np.ndarray  # i64
    info_item: np.ndarray  # i16[RECORD_TYPES]: item of the information fee
    holiday: np.ndarray  # i64, rising: days since 1970 that are public holidays
    item_count: int
    counted_caps: int  # 1 = some cap has counters of its own
    free_money: int  # 1 = some free resource is money
    counter_room: int  # most new counters one record can need
    sanity_li: int  # most one record may cost (E504)


@compiled
def usage_class(record_type: int, roam_type: int, ld_type: int, other_net: int, closed_group: int) -> int:
    """Number the class of a record: the index by which prices and scopes are looked up."""
    index = record_type
    index = index * ROAM_TYPES + roam_type
    index = index * LD_TYPES + ld_type
    index = index * OTHER_NETS + other_net
    return index * CLOSED_GROUPS + closed_group


@compiled
def version_at(tables: TariffTables, offer_id: int, at_s: int) -> int:
    """Find the version of an offer valid at a local moment; -1 = not on sale yet or unknown offer."""
    if offer_id < 0 or offer_id + 1 >= len(tables.offer_first):
        return -1
    found = -1
    for version in range(tables.offer_first[offer_id], tables.offer_first[offer_id + 1]):
        if tables.version_from_s[version] > at_s:
            break
        found = version
    return found
