"""Self-care as a Django app: templates."""

from django.apps import AppConfig


class SelfcareConfig(AppConfig):
    """The customers' pages."""

    name = "openboss.access.selfcare"
    label = "selfcare"
