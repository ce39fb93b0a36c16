"""The export contract's files: guard, CSV, and comparing a run with a result."""

import csv
import json
from pathlib import Path

import pytest

from tests.reference.files import (
    compare,
    expected_csv,
    guard,
    guarded,
    read_csv,
    read_header,
)
from tests.reference.interface import EXCLUSION_COLUMNS, EXPORT_COLUMNS, Result
from tests.reference.worlds import job, portal, run, subject

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
    "column",
    [
        "job_name",
        "external_id",
        "first_name",
        "last_name",
        "parent_name",
        "group",
        "activity_name",
        "country",
    ],
)
def test_guard_of_free_text(column: str, start: str) -> None:
    assert guard(column, f"{start}1+1") == f"'{start}1+1"
    assert guard(column, f"a{start}") == f"a{start}"


def test_guard_leaves_everything_else() -> None:
    assert guard("phone_number", "+12025550123") == "+12025550123"
    assert guard("phone_number_2", "+12025550123") == "+12025550123"
    assert guard("email", "=a@example.com") == "=a@example.com"
    assert guard("access_code", "-KEY") == "-KEY"
    assert guard("subject_uuid", "@1") == "@1"
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


def test_compare_json_metadata(tmp_path: Path) -> None:
    found = result()
    write(tmp_path, found)
    path = tmp_path / "north" / "non_buyers.json"
    replace_in(path, '"contacts": 1', '"contacts": 2')
    assert compare(found, tmp_path, formats=("csv", "json")) == [
        "north/non_buyers.json: metadata contacts differs"
    ]
