"""Words of logins and of what roles allow (D21)."""

from django.utils.translation import gettext_lazy as _

from openboss.access.console.words.word import Word

WORDS: dict[str, dict[str, Word]] = {
    "login_state": {
        "ACTIVE": Word(_("Works"), "good"),
        "LOCKED": Word(_("Locked"), "warn"),
        "RESTS": Word(_("Rests")),
    },
    "has_factor": {"yes": Word(_("yes"), "good"), "no": Word(_("no"))},
    "right": {
        "customers.view": Word(_("Look at customers, masked")),
        "customers.reveal": Word(_("See personal data in clear, with a reason")),
        "customers.edit": Word(_("Serve customers at the counter")),
        "billing.view": Word(_("Look at bills")),
        "billing.run": Word(_("Run the billing of a month")),
        "billing.release": Word(_("Release bills")),
        "billing.signoff": Word(_("Sign findings of a bill run")),
        "charging.view": Word(_("Look at usage and charges")),
        "charging.monitor": Word(_("Watch the collection of usage")),
        "charging.trace": Word(_("Follow requests of online charging")),
        "charging.peers": Word(_("Say which networks may ask")),
        "charging.blacklist": Word(_("Keep the black list of numbers and handsets")),
        "charging.errors": Word(_("Work on the error pool")),
        "charging.writeoff": Word(_("Write records off")),
        "charging.rerate": Word(_("Ask for a re-rating")),
        "charging.rerate_approve": Word(_("Decide on a re-rating")),
        "catalog.view": Word(_("Look at tariffs")),
        "catalog.edit": Word(_("Write tariffs")),
        "catalog.approve": Word(_("Approve, file and publish tariffs")),
        "jobs.view": Word(_("Look at jobs and messages")),
        "kiosk.serve": Word(_("Be a self-service terminal")),
        "audit.view": Word(_("Read the audit log")),
        "receivables.view": Word(_("Look at debts, payments and the ledger")),
        "receivables.collect": Word(_("Take payments")),
        "receivables.adjust": Word(_("Propose refunds, transfers and waivers")),
        "receivables.approve": Word(_("Agree as the second person on money")),
        "receivables.close": Word(_("Close and open business days")),
        "receivables.credit": Word(_("Hold and release dunning")),
        "resources.view": Word(_("Look at stock, numbers and cards")),
        "resources.manage": Word(_("Move and count stock of one's own places")),
        "resources.approve": Word(_("Decide on requests for stock")),
        "resources.load": Word(_("Load segments, cards, books and terminals")),
        "system.admin": Word(_("Administer the system")),
        "workflow.edit": Word(_("Draw flows of work")),
        "workflow.publish": Word(_("Publish flows of work")),
    },
}
