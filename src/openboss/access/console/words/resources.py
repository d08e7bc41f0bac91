"""Words of resources: states of numbers, cards and vouchers, moves of stock and requests for it (D12)."""

from django.utils.translation import gettext_lazy as _

from openboss.access.console.words.word import Word

WORDS: dict[str, dict[str, Word]] = {
    "number_state": {
        "PLANNED": Word(_("Planned")),
        "IDLE": Word(_("Idle"), "good"),
        "LOCKED": Word(_("Being chosen"), "info"),
        "RESERVED": Word(_("Reserved"), "info"),
        "OCCUPIED": Word(_("In use"), "violet"),
        "QUARANTINE": Word(_("Resting"), "warn"),
        "FROZEN": Word(_("Frozen"), "bad"),
        "PORTED_OUT": Word(_("Ported out")),
    },
    "sim_state": {
        "ORDERED": Word(_("Ordered")),
        "IN_STOCK": Word(_("In stock"), "good"),
        "ISSUED": Word(_("Issued"), "good"),
        "PAIRED": Word(_("Paired"), "info"),
        "WRITTEN": Word(_("Card written"), "info"),
        "IN_USE": Word(_("In use"), "violet"),
        "REPLACED": Word(_("Replaced")),
        "LOST": Word(_("Lost"), "bad"),
        "SCRAPPED": Word(_("Scrapped")),
    },
    "voucher_state": {
        "GENERATED": Word(_("Made")),
        "PRINTED": Word(_("Printed")),
        "IN_STOCK": Word(_("In stock"), "good"),
        "ISSUED": Word(_("Issued"), "good"),
        "ACTIVE": Word(_("Can be used"), "good"),
        "USED": Word(_("Used"), "violet"),
        "FROZEN": Word(_("Frozen"), "bad"),
        "EXPIRED": Word(_("Expired"), "warn"),
        "VOID": Word(_("Void")),
    },
    "voucher_step": {
        "ACTIVE": Word(_("Let them be used")),
        "FROZEN": Word(_("Freeze")),
        "THAWED": Word(_("End the freeze")),
        "VOID": Word(_("Make void (reason and a second person)")),
    },
    "form_type": {
        "RECEIPT": Word(_("Receipt")),
        "INVOICE": Word(_("Invoice")),
        "CONTRACT": Word(_("Contract form")),
    },
    "book_state": {
        "RECEIVED": Word(_("Received"), "info"),
        "ISSUED": Word(_("Issued"), "good"),
        "HELD": Word(_("In a clerk's hands"), "violet"),
        "RETURNED": Word(_("Book taken back")),
        "DESTROYED": Word(_("Destroyed")),
    },
    "book_step": {
        "ISSUED": Word(_("Issue to a place")),
        "HELD": Word(_("Hand to a clerk")),
        "RETURNED": Word(_("Take the book back")),
        "DESTROYED": Word(_("Destroy")),
    },
    "form_state": {
        "USED": Word(_("Used"), "good"),
        "VOID": Word(_("Void")),
        "GAP": Word(_("Missing"), "bad"),
    },
    "terminal_state": {
        "IN_STOCK": Word(_("In stock"), "good"),
        "ALLOCATED": Word(_("Allocated"), "info"),
        "SOLD": Word(_("Sold"), "violet"),
        "BUNDLED": Word(_("Bundled"), "violet"),
        "RETURNED": Word(_("Returned"), "warn"),
        "REPAIR": Word(_("In repair"), "warn"),
        "SCRAPPED": Word(_("Scrapped")),
    },
    "terminal_step": {
        "ALLOCATED": Word(_("Allocate")),
        "SOLD": Word(_("Sell")),
        "BUNDLED": Word(_("Bundle with a user")),
        "RETURNED": Word(_("Take back (7 days)")),
        "REPAIR": Word(_("Send to repair")),
        "IN_STOCK": Word(_("Put into stock")),
        "SCRAPPED": Word(_("Scrap")),
    },
    "stock_cause": {
        "IN": Word(_("Came"), "good"),
        "OUT": Word(_("Sent on"), "info"),
        "USED": Word(_("Used"), "violet"),
        "LOST": Word(_("Lost"), "bad"),
    },
    "stock_look": {"low": Word(_("Below the alarm mark")), "differs": Word(_("Does not add up"))},
    "adds_up": {"yes": Word(_("yes"), "good"), "no": Word(_("no"), "bad")},
    "requisition_state": {
        "ASKED": Word(_("Waits for approval"), "warn"),
        "APPROVED": Word(_("Approved"), "info"),
        "SHIPPED": Word(_("On the way"), "info"),
        "CONFIRMED": Word(_("Has arrived"), "good"),
        "REFUSED": Word(_("Turned down"), "bad"),
    },
}
