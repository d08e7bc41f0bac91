"""Words of offers and tariffs."""

from django.utils.translation import gettext_lazy as _

from openboss.access.console.words.word import Word

WORDS: dict[str, dict[str, Word]] = {
    "brand": {
        "GOTONE": Word(_("GoTone"), "info"),
        "EASYOWN": Word(_("Easyown"), "good"),
        "MZONE": Word(_("M-Zone"), "violet"),
    },
    "offer_kind": {
        "STANDARD": Word(_("Standard tariff"), "violet"),
        "MAIN": Word(_("Main plan"), "info"),
        "ADDON": Word(_("Add-on")),
        "GROUP": Word(_("Group product")),
        "FAMILY": Word(_("Family product")),
    },
    "version_state": {
        "DRAFT": Word(_("Draft"), "warn"),
        "SUBMITTED": Word(_("Waiting for approval"), "info"),
        "APPROVED": Word(_("Approved"), "violet"),
        "PUBLISHED": Word(_("Published"), "good"),
    },
    "offer_life": {
        "DRAFT": Word(_("Draft"), "warn"),
        "TEST": Word(_("In test"), "info"),
        "FILED": Word(_("Filed"), "violet"),
        "ON_SALE": Word(_("On sale"), "good"),
        "OFF_SALE": Word(_("Off sale")),
        "RETIRED": Word(_("Retired"), "bad"),
    },
    "offer_move": {
        "DRAFT": Word(_("Back to draft")),
        "TEST": Word(_("Offer into test")),
        "FILED": Word(_("Offer is filed")),
        "ON_SALE": Word(_("Put on sale")),
        "OFF_SALE": Word(_("Take off sale")),
        "RETIRED": Word(_("Retire")),
    },
    "rule_change": {
        "NEW": Word(_("new"), "good"),
        "GONE": Word(_("gone"), "bad"),
        "CHANGED": Word(_("changed"), "warn"),
    },
    "axis": {
        "component": Word(_("Part")),
        "record": Word(_("Kind of use")),
        "roam": Word(_("Roaming")),
        "ld": Word(_("Distance")),
        "net": Word(_("Network")),
        "group": Word(_("Group")),
    },
    "first_month": {
        "PRORATE": Word(_("By days")),
        "FULL": Word(_("In full")),
        "HALF": Word(_("Half after the 15th")),
        "PAY_AS_YOU_GO": Word(_("No fee, pay for use")),
    },
    "discount_phase": {
        "P3": Word(_("Items")),
        "P4": Word(_("Across services")),
        "P5": Word(_("The bill")),
        "P6": Word(_("Cap")),
        "P7": Word(_("Minimum spend")),
    },
    "rule_kind": {
        "PRICE": Word(_("Price"), "info"),
        "FREE": Word(_("Free resource"), "good"),
        "RECURRING": Word(_("Recurring fee"), "violet"),
        "DISCOUNT": Word(_("Discount"), "good"),
        "CAP": Word(_("Fee cap"), "warn"),
    },
    "component": {
        "basic": Word(_("Basic charge")),
        "ld": Word(_("Long-distance charge")),
        "info": Word(_("Information fee")),
    },
}
