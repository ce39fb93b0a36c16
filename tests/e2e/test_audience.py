"""`audience` over real builds: a rule change compared, and every fate explained."""

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.audience.commands import audience
from tests.audience.reference import MOVE, expected, key
from tests.e2e.conftest import separate_exports
from tests.e2e.project import BIN, Project
from tests.e2e.test_rules import CHOICES
from tests.reference import PortalConfig

Loaded = tuple[Project, dict[str, PortalConfig]]
Builds = dict[str, Project]
type Values = dict[str, Any]

HEAD, RULES = CHOICES[1:3]
GUARDED = {"suppressed", "consent_denied", "consent_missing", "consent_expired"}
# What is said of a person, by the column that has it.
SECRET = """
    select own_name, group_name, external_id, parent_name, marketing_consent,
        delivery_1.name, delivery_1.email, delivery_1.phone_number,
        delivery_2.name, delivery_2.email, delivery_2.phone_number,
        phone_number, phone_number_2, email, email_2
    from intermediate.int_subjects where subject_uuid = ?
"""
SHORTEST_SECRET = 3


@pytest.fixture
def builds(built: Callable[[Values], Project]) -> Builds:
    """Two builds of one load, the rules of the second changed."""
    return {"base": built({}), "head": built(HEAD)}


def members(build: Project) -> list[Values]:
    """What the export files of a build say of every candidate."""
    run = build.promoted()
    exported = [
        {
            **row,
            "group_name": row["group"],
            "audience": path.stem,
            "fate": "exported",
        }
        for path in run.glob("*/*.csv")
        for row in read_csv(path)
    ]
    excluded = [
        {
            **row,
            "audience": "buyers" if row["buyer"] == "Yes" else "non_buyers",
            "fate": row["reason"],
        }
        for row in read_csv(run / "exclusions.csv")
    ]
    return exported + excluded


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of an export file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def diffed(base: Path, head: Path, folder: Path) -> Values:
    """The document of `sms audience diff`, whose guard has failed."""
    out = folder / "out.json"
    assert audience("diff", base, head, "--json", out).status == 1
    loaded: Values = json.loads(out.read_text())
    return loaded


def test_a_rule_change_is_compared_as_its_files_are(
    builds: Builds, tmp_path: Path
) -> None:
    """Every count, told anew from the files of the two runs."""
    base, head = members(builds["base"]), members(builds["head"])
    wanted = expected(base, head)
    paths = [builds[name].database for name in ("base", "head")]
    document = diffed(paths[0], paths[1], tmp_path)
    assert wanted["newly_texted"] > 0
    assert wanted["no_longer_texted"] > 0
    for name in ("newly_texted", "no_longer_texted"):
        assert document[name] == wanted[name]
    assert len(document["audiences"]) == 4
    for found, told in zip(document["audiences"], wanted["audiences"], strict=True):
        assert {name: found[name] for name in told} == told
    moved = {
        tuple(m[name] for name in MOVE): m["candidates"] for m in document["moves"]
    }
    assert moved == wanted["moves"]
    held_back = {key(row) for row in base if row["fate"] in GUARDED}
    entering = held_back & {key(row) for row in head if row["fate"] == "exported"}
    assert document["guards"]["refusals"]["candidates"] == len(entering) > 0
    back = diffed(paths[1], paths[0], tmp_path)
    assert back["newly_texted"] == document["no_longer_texted"]
    assert back["no_longer_texted"] == document["newly_texted"]


def test_a_build_is_compared_with_itself(builds: Builds) -> None:
    """Nothing differs, and no guard fails."""
    path = builds["base"].database
    outcome = audience("diff", path, path, "--max-change", "0")
    assert outcome.status == 0
    assert outcome.output.startswith("The same people are texted.")


def some_of_each_fate(builds: Builds) -> Iterator[tuple[str, Values]]:
    """A candidate of every fate that the two builds have, with its build."""
    met = set()
    for name in builds:
        for row in sorted(members(builds[name]), key=key):
            if row["fate"] not in met:
                met.add(row["fate"])
                yield name, row
    assert met >= GUARDED | {"exported", "duplicate", "no_images", "contact_invalid"}
    assert len(met) > 10


