"""The black list of charging on pages: who may keep it, what is refused in words, who tried."""

from collections import Counter
from datetime import timedelta

import pytest
from django.test import Client

from openboss.access.jobs import clock
from openboss.modules.charging.functions import black_list
from openboss.modules.system.functions import list_audit

from .conftest import signed_in

pytestmark = [pytest.mark.usefixtures("operator")]
HANDSET = {"kind": "IMEI", "number": "351756051523993", "reason": "stolen, police report 17"}


def entries() -> list[black_list.EntryView]:
    return black_list.list_entries(filters={}, sort="-from_at", offset=0, limit=99, at=clock.now())[0]


def enter(client: Client, **typed: str) -> str:
    return client.post("/live/black-list/enter/", {**HANDSET, **typed}, follow=True).content.decode()


def test_who_may_puts_a_handset_on_the_list_sees_who_tried_and_takes_it_off() -> None:
    admin, analyst = signed_in("admin"), signed_in("billing")
    assert analyst.post("/live/black-list/enter/", HANDSET).status_code == 403 and entries() == []
    assert "On the list: it counts at once" in enter(admin)
    (entry,) = entries()
    assert (entry.kind, entry.number, entry.reason) == ("IMEI", 35_175_605_152_399, "stolen, police report 17")
    black_list.note_uses(uses=Counter({("IMEI", entry.number, 8613900000001): 3}), at=clock.now(), is_file=False)
    page = f"/live/black-list/{entry.black_entry_id}/"
    listed, shown = (analyst.get(one).content.decode() for one in ("/live/black-list/", page))
    assert "35175605152399" in listed and "Handset (IMEI)" in listed and "Put on the list" not in listed
    assert "139****0001" in shown.replace(" ", "") and "Take off the list" not in shown
    assert analyst.post(f"{page}end/").status_code == 403
    assert "Off the list" in admin.post(f"{page}end/", follow=True).content.decode()
    assert "This entry has ended already." in admin.post(f"{page}end/", follow=True).content.decode()
    assert [len(list_audit(action=f"charging.{what}_black_list")[0]) for what in ("enter", "end")] == [1, 1]
    assert analyst.get("/live/black-list/999999/").status_code == 404


@pytest.mark.parametrize(
    ("typed", "said"),
    [({"number": "351756051523998"}, "an IMEI of 15 digits that fits its last"), ({"reason": " "}, "Say why"),
     ({"kind": "NUMBER", "number": "x"}, "an IMEI of 15 digits"), ({"until": "2001-01-01"}, "ends on a day to come"),
     ({"until": "soon"}, "ends on a day to come"), ({"kind": "NAME"}, "an IMEI of 15 digits")],
)  # fmt: skip
def test_what_cannot_stand_on_the_list_is_refused_in_words(typed: dict[str, str], said: str) -> None:
    before = len(entries())
    assert said in enter(signed_in("admin"), **typed)
    assert len(entries()) == before


def test_a_number_is_entered_as_people_dial_it_until_the_end_of_a_day_and_found_so() -> None:
    admin = signed_in("admin")
    until = clock.today() + timedelta(days=30)
    enter(admin, kind="NUMBER", number="139 1001 2345", until=until.isoformat())
    (entry,) = [one for one in entries() if one.kind == "NUMBER"]
    assert (entry.number, entry.to_at) == (8613910012345, clock.begin_of(until + timedelta(days=1)))
    assert "stands on the list already" in enter(admin, kind="NUMBER", number="+8613910012345")
    found = admin.get("/live/black-list/", {"number": "139 1001 2345", "state": "LISTED"}).content.decode()
    assert "139 1001 2345" in found and "35175605152399" not in found
