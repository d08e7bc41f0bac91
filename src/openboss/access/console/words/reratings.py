"""Words of re-rating."""

from django.utils.translation import gettext_lazy as _

from openboss.access.console.words.word import Word

WORDS: dict[str, dict[str, Word]] = {
    "rerating_state": {
        "ASKED": Word(_("Being worked out"), "info"),
        "PROPOSED": Word(_("Waiting for approval"), "warn"),
        "APPROVED": Word(_("Being carried out"), "info"),
        "APPLIED": Word(_("Carried out"), "good"),
        "REFUSED": Word(_("Refused")),
        "FAILED": Word(_("Not possible"), "bad"),
    },
    "change": {
        "LESS": Word(_("Pays less")),
        "MORE": Word(_("Pays more")),
        "SAME": Word(_("Pays the same")),
    },
    "rerating_problem": {
        "NothingChosen": Word(_("No rated record fits what was chosen.")),
        "ChangedSince": Word(_("Closed months would be adjusted otherwise than was approved. Ask for it again.")),
        "TariffsChanged": Word(_("Other tariffs were published since. Ask for it again.")),
        "NotPriced": Word(_("Some records have no price under the tariffs in force. Add the price, then ask again.")),
        "NotReproducible": Word(_("The journal and the detail store do not agree. Nothing was changed.")),
    },
}
