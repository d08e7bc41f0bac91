"""What names a handset: the 14 digits of its IMEI before the check digit or the software's version (TS 23.003)."""

NUMBER, IMEI = "NUMBER", "IMEI"  # what stands on the black list
DIGITS = 14


def imei_of(text: str) -> int:
    """Read an IMEI (15 digits, the last of which checks) or IMEISV (16 digits) as the 14 that name it; 0 = none."""
    digits = text.replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdecimal() and len(digits) in (DIGITS, DIGITS + 1, DIGITS + 2)):
        return 0
    return int(digits[:DIGITS])
