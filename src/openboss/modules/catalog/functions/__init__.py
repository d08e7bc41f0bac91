"""What product managers, the engine and the bill run ask of the catalog."""

from openboss.modules.catalog.atomic import (
    BillItemTypeView,
    OfferVersionView,
    PublicationView,
    RuleView,
    all_versions,
    bill_item_types,
    latest_publication,
    offers,
    offers_at,
    offers_in_force,
    reference_frames,
    rule_names,
)
from openboss.modules.catalog.compiler import TariffRefused, compile_tariffs
from openboss.modules.catalog.documents import DocumentRefused, Limit, OfferDocument, read_document, read_text
from openboss.modules.catalog.functions.publication import load_publication, publish
from openboss.modules.catalog.functions.reference import (
    ReferenceRefused,
    import_reference,
    limits_of_file,
    read_items,
    tariff_limits,
)
from openboss.modules.catalog.functions.tariffs import import_tariffs
from openboss.modules.catalog.publications import PublicationRefused, hash_of_tables

__all__ = [
    "BillItemTypeView",
    "DocumentRefused",
    "Limit",
    "OfferDocument",
    "OfferVersionView",
    "PublicationRefused",
    "PublicationView",
    "ReferenceRefused",
    "RuleView",
    "TariffRefused",
    "all_versions",
    "bill_item_types",
    "compile_tariffs",
    "hash_of_tables",
    "import_reference",
    "import_tariffs",
    "latest_publication",
    "limits_of_file",
    "load_publication",
    "offers",
    "offers_at",
    "offers_in_force",
    "publish",
    "read_document",
    "read_items",
    "read_text",
    "reference_frames",
    "rule_names",
    "tariff_limits",
]
