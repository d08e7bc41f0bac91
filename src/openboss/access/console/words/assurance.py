"""Words of assurance: checks, why two books differ, and what is done about it."""

from django.utils.translation import gettext_lazy as _

from openboss.access.console.words.word import Word

WORDS: dict[str, dict[str, Word]] = {
    "assurance_check": {
        "TAKINGS": Word(_("Takings against payments")),
        "BANK_FILES": Word(_("Bank files against payments")),
        "WALLETS": Word(_("Engine's balances against the ledger")),
        "DETAIL": Word(_("Bills against rated detail")),
        "RECEIVABLES": Word(_("Bills against debts")),
        "LEDGER": Word(_("Ledger in itself")),
        "GATEWAYS": Word(_("Charged online against gateways' files")),
    },
    "difference_state": {
        "OPEN": Word(_("To be settled"), "bad"),
        "REPAIRED": Word(_("Repaired"), "good"),
        "EXPLAINED": Word(_("Explained"), "info"),
        "GONE": Word(_("Not there any more")),
    },
    "assurance_cause": {
        "PAYMENT_NOT_ITS_ENTRY": Word(_("The payment is not what its entry says.")),
        "LEDGER_NOT_THE_PAYMENTS": Word(_("The ledger has another sum of this means than the day's payments.")),
        "TILL_NOT_ITS_PAYMENTS": Word(_("What the till should hold is not what its payments come to.")),
        "TILL_COUNT_NOT_BOOKED": Word(_("What was over or short at the count is not in the ledger.")),
        "DOCUMENT_NOT_ITS_PAYMENT": Word(_("The receipt or invoice names another sum than what it is for.")),
        "ELSEWHERE_UNANSWERED": Word(_("Money is set aside, and nobody knows whether the other province has it.")),
        "BANK_FILE_NOT_THE_PAYMENT": Word(_("The bank's answer and our payment differ.")),
        "COLLECTOR_FILE_NOT_THE_PAYMENT": Word(_("The collector's file and our payments differ.")),
        "WALLET_NOT_THE_LEDGER": Word(_("The wallet's overdraft or charge is not what the ledger says.")),
        "ENGINE_NOT_THE_LEDGER": Word(_("The engine's balance is not what the ledger says.")),
        "WALLET_NOT_THE_PAYERS": Word(_("The user draws on another account's wallet than the payer's, or on none.")),
        "FEES_NOT_THE_DETAIL": Word(_("Fees of use on the bill are not what the rated records come to.")),
        "OPEN_NOT_THE_LEDGER": Word(_("What is open on the bill is not what the ledger says.")),
        "ITEMS_NOT_THE_BILL": Word(_("The items do not add up to the bill.")),
        "PAID_NOT_THE_CLEARING": Word(_("What is paid of the items is not what clearing says.")),
        "CLEARING_NOT_ITS_ENTRY": Word(_("What the clearing paid is not what its entry says.")),
        "LATE_FEE_NOT_THE_LEDGER": Word(_("The late fee is not what the ledger says.")),
        "GIVEN_UP_NOT_THE_LEDGER": Word(_("What was written off is not what the ledger says.")),
        "BILL_NOT_ITS_ENTRY": Word(_("The debt is not what its entry says.")),
        "BILL_NOT_THE_DEBT": Word(_("The released bill and the debt it became differ.")),
        "BILL_ITEM_NOT_THE_DEBT": Word(_("An item of the bill and the open item it became differ.")),
        "BUCKET_NOT_THE_LEDGER": Word(_("The money in the bucket is not what the ledger says.")),
        "ENTRY_DOES_NOT_BALANCE": Word(_("Debit does not equal credit.")),
        "GATEWAY_NOT_ONLINE": Word(_("The gateway's file tells of another use than was charged online.")),
        "GATEWAY_SILENT": Word(_("No file of a gateway tells of what was charged online.")),
        "CHAIN_BROKEN": Word(_("The chain of closed days breaks here: an entry was changed after it was sealed.")),
    },
    "assurance_repair": {
        "LOOK": Word(_("A person has to look.")),
        "TELL_ENGINE": Word(_("Bring the engine's balance to the ledger's.")),
        "BUCKET_TO_LEDGER": Word(_("Set the bucket to what the ledger says.")),
        "CHARGE_FILE": Word(_("Charge what the files tell beyond what was charged online.")),
    },
}
