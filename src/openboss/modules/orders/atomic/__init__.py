"""The only way to the tables of the orders module."""
