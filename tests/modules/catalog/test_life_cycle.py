"""From a draft to a sale and off it again: second person, filing number, publication; who may take what."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from openboss.modules.catalog import functions as catalog
from openboss.modules.catalog.atomic import put_offer
from openboss.modules.catalog.documents import OfferDocument, VersionDocument
from openboss.modules.system.atomic import OrgNodeView, put_org_nodes, put_role, put_staff
from tests.modules.catalog.conftest import AT, PLAN, VERSION

OCTOBER = date(2026, 10, 1)
Plan = Callable[..., dict[str, int]]
NEW = {"offer_id": 102, "from_on": OCTOBER, "at": AT}


def draft(price: str = '"0.40"', day: str = "2026-10-01", roam: str = "HOME", item: str = "LOCAL") -> str:
    version = VERSION.format(day=day, price=price, roam=roam, item=item)
    return PLAN.format(code="PLAN", offer_id=102, kind="MAIN", versions=version)


@pytest.fixture
def people(reference: Any) -> tuple[int, int, int]:
    """Two product managers and a clerk."""
    put_role(code="PRODUCT", name_zh="产品", name_en="Product", rights=["catalog.edit", "catalog.approve"], at=AT)
    put_role(code="CLERK", name_zh="营业", name_en="Clerk", rights=["catalog.view"], at=AT)
    put_org_nodes(nodes=[OrgNodeView("00", "PROVINCE", None, "总公司", "Company")], at=AT)
    common = {"org_code": "00", "password": "a long password", "language": "en", "at": AT}
    one, two, clerk = (
        put_staff(login=login, name_zh=login, name_en=login, roles=[role], **common)
        for login, role in (("one", "PRODUCT"), ("two", "PRODUCT"), ("clerk", "CLERK"))
    )
    return one, two, clerk


def approved(people: tuple[int, int, int]) -> None:
    one, two, _ = people
    catalog.save_draft(draft(), at=AT, staff_id=one)
    catalog.submit(**NEW, staff_id=one)
    catalog.approve(**NEW, staff_id=two)


def on_sale(people: tuple[int, int, int]) -> None:
    _, two, _ = people
    approved(people)
    catalog.file_with_regulator(**NEW, filing_no="FJ-2026-017", staff_id=two)
    for life in ("TEST", "FILED"):
        catalog.move(offer_id=102, life=life, at=AT, staff_id=two)
    catalog.publish_filed(at=AT, staff_id=two)
    catalog.move(offer_id=102, life="ON_SALE", at=AT, staff_id=two)


def test_a_draft_is_not_in_force_until_it_is_published(people: tuple[int, int, int]) -> None:
    approved(people)
    assert catalog.offers_at(OCTOBER) == []
    catalog.file_with_regulator(**NEW, filing_no="FJ-2026-017", staff_id=people[1])
    catalog.publish_filed(at=AT, staff_id=people[1])
    assert [version.code for version in catalog.offers_at(OCTOBER)] == ["PLAN"]
    (life,) = catalog.versions_of(offer_id=102)
    assert (life.state, life.approved_by, life.filing_no) == ("PUBLISHED", people[1], "FJ-2026-017")


def test_who_wrote_a_tariff_does_not_approve_it(people: tuple[int, int, int]) -> None:
    one, _, _ = people
    catalog.save_draft(draft(), at=AT, staff_id=one)
    catalog.submit(**NEW, staff_id=one)
    with pytest.raises(catalog.SamePerson):
        catalog.approve(**NEW, staff_id=one)
    assert catalog.versions_of(offer_id=102)[0].state == "SUBMITTED"
    assert [waiting.offer_id for waiting in catalog.waiting_versions()] == [102]


def test_a_clerk_neither_writes_nor_approves(people: tuple[int, int, int]) -> None:
    one, _, clerk = people
    with pytest.raises(catalog.NotEntitled):
        catalog.save_draft(draft(), at=AT, staff_id=clerk)
    assert catalog.offers() == []
    catalog.save_draft(draft(), at=AT, staff_id=one)
    catalog.submit(**NEW, staff_id=one)
    with pytest.raises(catalog.NotEntitled):
        catalog.approve(**NEW, staff_id=clerk)


def test_a_draft_sent_back_is_changed_and_sent_again(people: tuple[int, int, int]) -> None:
    one, two, _ = people
    approved(people)
    catalog.send_back(**NEW, reason="0.39 was agreed", staff_id=two)
    assert catalog.save_draft(draft('"0.39"'), at=AT, staff_id=one).versions_written == 1
    catalog.submit(**NEW, staff_id=one)
    with pytest.raises(catalog.VersionPublished):
        catalog.save_draft(draft('"0.10"'), at=AT, staff_id=one)
    assert catalog.document_of(102)["versions"][0]["prices"][0]["price"] == "0.39"


@pytest.mark.requirement("BMT-05")
def test_a_tariff_without_filing_number_cannot_be_set_on_sale(people: tuple[int, int, int]) -> None:
    _, two, _ = people
    approved(people)
    catalog.move(offer_id=102, life="TEST", at=AT, staff_id=two)
    with pytest.raises(catalog.LifeRefused, match="no filing number"):
        catalog.move(offer_id=102, life="FILED", at=AT, staff_id=two)
    with pytest.raises(catalog.LifeRefused, match="PLAN is TEST; from there it goes to DRAFT, FILED"):
        catalog.move(offer_id=102, life="ON_SALE", at=AT, staff_id=two)
    catalog.publish_filed(at=AT, staff_id=two)
    assert catalog.versions_of(offer_id=102)[0].state == "APPROVED"
    assert catalog.life_of(offer_id=102) == "TEST"


def test_a_dated_publication_waits_for_its_day(people: tuple[int, int, int]) -> None:
    _, two, _ = people
    approved(people)
    later = AT.date() + timedelta(days=5)
    catalog.file_with_regulator(**NEW, filing_no="FJ-2026-017", publish_on=later, staff_id=two)
    catalog.publish_filed(at=AT)
    assert catalog.versions_of(offer_id=102)[0].state == "APPROVED"
    catalog.publish_filed(at=AT + timedelta(days=5))
    assert catalog.versions_of(offer_id=102)[0].state == "PUBLISHED"


@pytest.mark.requirement("CHG-23")
def test_a_price_above_the_cap_is_neither_saved_nor_sent(people: tuple[int, int, int]) -> None:
    with pytest.raises(catalog.DocumentRefused, match="0.65 is above the cap of 0.60"):
        catalog.save_draft(draft('"0.65"', roam="INTER_PROV_OUT", item="ROAM_CALL"), at=AT, staff_id=people[0])
    assert catalog.offers() == []


def test_a_cap_that_came_after_the_approval_blocks_publication(people: tuple[int, int, int], reference: Any) -> None:
    _, two, _ = people
    approved(people)
    catalog.file_with_regulator(**NEW, filing_no="FJ-2026-017", staff_id=two)
    (reference / "tariff_limits.yaml").write_text(
        '- {name: local, component: basic, when: {record: [MOC]}, per: 60 s, max: "0.30", from: "2026-01-01"}\n'
    )
    catalog.import_reference(reference, at=AT)
    with pytest.raises(catalog.DocumentRefused, match="0.40 is above the cap of 0.30 per 60 s"):
        catalog.publish_filed(at=AT, staff_id=two)
    assert catalog.versions_of(offer_id=102)[0].state == "APPROVED"
    assert catalog.latest_publication() is None


@pytest.mark.requirement("BMT-03")
def test_an_off_sale_plan_cannot_be_ordered_but_still_bills_its_holders(people: tuple[int, int, int]) -> None:
    on_sale(people)
    nobody = catalog.Buyer()
    assert catalog.refusals(code="PLAN", buyer=nobody, on=OCTOBER) == []
    catalog.move(offer_id=102, life="OFF_SALE", at=AT, staff_id=people[1])
    assert [one.code for one in catalog.refusals(code="PLAN", buyer=nobody, on=OCTOBER)] == ["NOT_ON_SALE"]
    assert catalog.offers_on_sale(OCTOBER) == []
    assert [version.document["recurring"][0]["fee"] for version in catalog.offers_in_force(202610)] == ["50.00"]


def test_an_offer_with_holders_is_not_retired(people: tuple[int, int, int]) -> None:
    on_sale(people)
    catalog.move(offer_id=102, life="OFF_SALE", at=AT, staff_id=people[1])
    with pytest.raises(catalog.LifeRefused, match="still held by 3 users"):
        catalog.move(offer_id=102, life="RETIRED", holders=3, at=AT, staff_id=people[1])
    catalog.move(offer_id=102, life="RETIRED", at=AT, staff_id=people[1])
    assert catalog.life_of(offer_id=102) == "RETIRED"


def offer(code: str, offer_id: int, **document: Any) -> None:
    version = VersionDocument(date(2003, 1, 1), document, code, ())
    names = (f"套餐{offer_id}", f"Offer {offer_id}")
    put_offer(offer=OfferDocument(offer_id, code, "ADDON", "", *names, "test", (version,)), at=AT)


def codes(code: str, **known: Any) -> list[str]:
    return sorted(one.code for one in catalog.refusals(code=code, buyer=catalog.Buyer(**known), on=OCTOBER))


@pytest.mark.requirement("BMT-07")
@pytest.mark.django_db
def test_the_care_card_is_refused_without_a_disability_certificate() -> None:
    offer("CARE_CARD", 501, eligibility={"certificates": ["DISABILITY"]})
    (refusal,) = catalog.refusals(code="CARE_CARD", buyer=catalog.Buyer(), on=OCTOBER)
    assert refusal.code == "ELIGIBILITY_CERTIFICATES"
    assert refusal.en == "Offer 501 asks for a certificate: DISABILITY"
    assert codes("CARE_CARD", certificates=frozenset({"DISABILITY"})) == []


@pytest.mark.django_db
def test_an_offer_asks_for_age_class_channel_and_area() -> None:
    offer("ELDER", 502, eligibility={"age_min": 60, "customer_class": ["PERSON"], "channels": ["HALL"], "areas": [571]})
    fits = {"born_on": date(1966, 10, 1), "customer_class": "PERSON", "channel": "HALL", "area": 571}
    assert codes("ELDER", **fits) == []
    assert codes("ELDER", **{**fits, "born_on": date(1966, 10, 2)}) == ["ELIGIBILITY_AGE_MIN"]
    assert codes("ELDER", **{**fits, "channel": "WEB", "area": 10}) == ["ELIGIBILITY_AREAS", "ELIGIBILITY_CHANNELS"]
    assert len(codes("ELDER")) == 4  # what is not known is not fulfilled


@pytest.mark.django_db
def test_relations_require_exclude_replace_and_bound_the_number() -> None:
    offer("BASE", 503)
    offer("PACK", 504, relations={"requires": ["BASE"], "excludes": ["OTHER"], "at_most": 2})
    offer("OTHER", 505, relations={"replaces": ["PACK"]})
    assert codes("PACK") == ["REQUIRES"]
    assert codes("PACK", held=("BASE", "OTHER")) == ["EXCLUDES"]
    assert codes("PACK", held=("BASE", "PACK", "PACK")) == ["MAX_N"]
    assert codes("OTHER", held=("PACK",)) == []
