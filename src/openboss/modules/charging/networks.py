"""Where a user of another mobile network is: its country by the mobile country code, its area by the tracking area.

Files and live requests say it alike: a code of country and network (46000, 45400), and at home the tracking or
location area, which stands in the table of cells under the network's code. Source: CHG-24, D4.2 (E303).
"""

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.modules.charging.numbering import FOREIGN_AREA, Keys, find_key, pair_key

CHINA = 460
# countries by mobile country code, for visitors abroad: enough for the usual destinations, else E303
COUNTRY_OF = {
    454: 852, 455: 853, 466: 886, 440: 81, 441: 81, 450: 82, 525: 65, 502: 60, 520: 66, 452: 84,
    310: 1, 311: 1, 302: 1, 234: 44, 235: 44, 208: 33, 262: 49, 222: 39, 214: 34, 250: 7,
    505: 61, 530: 64, 404: 91, 405: 91, 510: 62, 515: 63, 456: 855, 457: 856, 424: 971, 286: 90,
}  # fmt: skip
NOT_LISTED = 9_999
_COUNTRIES = np.full(1000, NOT_LISTED, np.int64)
_COUNTRIES[list(COUNTRY_OF)] = list(COUNTRY_OF.values())


@compiled
def area_abroad(network: int) -> int:
    """The visited area of a network abroad; 0 = it is one of ours, or was not said."""
    country = network // 1000 if network >= 100_000 else network // 100
    if country == 0 or country == CHINA:
        return 0
    return FOREIGN_AREA + _COUNTRIES[min(country, 999)]


@compiled
def place_at_home(cells: Keys, network: int, tracking_area: int) -> int:
    """Where a tracking area of a network at home stands in the table of cells; -1 = it does not, or none was said."""
    if network == 0 or tracking_area == 0 or area_abroad(network) != 0:
        return -1
    return find_key(cells, pair_key(network, tracking_area))
