"""The Django app of the customers module."""

from django.apps import AppConfig


class CustomersConfig(AppConfig):
    """Registers the tables of customers under the label `customers`, and its encrypted columns for key rotation."""

    name = "openboss.modules.customers"
    label = "customers"

    def ready(self) -> None:
        """Let the rotation of keys reach the documents' numbers, the contacts, potential
        customers and the passwords of access lines."""
        from openboss.modules.customers.atomic import re_encrypt_documents
        from openboss.modules.customers.atomic.access_lines import re_encrypt_access_lines
        from openboss.modules.customers.atomic.leads import re_encrypt_leads
        from openboss.modules.customers.atomic.records import re_encrypt_contacts
        from openboss.modules.system.keys import register_rewriter

        register_rewriter("customers", re_encrypt_documents)
        register_rewriter("customers_contacts", re_encrypt_contacts)
        register_rewriter("customers_access_lines", re_encrypt_access_lines)
        register_rewriter("customers_leads", re_encrypt_leads)
