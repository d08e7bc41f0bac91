"""Atomic services of charging: files and counters (files), the error pool (errors), the engine's (engine)."""
