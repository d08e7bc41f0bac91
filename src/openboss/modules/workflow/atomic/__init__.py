"""The only way to the tables of the workflow module."""
