"""The only way to the tables of the resources module."""