def test_every_fate_is_explained_and_masked(builds: Builds) -> None:
    """The fate said is the mart's, with every reason that the models have."""
    for name, row in some_of_each_fate(builds):
        path = builds[name].database
        arguments = ("explain", "--db", path, "--subject", row["subject_uuid"])
        document = json.loads(audience(*arguments, "--json").output)
        [candidate] = [
            candidate
            for person in document["people"]
            for candidate in person["candidates"]
            if (person["portal"], person["job_uuid"], candidate["activity_uuid"])
            == key(row)[:3]
        ]
        assert candidate["fate"] == row["fate"]
        applying = [c["reason"] for c in candidate["checks"] if c["does_apply"]]
        assert applying[:1] == ([] if row["fate"] == "exported" else [row["fate"]])
        said = audience(*arguments).output
        is_exported = row["fate"] == "exported"
        labels = {check["reason"]: check["label"] for check in candidate["checks"]}
        assert (
            ": EXPORTED to" in said
            if is_exported
            else (f": NOT EXPORTED: {labels[row['fate']]} ({row['fate']}, R13)" in said)
        )
        assert "{contact}" not in said
        if row["fate"] == "duplicate":
            assert f"Kept instead: subject {candidate['kept_subject_uuid']}" in said
        if is_exported:
            assert f"Evidence: {candidate['marketing_basis']} consent" in said
        for secret in secrets(path, row["subject_uuid"]):
            assert not re.search(rf"\b{re.escape(secret)}\b", said), row["fate"]
        if row["fate"] == "exported":
            assert row["phone_number"] in audience(*arguments, "--show").output


def candidates(said: str) -> list[Values]:
    """The candidates of a trace in JSON."""
    return [c for person in json.loads(said)["people"] for c in person["candidates"]]


