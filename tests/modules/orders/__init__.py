"""Tests of the orders module."""
