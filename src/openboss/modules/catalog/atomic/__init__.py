"""The only way to the tables of the catalog."""

from openboss.modules.catalog.atomic.offers import (
    OfferVersionView,
    OfferView,
    PublicationView,
    RuleView,
    VersionPublished,
    all_versions,
    has_drafts,
    latest_publication,
    mark_published,
    offer_ids,
    offers,
    offers_at,
    offers_in_force,
    put_offer,
    rule_names,
)
from openboss.modules.catalog.atomic.reference import (
    REFERENCE,
    BillItemTypeView,
    bill_item_types,
    reference_frames,
    replace_reference,
)

__all__ = [
    "REFERENCE",
    "BillItemTypeView",
    "OfferVersionView",
    "OfferView",
    "PublicationView",
    "RuleView",
    "VersionPublished",
    "all_versions",
    "has_drafts",
    "bill_item_types",
    "latest_publication",
    "mark_published",
    "offer_ids",
    "offers",
    "offers_at",
    "offers_in_force",
    "put_offer",
    "reference_frames",
    "replace_reference",
    "rule_names",
]
