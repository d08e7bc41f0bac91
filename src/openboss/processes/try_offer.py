"""Try an offer of the catalog on invented use before it is sold: the engine's own calculation, nothing stored.

Source: issue 3 section 3, BMT-04.
"""

from datetime import date
from typing import Any

from openboss.modules.catalog import functions as catalog
from openboss.processes.quote import work_out
from openboss.processes.quote.form import check
from openboss.processes.quote.tariffs import compiled


def try_offer(
    *, offer_id: int, from_on: date, events: list[dict[str, Any]], with_offers: list[str], cycle: int
) -> dict[str, Any]:
    """Say what some use would cost a user of one version of an offer, and the month's bill, as `openboss quote` does.

    events       as in docs/formats/quote.md
    with_offers  codes of further offers the user holds, such as the main plan under an add-on
    Other drafts are not looked at. Raises QuoteRefused, OfferNotFound.
    """
    waiting = {
        (one.offer_id, one.from_on)
        for offer in catalog.offers()
        for one in catalog.versions_of(offer_id=offer.offer_id)
        if one.state != "PUBLISHED" and (one.offer_id, one.from_on) != (offer_id, from_on)
    }
    versions = [v for v in catalog.all_versions() if (v.offer_id, v.from_on) not in waiting]
    tried = next((v for v in versions if (v.offer_id, v.from_on) == (offer_id, from_on)), None)
    if tried is None:
        raise catalog.OfferNotFound(f"{offer_id} from {from_on}")
    held = [{"offer": code} for code in dict.fromkeys([*with_offers, tried.code])]
    wanted: dict[str, Any] = {"format": 1, "tariffs": [], "events": events, "cycle": cycle, "bill": True}
    wanted["user"] = {"user": "1", "products": held}
    check(wanted)
    holidays = catalog.reference_frames()["holidays"]["date"]
    return work_out(wanted, compiled(versions, catalog.bill_item_types(), holidays=holidays))
