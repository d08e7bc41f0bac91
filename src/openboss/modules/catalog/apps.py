"""The Django app of the catalog module."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Registers the tables of catalog under the label `catalog`."""

    name = "openboss.modules.catalog"
    label = "catalog"
