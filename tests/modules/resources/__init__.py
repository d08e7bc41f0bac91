"""Tests of the resources module."""
