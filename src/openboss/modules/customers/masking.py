"""How personal data is shown to those who have not given a reason to see it (D23.2); numbers as people write them."""

HIDDEN = "*"
COUNTRY, OWN_NUMBER, LONGEST_NUMBER = "86", 11, 15  # digits (E.164)


def mask_name(name: str, *, kind: str) -> str:
    """Show a person's family name alone, and the last sign of a name of three or more; units stay in clear."""
    if kind == "UNIT" or len(name) < 2:
        return name
    if not name[0].isascii() and len(name) > 2:
        return name[0] + HIDDEN * (len(name) - 2) + name[-1]
    return name[0] + HIDDEN * (len(name) - 1)


def mask_document(number: str) -> str:
    """Show the first six and the last four characters of a document's number; shorter ones only the last two."""
    if len(number) <= 10:
        return HIDDEN * max(len(number) - 2, 0) + number[-2:]
    return number[:6] + HIDDEN * (len(number) - 10) + number[-4:]


def mask_number(number: int) -> str:
    """Show the first three and the last four digits of a mobile number (139****1234); short numbers stay in clear."""
    digits = national_number(number)
    if len(digits) < 8:
        return digits
    return digits[:3] + HIDDEN * (len(digits) - 7) + digits[-4:]


def read_number(text: str) -> int:
    """A number as people type it, with its country code; 0 = it is none. Who dials +, 00 or 86 first means the same."""
    digits = text.replace(" ", "").replace("-", "").removeprefix("+").removeprefix("00")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= LONGEST_NUMBER):
        return 0
    return int(COUNTRY + digits) if len(digits) == OWN_NUMBER else int(digits)


def national_number(number: int) -> str:
    """Write a number as it is dialled inside the country."""
    digits = str(number)
    return digits.removeprefix(COUNTRY) if len(digits) == 13 else digits
