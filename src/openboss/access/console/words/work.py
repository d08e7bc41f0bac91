"""Words of work that several people do together."""

from django.utils.translation import gettext_lazy as _

from openboss.access.console.words.word import Word

WORDS: dict[str, dict[str, Word]] = {
    "work_state": {
        "RUNNING": Word(_("On its way"), "info"),
        "HELD": Word(_("Held"), "bad"),
        "ENDED": Word(_("Ended"), "good"),
        "STOPPED": Word(_("Given up")),
    },
    "decision": {
        "approve": Word(_("Agree"), "good"),
        "refuse": Word(_("Refuse"), "bad"),
        "send_back": Word(_("Send back"), "warn"),
        "done": Word(_("Done"), "good"),
        "kept": Word(_("Stays with us"), "good"),
        "leaves": Word(_("Leaves"), "warn"),
        "accept": Word(_("Ready"), "good"),
        "decline": Word(_("Withdraw"), "bad"),
    },
    "happening": {
        "BEGUN": Word(_("Begun"), "info"),
        "OPENED": Word(_("Given to")),
        "CLAIMED": Word(_("Taken")),
        "GIVEN_BACK": Word(_("Given back to the team")),
        "HANDED_OVER": Word(_("Handed over")),
        "DECIDED": Word(_("Decided"), "good"),
        "ESCALATED": Word(_("Overdue: went up"), "warn"),
        "CALLED": Word(_("Carried out"), "good"),
        "HELD": Word(_("Held"), "bad"),
        "GOES_ON": Word(_("Tried again")),
        "ENDED": Word(_("Ended"), "good"),
        "STOPPED": Word(_("Given up"), "bad"),
    },
    "definition_state": {
        "DRAFT": Word(_("Draft")),
        "SUBMITTED": Word(_("Waits for a second person"), "warn"),
        "PUBLISHED": Word(_("Published"), "good"),
    },
    "task_kind": {
        "TASK": Word(_("Work")),
        "PROPOSAL": Word(_("Money")),
        "TARIFF": Word(_("Tariff")),
        "RERATING": Word(_("Re-rating")),
        "STOCK": Word(_("Stock")),
        "WRITE_OFF": Word(_("Error pool")),
        "FLOW": Word(_("Workflow")),
    },
}
