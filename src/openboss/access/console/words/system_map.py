"""Words of the map of the system: modules, parts, boxes and areas of the trade (ARC-05, 22, 25, 30, 34)."""

from django.utils.translation import gettext_lazy as _

from openboss.access.console.words.word import Word

WORDS: dict[str, dict[str, Word]] = {
    "map_view": {"module": Word(_("Eight modules")), "part": Word(_("Four parts"))},
    "map_module": {
        "CHARGING": Word(_("Charging")),
        "SETTLEMENT": Word(_("Settlement")),
        "ACCOUNT_PROCESSING": Word(_("Account processing")),
        "ACCOUNT_MANAGEMENT": Word(_("Account management")),
        "BUSINESS": Word(_("Business management")),
        "SERVICE": Word(_("Customer service")),
        "SYSTEM": Word(_("System management")),
        "ANALYSIS": Word(_("Statistics and analysis")),
    },
    "map_part": {
        "CHARGING": Word(_("Charging and settlement")),
        "HALL_AND_ACCOUNTS": Word(_("Business hall and accounts")),
        "SERVICE": Word(_("Customer service")),
        "DECISIONS": Word(_("Decision support")),
        "SUPPORT": Word(_("Support of all")),
    },
    "map_tbss": {
        "HALL": Word(_("CRM: hall system")),
        "ACCOUNT": Word(_("CRM: account system")),
        "SERVICE": Word(_("CRM: service system")),
        "BILLING": Word(_("Billing and settlement")),
        "SUPPORT": Word(_("Support of all")),
    },
    "map_area": {
        "MARKET": Word(_("Market and customer")),
        "SERVICE": Word(_("Service")),
        "RESOURCE": Word(_("Resource")),
        "ENTERPRISE": Word(_("Enterprise")),
    },
}
