"""Identity documents: which kinds there are, and whether a number can be one (D14.1)."""

import re
from dataclasses import dataclass
from datetime import date

from stdnum import numdb
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_2

PASSPORT = re.compile(r"[A-Z0-9]{6,12}")
LICENCE = re.compile(r"[A-Z0-9]{8,24}")
RESIDENTS_OF_TAIWAN = "83"  # residence permits begin so; those of Hong Kong and Macao stand in the table of places
TABLE_OF = 2025  # the year the table of places was written


class DocumentWrong(ValueError):
    """This cannot be the number of such a document: a sign is missing or was mistyped."""


@dataclass(frozen=True)
class DocumentRead:
    """What the number of a document says: itself, cleaned, and the birthday if it holds one."""

    cert_type: str
    cert_no: str
    born_on: date | None


def read_document(cert_type: str, cert_no: str) -> DocumentRead:
    """Check a document's number and read what it says.

    cert_type  ID_CARD (18 signs, the last checks the others), PASSPORT, CREDIT_CODE (unified code of a unit), LICENCE
    Raises DocumentWrong.
    """
    number = cert_no.strip().upper().replace(" ", "")
    if cert_type == "ID_CARD":
        return DocumentRead(cert_type, number, _identity_card(number))
    if cert_type == "CREDIT_CODE":
        _refuse_unless(uscc.is_valid(number), number)
    elif cert_type == "PASSPORT":
        _refuse_unless(PASSPORT.fullmatch(number) is not None, number)
    elif cert_type == "LICENCE":
        _refuse_unless(LICENCE.fullmatch(number) is not None, number)
    else:
        raise DocumentWrong(cert_type)
    return DocumentRead(cert_type, number, None)


def _identity_card(number: str) -> date:
    """Check shape, place, birthday and check digit (ISO 7064 mod 11-2); return the birthday."""
    try:
        born_on = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
        mod_11_2.validate(number)
    except (ValueError, ValidationError) as wrong:
        raise DocumentWrong(number[:6]) from wrong
    _refuse_unless(len(number) == 18 and _is_place(number[:6], born_on.year), number)
    return born_on


def _is_place(code: str, born: int) -> bool:
    """Whether numbers of people born in a year may begin with the code of a place.

    A place that was given up gives no number to who was born later. A place made later may: many got their number long
    after they were born. One that is newer than the table gives numbers to the newly born.
    """
    found = {name: value for _, facts in numdb.get("cn/loc").info(code) for name, value in facts.items()}
    if "county" not in found:
        return code[:2] == RESIDENTS_OF_TAIWAN or ("province" in found and born > TABLE_OF)
    ends = [re.match(r"\[\d*-(\d+)\]", county) for county in found["county"].split(",")]
    return any(end is None or born <= int(end[1]) for end in ends)


def _refuse_unless(right: bool, number: str) -> None:
    if not right:
        raise DocumentWrong(number[:6])
