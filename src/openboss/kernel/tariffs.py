"""The tariffs in force as flat arrays: what compiled code rates from.

Made by `catalog.compiler`, read by `kernel.rating`; the layout is the contract between the two.
"V" versions of offers, "M" price maps, "P" prices, "F" free resources, "I" items. -1 = none.
"""

from typing import NamedTuple

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.usage import CLOSED_GROUPS, LD_TYPES, OTHER_NETS, ROAM_TYPES

FOREVER_S = 2**62

BASIS_RECORD = 0  # units of one record x price
BASIS_CYCLE = 1  # price of the cycle's units so far, less what was charged before

RANK_GROUP = 0  # whose price is asked first among the offers held (D4.7 step 7)
RANK_ADDON = 1
RANK_MAIN = 2


class TariffTables(NamedTuple):
    """Every array a rating needs. int64 money in li, int32 ids, times as operator-local seconds."""

    offer_first: np.ndarray  # i32[offers + 1]: versions of offer o are offer_first[o]..offer_first[o+1]
    offer_rank: np.ndarray  # i8[offers]
    version_from_s: np.ndarray  # i64[V], ascending within an offer
    version_map: np.ndarray  # i32[V]: row of price_map or -1
    version_grant_first: np.ndarray  # i32[V + 1] into grant_*
    version_first_month: np.ndarray  # i8[V]: kernel.proration.FirstMonth, -1 = as the holding says
    version_cap_li: np.ndarray  # i64[V, I]: cap of an item per cycle, -1 none
    price_map: np.ndarray  # i16[M, USAGE_CLASSES, COMPONENTS]: price index or -1
    price_rule: np.ndarray  # i32[P]
    price_item: np.ndarray  # i16[P]
    price_unit: np.ndarray  # i8[P]: kernel.usage.Unit
    price_unit_size: np.ndarray  # i64[P]: seconds, messages or KB in a unit
    price_basis: np.ndarray  # i8[P]
    price_num: np.ndarray  # i64[P]: li per unit = num / den
    price_den: np.ndarray  # i64[P]
    band_first: np.ndarray  # i32[P + 1] into band_*
    band_from_s: np.ndarray  # i64: second of the day
    band_to_s: np.ndarray
    band_num: np.ndarray  # li per unit = band_num / price_den
    tier_first: np.ndarray  # i32[P + 1] into tier_*
    tier_from: np.ndarray  # i64: units of the cycle from which the tier counts
    tier_num: np.ndarray
    tier_den: np.ndarray
    tier_block: np.ndarray  # units in a block, 0 = no blocks
    tier_block_cap_li: np.ndarray  # most a block can cost
    free_rule: np.ndarray  # i32[F]
    free_unit: np.ndarray  # i8[F]
    free_priority: np.ndarray  # i32[F]
    free_width: np.ndarray  # i32[F]: how many classes the scope covers; narrower is used first
    free_carries: np.ndarray  # i8[F]: the rest lives one more month
    free_scope: np.ndarray  # u8[F, USAGE_CLASSES, COMPONENTS]
    free_of_rule: np.ndarray  # i32[largest rule id + 1]: rule id -> free resource or -1
    grant_free: np.ndarray  # i32: free resource granted by a version
    grant_units: np.ndarray  # i64
    info_item: np.ndarray  # i16[RECORD_TYPES]: item of the information fee
    holiday: np.ndarray  # i64, rising: days since 1970 that are public holidays
    item_count: int
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