def test_the_promoted_run_is_named_where_it_is_another(
    builds: Builds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the fates of its files; a copy without who said stop counts as its own."""
    base, head = builds["base"], builds["head"]
    exports = tmp_path / "exports"
    shutil.copytree(base.exports, exports, symlinks=True)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("SUPPRESSIONS_CSV", raising=False)
    row = next(m for m in members(base) if m["fate"] == "exported")
    question = ("--subject", row["subject_uuid"])
    own = ("explain", "--db", base.database, "--promoted", *question)
    other = ("explain", "--db", head.database, *question)

    monkeypatch.setenv("EXPORT_ROOT", str(tmp_path / "none"))
    assert "No run is promoted; this database is of run" in audience(*other).output
    assert audience(*own).status == 3
    monkeypatch.setenv("EXPORT_ROOT", str(exports))
    assert "This is the promoted run." in audience(*own).output
    assert audience(*own).output == audience(*own[:3], *question).output

    outcome = audience(*other, "--json")
    fates = {key(m)[2]: m["fate"] for m in members(base) if key(m)[3] == key(row)[3]}
    assert len(candidates(outcome.output)) > 0
    for found in candidates(outcome.output):
        assert found["promoted_fate"] == fates[found["activity_uuid"]]
    said = audience(*other).output
    assert f"the promoted run is {base.promoted().name}." in said
    assert "In the promoted run: EXPORTED" in said
    outcome = audience(*other, "--promoted")
    assert (outcome.status, outcome.output) == (3, "")
    assert f"and run {base.promoted().name} is promoted: give the" in outcome.errors
    assert outcome.errors.count("\n") == 1

    stops = tmp_path / "stops.csv"
    header = "channel,address,suppressed_at,reason"
    stops.write_text(f"{header}\nsms,{row['phone_number']},2030-01-01,stop\n")
    for command in (("suppressions", "add", stops), ("publish", "refresh")):
        subprocess.run([BIN / "sms", *command], check=True, capture_output=True)
    outcome = audience(*own)
    assert outcome.status == 0
    assert "is a copy of it without people who said stop." in outcome.output
    assert "In the promoted run: NOT EXPORTED (suppressed)" in outcome.output

    (exports / "current.json").write_text("{}")
    assert "CAUTION: the promoted run cannot be read: " in audience(*other).output
    assert audience(*own).status == 3


def test_the_new_rules_are_explained(built: Callable[[Values], Project]) -> None:
    """Shared addresses, routes that do not count, a buyer's text elsewhere."""
    project = built(RULES)
    with duckdb.connect(project.database, read_only=True) as connection:
        shared = connection.execute(
            "select subject_uuid, job_uuid, channel, address,"
            " (select count(distinct o.subject_uuid)"
            "  from intermediate.int_contact_routes as o"
            "  where (o.portal, o.job_uuid, o.channel, o.address)"
            "  = (r.portal, r.job_uuid, r.channel, r.address)) as subjects"
            " from intermediate.int_route_suppressions as r where is_shared"
            " order by subjects desc, subject_uuid limit 1"
        ).fetchall()
        reasons = connection.execute(
            "select exclusion_reason, min(subject_uuid) from marts.audience_members"
            " where exclusion_reason in ('contact_shared', 'buyer_elsewhere')"
            " group by exclusion_reason"
        ).fetchall()
        unknown = connection.execute(
            "select min(subject_uuid) from intermediate.int_subject_consents"
            " semi join marts.audience_members using (portal, job_uuid, subject_uuid)"
            " where is_marketing_unknown"
        ).fetchall()
    explain = ("explain", "--db", project.database, "--subject")
    [(subject, *_, subjects)] = shared
    said = audience(*explain, subject).output
    assert f"not used: {subjects} subjects of this job have it (R4)" in said
    assert "contact_routes subject > delivery_2 > registered_user, max" in said
    assert (
        "Not looked at, as contact_routes does not list them: delivery 1, the "
        "subject's own, second"
    ) in said
    assert dict(reasons).keys() == {"contact_shared"} or len(reasons) == 2
    for reason, one in reasons:
        assert f"({reason}, R13)" in audience(*explain, one).output
    [(one,)] = unknown
    assert "the subject's field has an unknown word" in audience(*explain, one).output


def secrets(path: Path, subject: str) -> set[str]:
    """The values that are a person's own, and those of who is registered on them."""
    with duckdb.connect(path, read_only=True) as connection:
        rows = connection.execute(SECRET, [subject]).fetchall()
        rows += connection.execute(
            "select user_name, phone_text, email_text, phone_number, email"
            " from intermediate.int_registered_users where subject_uuid = ?",
            [subject],
        ).fetchall()
        rows += connection.execute(
            "select first_name, last_name, parent_name, phone_number, email,"
            " phone_number_2, email_2, access_code"
            " from marts.audience_members where subject_uuid = ?",
            [subject],
        ).fetchall()
    values = {value for row in rows for value in row if value}
    return {value for value in values if len(value) >= SHORTEST_SECRET}


def test_a_shared_phone_and_an_email_find_everybody(builds: Builds) -> None:
    """By each address that leads to several, also where it is not used."""
    path = builds["base"].database
    with duckdb.connect(path, read_only=True) as connection:
        for option, channel in (("--phone", "sms"), ("--email", "email")):
            [(address, subjects)] = connection.execute(
                "select address, list(distinct subject_uuid order by subject_uuid)"
                " from intermediate.int_contact_routes where channel = ?"
                " and address is not null group by address"
                " order by count(distinct subject_uuid) desc, address limit 1",
                [channel],
            ).fetchall()
            assert len(subjects) > 1
            outcome = audience("explain", "--db", path, option, address)
            assert outcome.status == 0
            found = re.findall(r"^\d+ of \d+\. Subject (\S+) of", outcome.output, re.M)
            assert sorted(set(found)) == subjects
            assert address not in outcome.output


def test_who_is_no_candidate_is_told_from_who_is_unknown(builds: Builds) -> None:
    """Only the job's details know the one; nobody knows the other."""
    path = builds["base"].database
    with duckdb.connect(path, read_only=True) as connection:
        [(subject,)] = connection.execute(
            "select min(subject_uuid) from intermediate.int_subject_lists"
            " where not is_subject"
        ).fetchall()
    outcome = audience("explain", "--db", path, "--subject", subject)
    assert outcome.status == 0
    assert "Not a candidate: only the job's details have the subject" in outcome.output
    for option, value in (
        ("--subject", "nobody"),
        ("--phone", "+13125550199"),
        ("--email", "nobody@example.org"),
    ):
        outcome = audience("explain", "--db", path, option, value)
        assert (outcome.status, outcome.output) == (1, "")
        assert outcome.errors.count("\n") == 1
        assert value not in outcome.errors


def test_a_build_that_was_killed_is_told(
    loaded: Loaded, builds: Builds, tmp_path: Path
) -> None:
    """Over the tables of one that passed: they are mixed from its first model on."""
    project = separate_exports(loaded[0], tmp_path)
    shutil.copy(builds["base"].database, project.database)
    build = subprocess.Popen(
        [BIN / "dbt", "build"],
        cwd=project.folder,
        env={**project.environment, "PATH": str(BIN)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with build:
        assert build.stdout
        for line in build.stdout:
            if "OK created sql table model" in line:
                build.kill()
                break
    assert project.marker()["obstacle"] == "it has not finished"
    outcome = audience("diff", builds["base"].database, project.database)
    assert outcome.status == 3
    assert "passed: it has not finished" in outcome.errors


def test_a_build_that_failed_is_explained_with_a_caution(
    builds: Builds, tmp_path: Path
) -> None:
    """Its tables can be of two builds; for an analyst they are all there is."""
    path = Path(shutil.copy(builds["base"].database, tmp_path))
    with duckdb.connect(path) as connection:
        connection.execute(
            "update run.build set has_passed = false, obstacle = '1 did not pass: x'"
        )
        [(subject,)] = connection.execute(
            "select min(subject_uuid) from marts.audience_members"
        ).fetchall()
    outcome = audience("explain", "--db", path, "--subject", subject)
    assert outcome.status == 0
    assert "CAUTION" in outcome.output
    assert "1 did not pass: x." in outcome.output
