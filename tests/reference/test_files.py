"""The export contract's files: guard, CSV, and comparing a run with a result."""

import csv
import json
from pathlib import Path

import pytest

from tests.reference.files import (
    compare,
    evidence_rows,
    expected_csv,
    guard,
    guarded,
    read_csv,
    read_header,
)
from tests.reference.interface import (
    EVIDENCE_COLUMNS,
    EXCLUSION_COLUMNS,
    EXPORT_COLUMNS,
    Result,
)
from tests.reference.worlds import Raw, job, portal, row_of, run, subject

HEADER = (
    "portal,job_uuid,job_name,subject_uuid,external_id,first_name,last_name,"
    "parent_name,phone_number,phone_number_2,email,email_2,country,group,buyer,"
    "access_code,url,custom_gallery_url,sms_marketing_consent,"
    "sms_marketing_timestamp,sms_transactional_consent,sms_transactional_timestamp,"
    "activity_uuid,activity_name,registered_user,registered_user_email,"
    "registered_user_uuid,resolution_strategy"
)


@pytest.mark.parametrize("start", "=+-@")
@pytest.mark.parametrize(
    "column", [name for name in HEADER.split(",") if "phone" not in name]
)
def test_guard_of_every_column_but_phones(column: str, start: str) -> None:
    assert guard(column, f"{start}1+1") == f"'{start}1+1"
    assert guard(column, f"a{start}") == f"a{start}"


def test_guard_leaves_everything_else() -> None:
    assert guard("phone_number", "+12025550123") == "+12025550123"
    assert guard("phone_number_2", "+12025550123") == "+12025550123"
    assert guard("first_name", "") == ""


def test_expected_csv() -> None:
    assert expected_csv([]) == f"{HEADER}\n".encode()
    rows = [{"first_name": '=Ad"a', "email": "a,b", "access_code": "K\nL\u00e9"}]
    assert (
        expected_csv(rows, ("first_name", "email", "access_code"))
        == ('first_name,email,access_code\n"\'=Ad""a","a,b","K\nL\u00e9"\n').encode()
    )


def result() -> Result:
    """Two buyers, one of them odd, a non-buyer and an exclusion."""
    odd = subject("s 2\r\n", first_name='=1,"x"', external_id="\x00a b")
    only_job = job(subject("s1"), odd, subject("s4", images=[]), non_buyers=[])
    only_job["non_buyers"] = [subject("s3")]
    only_job["access_keys"] = {"s1": ["K,1"], "s 2": ['K"2'], "s3": ["K\r\n3"]}
    only_job["buyers"][2]["activity"] = "a1"
    return run(portal(only_job))


def write(folder: Path, found: Result) -> None:
    """The files of a run, as the contract has them."""
    (folder / "north").mkdir()
    for audience, buyer in (("buyers", "Yes"), ("non_buyers", "No")):
        rows = [row for row in found.exported if row["buyer"] == buyer]
        (folder / "north" / f"{audience}.csv").write_bytes(expected_csv(rows))
        metadata = {"portal": "north", "audience": audience, "contacts": len(rows)}
        document = json.dumps({"contacts": rows, "metadata": metadata})
        (folder / "north" / f"{audience}.json").write_text(document)
    exclusions = expected_csv(found.excluded, EXCLUSION_COLUMNS)
    (folder / "exclusions.csv").write_bytes(exclusions)


def test_read_csv(tmp_path: Path) -> None:
    found = result()
    write(tmp_path, found)
    buyers = tmp_path / "north" / "buyers.csv"
    assert read_header(buyers) == list(EXPORT_COLUMNS)
    assert read_csv(buyers) == [guarded(row) for row in found.exported[:2]]
    assert read_csv(buyers)[0]["first_name"] == '\'=1,"x"'
    assert read_csv(tmp_path / "exclusions.csv") == found.excluded


def test_read_csv_refuses_what_is_torn(tmp_path: Path) -> None:
    torn = tmp_path / "torn.csv"
    torn.write_text("a,b\n1\n")
    with pytest.raises(ValueError, match="zip"):
        read_csv(torn)
    torn.write_text('a,b\n1,"2')
    with pytest.raises(csv.Error):
        read_csv(torn)
    torn.write_text("")
    with pytest.raises(ValueError, match=r"torn\.csv: no header"):
        read_csv(torn)


def test_compare_same(tmp_path: Path) -> None:
    found = result()
    write(tmp_path, found)
    assert compare(found, tmp_path, formats=("csv", "json")) == []
    assert [row["reason"] for row in found.excluded] == ["no_images"]
    assert len(found.exported) == 3


def test_compare_files(tmp_path: Path) -> None:
    found = result()
    write(tmp_path, found)
    assert compare(found, tmp_path) == [
        "north/buyers.json: not expected",
        "north/non_buyers.json: not expected",
    ]
    for path in (tmp_path / "north").glob("*.json"):
        path.unlink()
    assert compare(found, tmp_path, audience="buyers") == [
        "north/non_buyers.csv: not expected"
    ]
    (tmp_path / "north" / "buyers.csv").unlink()
    assert compare(found, tmp_path) == ["north/buyers.csv: missing"]
    assert compare(found, tmp_path, portals=[], formats=()) == [
        "north/non_buyers.csv: not expected"
    ]


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_bytes().decode()
    assert text.count(old) == 1
    path.write_bytes(text.replace(old, new).encode())


