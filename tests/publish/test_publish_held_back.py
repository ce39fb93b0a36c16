"""The next run does not text people whom the promoted run held back, unasked."""

from collections.abc import Sequence
from csv import DictReader
from pathlib import Path

import pytest

from common.errors import ContractError
from publish.root import Root
from publish.suppressions.ledger import withdraw
from tests.publish.people import AS_OF, Held, Person, build_people, promoted, subjects
from tests.publish.publishing import RUN_A, RUN_B, RUN_C, publish
from tests.roots import KINDS, use_root
from tests.suppressions.writing import A, B, add, row

NOON = "2025-01-05T12:00:00Z"
LATER = "2025-01-10T00:00:01Z"
with Path("seeds/exclusion_reasons.csv").open(newline="") as seed:
    GUARDED = [row["reason"] for row in DictReader(seed) if row["is_guarded"] == "true"]
NO_CONSENT = [reason for reason in GUARDED if reason != "suppressed"]


@pytest.fixture(params=KINDS)
def root(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Root:
    """Point EXPORT_ROOT to an empty root of either kind."""
    return use_root(request, tmp_path, monkeypatch, request.param)


@pytest.mark.parametrize("reason", NO_CONSENT)
@pytest.mark.parametrize("formats", [("csv",), ("json",)])
def test_a_row_without_consent_in_the_promoted_run_stops(
    root: Root, reason: str, formats: Sequence[str]
) -> None:
    build_people(RUN_A, [Person("s2", B)], held={"s1": reason})
    people = [Person("s1", A), Person("s2", B)]
    with pytest.raises(ContractError, match=r"1 row .* 1 had no consent") as error:
        build_people(RUN_B, people, formats=formats)
    assert f"sms publish promote {RUN_B} --accept-change" in str(error.value)
    assert publish("promote", RUN_B).returncode == 10
    assert publish("promote", RUN_B, "--accept-change").returncode == 0
    assert promoted(root)["run_id"] == RUN_B


@pytest.mark.parametrize(
    ("held", "person", "passes"),
    [
        ({"s1": "duplicate"}, Person("s1", A), True),
        ({"s1": "suppressed"}, Person("s1", A), True),
        ({"s9": "consent_denied"}, Person("s1", A), True),
        ({"s1": "consent_denied"}, Person("s1", A, grant=LATER), True),
        ({"s1": "consent_denied"}, Person("s1", A, grant=AS_OF), False),
        ({"s1": "consent_denied"}, Person("s1", A, grant="later"), False),
    ],
)
def test_only_newer_consent_is_no_surprise(
    root: Root, held: Held, person: Person, passes: bool
) -> None:
    build_people(RUN_A, [Person("s2", B)], held=held)
    assert _promotes([person]) == passes
    assert promoted(root)["run_id"] == (RUN_B if passes else RUN_A)


@pytest.mark.parametrize(
    ("person", "passes"),
    [
        (Person("s1", A), False),
        (Person("s1", B, A), False),
        (Person("s1", A, grant=LATER), True),
        (Person("s1", A, grant=NOON), False),
        (Person("s1", B), True),
    ],
)
def test_an_address_that_was_suppressed_stops(
    root: Root, tmp_path: Path, person: Person, passes: bool
) -> None:
    add(root, tmp_path, row(A, NOON))
    build_people(RUN_A, [Person("s2", B)], decided={("sms", A): NOON})
    withdraw(root, "wrong", address=("sms", A))
    assert _promotes([person]) == passes


def test_the_way_back_is_compared_too(root: Root) -> None:
    build_people(RUN_A, [Person("s1", A)])
    build_people(RUN_B, [Person("s2", B)], held={"s1": "consent_denied"})
    done = publish("promote", RUN_A)
    assert done.returncode == 10
    assert "held back" in done.stderr
    assert publish("promote", RUN_A, "--accept-change").returncode == 0


def test_a_refresh_is_not_compared_with_the_run_that_it_is_a_copy_of(
    root: Root, tmp_path: Path
) -> None:
    add(root, tmp_path, row(A, NOON))
    decided = {("sms", A): NOON}
    people = [Person("s1", A, grant=LATER), Person("s2", B)]
    build_people(RUN_A, people, decided=decided)
    add(root, tmp_path, row(B, NOON))
    assert publish("refresh").returncode == 0
    assert subjects(root) == ["s1"]


def _promotes(people: list[Person]) -> bool:
    try:
        build_people(RUN_B, people)
    except ContractError as error:
        return "held back" not in str(error)
    return True


def test_states_and_the_log(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_RUN_ID", raising=False)
    build_people(RUN_A, [Person("s1", A)])
    build_people(RUN_B, [Person("s1", A)])
    build_people(RUN_C, [Person("s1", A)], promote=False)
    lines = publish("list").stdout.splitlines()
    assert [line.split("  ")[-1] for line in lines[1:]] == [
        "not promoted",
        "promoted",
        f"replaced by {RUN_B}",
    ]
    shown = publish("show", RUN_A).stdout.splitlines()[0]
    assert shown == f"Run {RUN_A}, replaced by {RUN_B}"
    assert "@" in promoted(root)["promoted_by"]
    log = sorted(root.list_files("promotions"))
    assert [name.partition("Z-")[2] for name in log] == [
        f"{RUN_A}.json",
        f"{RUN_B}.json",
    ]
    assert root.read(f"promotions/{log[1]}") == root.current().content
    monkeypatch.setenv("GITHUB_RUN_ID", "17")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example")
    monkeypatch.setenv("GITHUB_REPOSITORY", "studio/campaigns")
    assert publish("promote", RUN_A).returncode == 0
    where = "https://github.example/studio/campaigns/actions/runs/17"
    assert promoted(root)["promoted_by"] == where
    assert publish("prune", "--keep", "0").returncode == 0
    assert len(root.list_files("promotions")) == 3


def test_a_copy_says_where_it_is_from(root: Root, tmp_path: Path) -> None:
    build_people(RUN_A, [Person("s1", A), Person("s2", B)])
    add(root, tmp_path, row(A, NOON))
    assert publish("refresh").returncode == 0
    assert f"promoted, derived from {RUN_A}" in publish("list").stdout
    assert f"promoted, derived from {RUN_A}" in publish("show").stdout
