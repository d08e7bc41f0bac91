"""Where the files lie that go to banks, collectors and agencies and come from them."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings


def bank_folder(bank: str) -> Path:
    """Where the files to and from a bank lie."""
    return Path(settings.DATA_DIR) / "bank" / bank


def file_of(bank: str, sequence: int, suffix: str) -> Path:
    """One file of a bank by its number."""
    return bank_folder(bank) / f"{bank}-{sequence:06d}.{suffix}"
