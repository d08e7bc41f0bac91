"""A province with a city, a district and two outlets; items of every kind."""

from datetime import UTC, datetime
from typing import Any

import pytest

from openboss.modules.resources import functions as resources
from openboss.modules.system.atomic import OrgNodeView, put_org_nodes
from tests.modules.customers.conftest import base, frames, offers  # noqa: F401 (the fixture of the catalog)

AT = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
PROVINCE, CITY, OUTLET, OTHER_OUTLET = "17", "17.027", "17.027.05.01", "17.027.05.02"
SIM_32K, SIM_64K, VOUCHER_50, PHONE, GIFT = "SIM_32K", "SIM_64K", "VOUCHER_50", "PHONE_X1", "GIFT_UMBRELLA"


@pytest.fixture
def places(db: None) -> None:
    """The organisation and what it stocks."""
    nodes = [
        OrgNodeView(PROVINCE, "PROVINCE", None, "湖北", "Hubei"),
        OrgNodeView(CITY, "CITY", PROVINCE, "武汉", "Wuhan"),
        OrgNodeView(OUTLET, "OUTLET", CITY, "江汉路厅", "Jianghan Road"),
        OrgNodeView(OTHER_OUTLET, "OUTLET", CITY, "光谷厅", "Optics Valley"),
    ]
    put_org_nodes(nodes=nodes, at=AT)
    resources.put_item_types(rows=ITEMS, at=AT)


ITEMS = [
    {"code": SIM_32K, "kind": "SIM", "name_zh": "32K卡", "name_en": "32K card", "price_fen": 5000, "alarm_below": 50},
    {"code": SIM_64K, "kind": "SIM", "name_zh": "64K卡", "name_en": "64K card", "price_fen": 8000},
    {
        "code": VOUCHER_50,
        "kind": "VOUCHER",
        "name_zh": "50元卡",
        "name_en": "50 yuan",
        "price_fen": 5000,
        "face_fen": 5000,
    },
    {"code": PHONE, "kind": "TERMINAL", "name_zh": "手机", "name_en": "Phone X1", "price_fen": 199_900},
    {"code": GIFT, "kind": "GOODS", "name_zh": "雨伞", "name_en": "Umbrella"},
]


def with_check_digit(body: str) -> str:
    """An ICCID of 19 digits with its check digit."""
    from stdnum import luhn

    return body + luhn.calc_check_digit(body)


def card_lines(count: int, first: int = 0) -> list[str]:
    """Lines of a vendor's file: good cards."""
    return [
        f"{with_check_digit(f'89860091726{n:08d}')},4600012{n:08d},1234,{n:08d},5678,{n:08d},HSM:{n}"
        for n in range(first, first + count)
    ]


def vendor_file(lines: list[str]) -> bytes:
    """A vendor's file of cards."""
    return "\n".join(["iccid,imsi,pin1,puk1,pin2,puk2,ki_reference", *lines, ""]).encode()


def import_cards(lines: list[str], **changes: Any) -> resources.SimImport:
    """Take a vendor's file into the province's stock."""
    wanted = {"file_name": "cards.csv", "item_code": SIM_32K, "hlr_code": "HLR1", "org_code": PROVINCE}
    return resources.import_sims(content=vendor_file(lines), **{**wanted, **changes}, at=AT, staff_id=7)  # type: ignore[arg-type]


@pytest.fixture
def users(offers: None) -> None:  # noqa: F811
    """Three customers with users 1001 to 1003."""
    from openboss.modules.customers import functions as customers

    customers.load_base(frames=frames(base()), at=AT)