def test_compare_values_names_ids_and_columns_alone(tmp_path: Path) -> None:
    found = result()
    write(tmp_path, found)
    replace_in(tmp_path / "north" / "non_buyers.csv", ",Ada,", ",Eve,")
    replace_in(tmp_path / "north" / "non_buyers.json", '"Ada"', '"Eve"')
    replace_in(tmp_path / "exclusions.csv", "no_images", "duplicate")
    ids = "portal 'north' job 'j1' activity 'a1' subject"
    assert compare(found, tmp_path, formats=("csv", "json")) == [
        f"north/non_buyers.csv: first_name differs: {ids} 's3'",
        f"north/non_buyers.json: first_name differs: {ids} 's3'",
        f"exclusions.csv: reason differs: {ids} 's4'",
    ]


def test_compare_rows(tmp_path: Path) -> None:
    found = result()
    write(tmp_path, found)
    buyers = tmp_path / "north" / "buyers.csv"
    rows = found.exported[:2]
    ids = "portal 'north' job 'j1' activity 'a1' subject"
    formats = ("csv", "json")
    buyers.write_bytes(expected_csv(rows[:1]))
    assert compare(found, tmp_path, formats=formats) == [
        f"north/buyers.csv: row missing: {ids} 's1'"
    ]
    buyers.write_bytes(expected_csv([*rows, rows[1]]))
    assert compare(found, tmp_path, formats=formats) == [
        f"north/buyers.csv: row not expected: {ids} 's1'"
    ]
    buyers.write_bytes(expected_csv(rows[::-1]))
    assert compare(found, tmp_path, formats=formats) == [
        "north/buyers.csv: other order of rows"
    ]
    buyers.write_bytes(expected_csv(rows, EXPORT_COLUMNS[::-1]))
    assert compare(found, tmp_path, formats=formats) == [
        "north/buyers.csv: other columns"
    ]


def test_compare_needs_the_guard_in_csv_and_none_in_json(tmp_path: Path) -> None:
    found = result()
    write(tmp_path, found)
    replace_in(tmp_path / "north" / "buyers.csv", "'=1", "=1")
    replace_in(tmp_path / "north" / "buyers.json", '"=1', "\"'=1")
    assert [
        difference.partition(": portal")[0]
        for difference in compare(found, tmp_path, formats=("csv", "json"))
    ] == [
        "north/buyers.csv: first_name differs",
        "north/buyers.json: first_name differs",
    ]


def test_compare_evidence_and_suppressions_where_a_run_has_them(
    tmp_path: Path,
) -> None:
    found = result()
    write(tmp_path, found)
    formats = ("csv", "json")
    (tmp_path / "suppressions.csv").write_text("channel,address,suppressed_at\n")
    evidence = tmp_path / "evidence.csv"
    evidence.write_bytes(expected_csv(found.evidence, EVIDENCE_COLUMNS))
    assert compare(found, tmp_path, formats=formats) == []
    evidence.write_bytes(expected_csv(found.evidence[:2], EVIDENCE_COLUMNS))
    ids = "portal 'north' job 'j1' activity 'a1' subject"
    assert compare(found, tmp_path, formats=formats) == [
        f"evidence.csv: row missing: {ids} 's3'"
    ]
    audiences = [row["audience"] for row in evidence_rows(found)]
    assert audiences == ["buyers", "buyers", "non_buyers"]
    assert evidence_rows(found, "non_buyers") == found.evidence[2:]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "webshop starting 2026-02-01T00:00:00Z subject subject"),
        (
            {
                "sms_marketing_consent": "yes",
                "sms_marketing_timestamp": "2026-02-10",
                "delivery_2": {"mobile_phone": "2025550102"},
            },
            "explicit field 2026-02-10T00:00:00Z delivery_2 subject",
        ),
        (
            {"sms_marketing_consent": "yes", "email": "N/A"},
            "explicit starting 2026-02-01T00:00:00Z subject ",
        ),
        (
            {"sms_marketing_timestamp": "2026-02-10", "phone_number_2": "2025550101"},
            "webshop starting 2026-02-01T00:00:00Z subject subject",
        ),
    ],
)
def test_evidence(changes: Raw, expected: str) -> None:
    found = run(portal(job(subject(**changes))))
    assert row_of(found)
    (row,) = evidence_rows(found)
    assert tuple(row) == EVIDENCE_COLUMNS
    assert " ".join(list(row.values())[5:]) == expected
    assert list(row.values())[:5] == ["north", "j1", "a1", "s1", "buyers"]


def test_compare_json_metadata(tmp_path: Path) -> None:
    found = result()
    write(tmp_path, found)
    path = tmp_path / "north" / "non_buyers.json"
    replace_in(path, '"contacts": 1', '"contacts": 2')
    assert compare(found, tmp_path, formats=("csv", "json")) == [
        "north/non_buyers.json: metadata contacts differs"
    ]
