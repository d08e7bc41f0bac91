"""Molecular functions of charging: collection, the error pool, live charges and detail."""
