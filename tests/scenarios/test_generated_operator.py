"""The generator: the same numbers give the same bytes, and the base keeps the rules of the model."""

import filecmp
import json
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from openboss.access.jobs.generate import AlreadyThere, _as_text, generate_operator
from openboss.access.jobs.generate_base import TooFew, draw_population, read_catalogue
from openboss.access.jobs.generate_ber import SOURCE as BER_SOURCE
from openboss.access.jobs.generate_ber import ber_file, split_off
from openboss.access.jobs.generate_demo import PEOPLE
from openboss.access.jobs.generate_faults import FAULTS
from openboss.access.jobs.generate_frames import FIRST_UNIT, base_frames
from openboss.access.jobs.generate_usage import draw_block
from openboss.access.network.decoders import DECODERS
from openboss.modules.charging.canonical import FIELDS
from openboss.modules.customers.schema import FRAMES

START = date(2026, 9, 1)


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    out = tmp_path_factory.mktemp("generated") / "one"
    return out, generate_operator(users=200, days=3, seed=7, start=START, out=out)


@pytest.fixture(scope="module")
def base():
    population = draw_population(users=3000, days=61, seed=1, start=START, catalogue=read_catalogue())
    return dict(base_frames(population))


def files(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def no_overlap(frame, key):
    """Half-open periods of one key follow each other; null = open end."""
    far = datetime(2200, 1, 1, tzinfo=UTC)
    ordered = frame.with_columns(pl.col("to_at").fill_null(far)).sort(key, "from_at")
    return ordered.filter(pl.col("from_at") < pl.col("to_at").shift(1).over(key)).is_empty()


def test_the_same_seed_gives_the_same_bytes(generated, tmp_path):
    out, _ = generated
    again = tmp_path / "two"
    generate_operator(users=200, days=3, seed=7, start=START, out=again)
    assert files(out) == files(again)
    assert filecmp.cmpfiles(out, again, files(out), shallow=False)[1:] == ([], [])


def test_another_seed_gives_other_usage(generated, tmp_path):
    out, _ = generated
    other = tmp_path / "other"
    generate_operator(users=200, days=1, seed=8, start=START, out=other)
    name = Path("usage/PGW01/PGW01_000001.txt")
    assert not filecmp.cmp(out / name, other / name, shallow=False)


def test_a_folder_with_data_is_left_alone(generated):
    out, _ = generated
    before = (out / "manifest.json").read_bytes()
    with pytest.raises(AlreadyThere):
        generate_operator(users=200, days=1, seed=7, start=START, out=out)
    assert (out / "manifest.json").read_bytes() == before


def test_too_small_a_base_is_refused():
    with pytest.raises(TooFew):
        draw_population(users=50, days=1, seed=1, start=START, catalogue=read_catalogue())


def test_trailers_tell_the_truth_and_the_manifest_counts_every_line(generated):
    out, manifest = generated
    lines = 0
    paths = {path.name: path for path in sorted(out.glob("usage*/*/*.txt"))}
    for path in paths.values():
        head, _, *records, trailer = path.read_text(encoding="utf-8").splitlines()
        assert head.startswith(f"H|OPENBOSS-USAGE|1|{path.stem.split('_')[0]}|{path.stem.split('_')[1]}|")
        assert all(record.count("|") == 22 for record in records)
        total_s = sum(int(record.split("|")[7] or 0) for record in records)
        assert trailer == f"T|{len(records)}|{total_s}"
        lines += len(records)
    in_ber = manifest.records[BER_SOURCE]
    assert in_ber == sum(len(decoded(path)) for path in out.glob(f"usage/{BER_SOURCE}/*.ber")) > 20
    assert lines == sum(manifest.records.values()) - in_ber


def decoded(path: Path) -> list[dict[str, str]]:
    """The records of a BER file as the decoder hands them on."""
    text = b"".join(piece.text for piece in DECODERS["pgw_ber"](path, BER_SOURCE, None)).decode()
    return [dict(zip(FIELDS, line.split("|"), strict=True)) for line in text.splitlines()]


def test_a_session_written_in_ber_says_what_its_delimited_form_says(tmp_path):
    population = draw_population(users=800, days=7, seed=1, start=START, catalogue=read_catalogue())
    drawn = pl.concat(
        [draw_block(population, day, 0, 800, population.present(day, 0, 800), 30.0)["PGW01"] for day in range(7)]
    )
    _, written = split_off(_as_text(drawn))
    (tmp_path / "x.ber").write_bytes(ber_file(written))
    read = decoded(tmp_path / "x.ber")

    assert len(read) == written.height > 3_000
    abroad = 0
    for was, found in zip(written.iter_rows(named=True), read, strict=True):
        assert found["start_time"] == was["start_time"] + "+08:00"
        assert found["served_number"] == "+" + was["served_number"]
        same = ("record_type", "served_imsi", "duration_s", "up_bytes", "down_bytes", "apn")
        assert [found[name] for name in same] == [was[name] for name in same]
        assert found["partial_seq"] == (was["partial_seq"] if was["partial_seq"] != "0" else "")
        if int(was["visited_area"]) < 1_000_000:
            assert (found["msc_id"], found["lac"], found["visited_area"]) == ("46000", was["visited_area"], "")
        else:
            abroad += 1
            assert (found["lac"], found["visited_area"]) == ("", was["visited_area"])
    assert abroad > 0


def test_a_file_is_missing_from_its_sequence_and_another_comes_twice(generated):
    out, _ = generated
    assert not (out / "usage/GMSC01/GMSC01_000003.txt").exists()
    assert (out / "usage_late/GMSC01/GMSC01_000003.txt").exists()
    name = "PGW01/PGW01_000002.txt"
    assert filecmp.cmp(out / "usage" / name, out / "usage_late" / name, shallow=False)


def test_late_double_and_faulty_records_occur_in_a_larger_month(tmp_path):
    generate_operator(users=3000, days=4, seed=1, start=START, out=tmp_path / "x")
    spoilt = json.loads((tmp_path / "x/manifest.json").read_text())["spoilt"]
    assert spoilt["LATE"] > 100
    assert spoilt["DUPLICATE"] > 100
    assert sum(spoilt[fault.code] > 0 for fault in FAULTS) >= 7


def test_the_base_has_exactly_the_columns_that_loading_takes(base):
    assert list(base) == list(FRAMES)
    for name, frame in base.items():
        assert frame.schema == FRAMES[name], name


def test_every_user_has_exactly_one_account_that_pays_the_rest(base):
    rest = base["relations"].filter(pl.col("mode") == "REST")
    assert rest["subscriber_id"].sort().to_list() == base["subscribers"]["subscriber_id"].sort().to_list()
    assert rest["account_id"].is_in(base["accounts"]["account_id"].implode()).all()


def test_no_number_and_no_card_belongs_to_two_users_at_a_time(base):
    assert no_overlap(base["numbers"], "number")
    assert no_overlap(base["numbers"], "subscriber_id")
    assert no_overlap(base["sims"], "imsi")
    assert base["sims"]["iccid"].n_unique() == base["sims"].height


def test_every_user_has_one_main_plan_at_a_time_from_the_first_day_on(base):
    mains = [offer for code, offer in read_catalogue().offers.items() if offer < 300 and code != "STANDARD"]
    main = base["holdings"].filter(pl.col("offer_id").is_in(mains))
    assert no_overlap(main, "subscriber_id")
    first = main.group_by("subscriber_id").agg(pl.col("from_at").min()).join(base["subscribers"], on="subscriber_id")
    assert first.height == base["subscribers"].height
    assert (first["from_at"] == first["opened_at"]).all()


def test_periods_do_not_end_before_they_begin(base):
    for name in ("numbers", "sims", "holdings", "group_members", "stops"):
        assert base[name].filter(pl.col("to_at") <= pl.col("from_at")).is_empty(), name


def test_identity_numbers_are_unique_pass_the_check_digit_and_belong_to_no_province(base):
    people = base["customers"].filter(pl.col("kind") == "INDIVIDUAL")
    weights = [2 ** (17 - place) % 11 for place in range(17)]
    for number, born_on in people.select("cert_no", "born_on").sample(200, seed=1).iter_rows():
        check = "10X98765432"[sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False)) % 11]
        assert number[-1] == check
        assert number[:2] == "99"
        assert number[6:14] == f"{born_on:%Y%m%d}"
    assert base["customers"]["cert_no"].n_unique() == base["customers"].height


def test_the_split_case_has_two_users_and_three_accounts(base):
    users = [index + 1 for index, person in enumerate(PEOPLE) if person.pays == "UNIT"]
    found = base["relations"].filter(pl.col("subscriber_id").is_in(users)).sort("subscriber_id", "priority")
    expected = [
        row
        for user in users
        for row in [
            (user, FIRST_UNIT, "RENT", "FULL", 0),
            (user, FIRST_UNIT, "G2_VOICE", "LIMIT", 10_000),
            (user, user, "ALL", "REST", 0),
        ]
    ]
    assert found.select("subscriber_id", "account_id", "item_scope", "mode", "value").rows() == expected


def test_the_people_of_the_tour_are_the_first_customers_by_name(base):
    names = base["customers"].filter(pl.col("customer_id") <= len(PEOPLE)).sort("customer_id")["name"].to_list()
    assert names == [person.name for person in PEOPLE]
