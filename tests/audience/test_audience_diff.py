"""What `sms audience diff` counts, over databases made by hand."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from audience.diff import Document, compare, has_failed
from tests.audience.builds import member, write_build
from tests.audience.reference import MOVE, expected

OTHER_PHONE = "+12025550102"
type Members = list[dict[str, Any]]


def compared(folder: Path, base: Members, head: Members, **options: Any) -> Document:
    """Return the document of two builds of these members."""
    paths = [folder / "base.duckdb", folder / "head.duckdb"]
    for path, members in zip(paths, (base, head), strict=True):
        path.unlink(missing_ok=True)
        write_build(path, members)
    return compare(*paths, **options)


def audience(document: Document, name: str = "non_buyers") -> dict[str, Any]:
    """Return what the document says of an audience of the portal north."""
    [found] = [
        entry
        for entry in document["audiences"]
        if (entry["portal"], entry["audience"]) == ("north", name)
    ]
    return dict(found)


def moves(document: Document) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Return candidates and phones newly and no longer texted, by fates."""
    return {
        (move["base_fate"], move["head_fate"]): (
            move["candidates"],
            move["newly_texted"],
            move["no_longer_texted"],
        )
        for move in document["moves"]
    }


def test_a_phone_that_moves_to_a_sibling_is_not_newly_texted(tmp_path: Path) -> None:
    """Rows enter and leave; the phone is texted by both builds."""
    base = [member(), member(subject_uuid="s2", reason="no_images")]
    head = [member(reason="no_images"), member(subject_uuid="s2")]
    document = compared(tmp_path, base, head)
    assert (document["newly_texted"], document["no_longer_texted"]) == (0, 0)
    found = audience(document)
    assert found["rows"]["entering"] == found["rows"]["leaving"] == 1
    assert found["phones"]["newly_texted"] == 0
    assert found["change_percent"] == 0
    assert moves(document) == {
        ("no_images", "exported"): (1, 0, 0),
        ("exported", "no_images"): (1, 0, 0),
    }


def test_a_new_buyer_switches_and_is_not_newly_texted(tmp_path: Path) -> None:
    """It changes both audiences, but not the portal."""
    document = compared(tmp_path, [member()], [member(audience="buyers")])
    assert (document["newly_texted"], document["no_longer_texted"]) == (0, 0)
    buyers, others = audience(document, "buyers"), audience(document)
    assert buyers["rows"]["switching_in"] == others["rows"]["switching_out"] == 1
    assert buyers["phones"]["switching_in"] == others["phones"]["switching_out"] == 1
    assert buyers["change_percent"] is None
    assert others["change_percent"] == 100
    assert moves(document) == {("exported", "exported"): (1, 0, 0)}


def test_a_phone_counts_in_each_portal(tmp_path: Path) -> None:
    """Two portals are two senders."""
    south = member(portal="south", reason="no_images")
    document = compared(tmp_path, [member(), south], [member(), member(portal="south")])
    assert document["newly_texted"] == 1


def test_a_changed_phone_is_newly_texted(tmp_path: Path) -> None:
    """The phone before is no longer texted; an empty text counts as none."""
    base = [member(job_name=""), member(subject_uuid="s2", first_name="A")]
    head = [member(phone_number=OTHER_PHONE), member(subject_uuid="s2", first_name="B")]
    document = compared(tmp_path, base[:1], head[:1])
    assert (document["newly_texted"], document["no_longer_texted"]) == (1, 1)
    assert moves(document) == {("exported", "exported"): (1, 1, 1)}
    document = compared(tmp_path, base, head)
    assert (document["newly_texted"], document["no_longer_texted"]) == (1, 0)
    found = audience(document)
    assert found["rows"]["changed"] == 2
    assert found["changed_columns"] == {"first_name": 1, "phone_number": 1}


def test_second_phones_and_rows_without_a_phone_do_not_count(tmp_path: Path) -> None:
    """`phone_number_2` gets no text, and an e-mail is enough for a row."""
    base = [member(reason="contact_missing", phone_number=None)]
    head = [member(phone_number=None, email="a@example.com")]
    document = compared(
        tmp_path,
        [*base, member(subject_uuid="s2")],
        [*head, member(subject_uuid="s2", phone_number_2=OTHER_PHONE)],
    )
    assert document["newly_texted"] == 0
    assert audience(document)["rows"]["entering"] == 1
    assert audience(document)["changed_columns"] == {"phone_number_2": 1}


def test_a_candidate_of_one_build_only(tmp_path: Path) -> None:
    """Only head resolves the subject to this activity."""
    base = [member(activity_uuid="", reason="activity_not_in_webshop")]
    document = compared(tmp_path, base, [member()])
    assert moves(document) == {
        ("activity_not_in_webshop", "no_candidate"): (1, 0, 0),
        ("no_candidate", "exported"): (1, 1, 0),
    }
    assert document["moves"][0]["base_audience"] is None


def test_a_phone_counts_for_its_most_important_row(tmp_path: Path) -> None:
    """For a guarded reason if there is one, else for the first of R13; never twice."""
    reasons = ["duplicate", "no_images", "consent_expired"]
    base = [
        member(subject_uuid=f"s{n}", reason=reason) for n, reason in enumerate(reasons)
    ]
    head = [member(subject_uuid=f"s{n}") for n in range(3)]
    document = compared(tmp_path, base, head)
    assert document["newly_texted"] == 1
    assert moves(document)["consent_expired", "exported"] == (1, 1, 0)
    document = compared(tmp_path, base[:2], head[:2])
    assert moves(document)["no_images", "exported"] == (1, 1, 0)
    assert moves(document)["duplicate", "exported"] == (1, 0, 0)


def test_an_audience_without_files_is_not_texted(tmp_path: Path) -> None:
    """R11: the variable `audience` leaves exported rows out of every file."""
    base = write_build(tmp_path / "base.duckdb", [member(), member(subject_uuid="s2")])
    head = write_build(
        tmp_path / "head.duckdb",
        [member(), member(subject_uuid="s2", reason="no_images")],
        variables={"audience": "buyers"},
    )
    document = compare(base, head)
    assert document["no_longer_texted"] == 1
    assert moves(document) == {
        ("exported", "not_written"): (1, 0, 0),
        ("exported", "no_images"): (1, 0, 1),
    }
    assert document["variables"] == [
        {"name": "audience", "base": "both", "head": "buyers"}
    ]


def test_names_in_list_variables_are_not_shown(tmp_path: Path) -> None:
    """A group can be named after its teacher; a contact route cannot."""
    variables = (
        {"groups": [], "contact_routes": ["subject"]},
        {"groups": ["Ms. Example", "b"], "contact_routes": ["delivery_1", "subject"]},
    )
    builds = [
        write_build(tmp_path / f"{n}.duckdb", [member()], variables=values)
        for n, values in enumerate(variables)
    ]
    document = compare(*builds)
    assert document["variables"] == [
        {"name": "contact_routes", "base": "subject", "head": "delivery_1 > subject"},
        {"name": "groups", "base": "all", "head": "2 values"},
    ]


@pytest.mark.parametrize(
    "reason", ["suppressed", "consent_denied", "consent_missing", "consent_expired"]
)
def test_a_guarded_reason_fails_the_guard(tmp_path: Path, reason: str) -> None:
    """The guard, by the fate in base."""
    document = compared(tmp_path, [member(reason=reason)], [member()])
    assert has_failed(document)
    assert document["guards"]["refusals"]["reasons"] == [
        {"portal": "north", "reason": reason, "candidates": 1, "phones": 1}
    ]
    assert not has_failed(compared(tmp_path, [member()], [member(reason=reason)]))


NOT_GUARDED = (
    *("no_images", "access_key_missing", "duplicate"),
    *("contact_shared", "buyer_elsewhere"),
)


@pytest.mark.parametrize("reason", NOT_GUARDED)
def test_other_reasons_pass_the_guard(tmp_path: Path, reason: str) -> None:
    """Reasons that do not come from the person."""
    document = compared(tmp_path, [member(reason=reason)], [member()])
    assert document["newly_texted"] == 1
    assert not has_failed(document)


def refusals(folder: Path, head: Members, **base: Any) -> int:
    """Return how many rows of `head` the guard counts; `base` is for `write_build`."""
    folder.mkdir()
    before = write_build(folder / "base.duckdb", **base)
    document = compare(before, write_build(folder / "head.duckdb", head))
    return int(document["guards"]["refusals"]["candidates"])


def test_a_guarded_reason_behind_another_counts(tmp_path: Path) -> None:
    """Base says no_images, but has judged the consent too."""
    members = [member(reason="no_images")]
    hidden = {name: members[0][name] for name in members[0] if name.endswith("uuid")}
    hidden |= {"portal": "north", "exclusion_reason": "consent_denied"}
    head = [member()]
    plain = tmp_path / "plain"
    assert refusals(plain, head, members=members) == 0
    refused = tmp_path / "refused"
    assert refusals(refused, head, members=members, hidden_reasons=[hidden]) == 1


def test_a_guarded_reason_counts_for_a_new_activity(tmp_path: Path) -> None:
    """Base had another activity of the subject, without consent."""
    members = [member(activity_uuid="a2", reason="consent_denied")]
    assert refusals(tmp_path / "build", [member()], members=members) == 1


@pytest.mark.parametrize(
    ("route", "column"),
    [("sms", "phone_number"), ("sms", "phone_number_2"), ("email", "email_2")],
)
def test_a_suppressed_address_counts_in_a_row_that_both_text(
    tmp_path: Path, route: str, column: str
) -> None:
    """Its fate is the same, but base had suppressed the address that head uses."""
    address = OTHER_PHONE if route == "sms" else "a@example.com"
    routes = [
        {
            "portal": "north",
            "job_uuid": "j1",
            "subject_uuid": "s1",
            "channel": route,
            "address": address,
            "is_suppressed": True,
        }
    ]
    head = [member(**{column: address})]
    suppressed = tmp_path / "suppressed"
    assert refusals(suppressed, head, members=[member()], routes=routes) == 1
    lifted = [{**routes[0], "is_suppressed": False}]
    assert refusals(tmp_path / "not", head, members=[member()], routes=lifted) == 0


@pytest.mark.parametrize("reason", ["contact_shared", "buyer_elsewhere"])
def test_a_stop_behind_an_unguarded_reason_counts(tmp_path: Path, reason: str) -> None:
    """A stop, or another subject's denial, of the address that head exports."""
    stopped = {
        **{"portal": "north", "job_uuid": "j1", "subject_uuid": "s1"},
        **{"channel": "sms", "address": OTHER_PHONE, "is_suppressed": True},
    }
    base = [member(reason=reason)]
    plain = refusals(tmp_path / "a", [member()], members=base, routes=[stopped])
    assert plain == 0
    head = [member(phone_number=OTHER_PHONE)]
    assert refusals(tmp_path / "b", head, members=base, routes=[stopped]) == 1


@pytest.mark.parametrize(("limit", "fails"), [("50", False), ("49.99", True)])
def test_max_change_is_a_share_of_the_phones_in_base(
    tmp_path: Path, limit: str, fails: bool
) -> None:
    """Arrivals and departures are added; a change equal to the limit passes."""
    numbers = [f"+1202555010{n}" for n in range(5)]
    base = [member(subject_uuid=n, phone_number=n) for n in numbers[:4]]
    head = [member(subject_uuid=n, phone_number=n) for n in numbers[1:]]
    document = compared(tmp_path, base, head, max_change=Fraction(limit))
    assert audience(document)["change_percent"] == 50
    assert has_failed(document) is fails
    exceeded = {"portal": "north", "audience": "non_buyers", "phones": 4, "changed": 2}
    assert document["guards"]["max_change"]["exceeded"] == [exceeded] * fails


def test_any_phone_exceeds_a_share_of_none(tmp_path: Path) -> None:
    """The audience was empty in base."""
    base, head = [member(reason="no_images")], [member()]
    assert has_failed(compared(tmp_path, base, head, max_change=Fraction(1000)))
    assert not has_failed(compared(tmp_path, base, base, max_change=Fraction(0)))


def test_examples_are_the_beginnings_of_uuids(tmp_path: Path) -> None:
    """The first ones, up to the limit, and only letters, digits and hyphens."""
    uuids = ["b7c3f1aa-1", "a7c3f1aa-1", "a7c3f1aa-2", "<b>@x|`y"]
    base = [member(subject_uuid=uuid, reason="no_images") for uuid in uuids]
    head = [member(subject_uuid=uuid) for uuid in uuids]
    [move] = compared(tmp_path, base, head, examples=2)["moves"]
    assert move["examples"] == ["?b??x??y", "a7c3f1aa"]
    [move] = compared(tmp_path, base, head)["moves"]
    assert move["examples"] == []


FATES = ["exported", "no_images", "suppressed", "consent_expired", "duplicate"]
FEW = st.lists(
    st.builds(
        lambda fate, **values: member(
            reason=None if fate == "exported" else fate, **values
        ),
        fate=st.sampled_from(FATES),
        portal=st.sampled_from(["north", "south"]),
        activity_uuid=st.sampled_from(["a1", "a2"]),
        subject_uuid=st.sampled_from(["s1", "s2", "s3"]),
        phone_number=st.sampled_from([None, "", "+12025550101", OTHER_PHONE]),
        first_name=st.sampled_from([None, "", "A"]),
        audience=st.sampled_from(["buyers", "non_buyers"]),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda row: (row["portal"], row["activity_uuid"], row["subject_uuid"]),
)


def with_fates(members: Members) -> Members:
    """Return the members in the form that the reference reads."""
    return [{**row, "fate": row["exclusion_reason"] or "exported"} for row in members]


def without_zeros(value: Any) -> Any:
    """Return a document without counts of 0."""
    if isinstance(value, dict):
        return {k: without_zeros(v) for k, v in value.items() if v != 0}
    return [without_zeros(v) for v in value] if isinstance(value, list) else value


def decided(document: Document) -> dict[str, Any]:
    """Return the parts of a document that the reference has."""
    names = ("portal", "audience", "candidates", "rows", "phones", "changed_columns")
    parts = {
        "newly_texted": document["newly_texted"],
        "no_longer_texted": document["no_longer_texted"],
        "audiences": [
            {name: entry[name] for name in names} for entry in document["audiences"]
        ],
        "moves": {
            tuple(move[name] for name in MOVE): move["candidates"]
            for move in document["moves"]
        },
    }
    return dict(without_zeros(parts))


MIRRORED = {
    "base": "head",
    "entering": "leaving",
    "switching_in": "switching_out",
    "newly_texted": "no_longer_texted",
    "base_audience": "head_audience",
    "base_fate": "head_fate",
}
MIRRORED |= {there: back for back, there in MIRRORED.items()}


def mirrored(value: Any) -> Any:
    """Return the document of the same two builds in reverse."""
    if isinstance(value, dict):
        return {MIRRORED.get(k, k): mirrored(v) for k, v in value.items()}
    return [mirrored(v) for v in value] if isinstance(value, list) else value


def sorted_moves(document: Document) -> list[tuple[str, ...]]:
    """Return the moves, in an order that a reversal keeps."""
    return sorted(
        tuple(f"{name}={move[name]}" for name in sorted(move))
        for move in document["moves"]
    )


@pytest.mark.slow
@seed(20261124)
@settings(
    max_examples=15,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(base=FEW, head=FEW)
def test_two_builds_are_compared_as_the_reference_does(
    tmp_path_factory: pytest.TempPathFactory, base: Members, head: Members
) -> None:
    """The counts are the reference's; in reverse, they are mirrored."""
    folder = tmp_path_factory.mktemp("builds")
    forth = compared(folder, base, head, examples=3)
    wanted = expected(with_fates(base), with_fates(head))
    assert decided(forth) == without_zeros(wanted)
    for name in ("newly_texted", "no_longer_texted"):
        assert sum(move[name] for move in forth["moves"]) == wanted[name]
    back = compare(folder / "head.duckdb", folder / "base.duckdb", examples=3)
    mirror = mirrored(forth)
    assert sorted_moves(back) == sorted_moves(mirror)
    names = ("candidates", "rows", "phones", "changed_columns")
    assert [[a[n] for n in names] for a in back["audiences"]] == [
        [a[n] for n in names] for a in mirror["audiences"]
    ]


@seed(20261124)
@settings(
    max_examples=5,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(members=FEW)
def test_a_build_does_not_differ_from_itself(
    tmp_path_factory: pytest.TempPathFactory, members: Members
) -> None:
    """Even if both are the same file."""
    folder = tmp_path_factory.mktemp("builds")
    path = write_build(folder / "build.duckdb", members)
    document = compare(path, path, max_change=Fraction(0), examples=3)
    assert document["moves"] == []
    assert document["variables"] == []
    assert not has_failed(document)
    for entry in document["audiences"]:
        assert entry["rows"]["base"] == entry["rows"]["head"]
        assert entry["changed_columns"] == {}
        changes = {**entry["rows"], **entry["phones"]}
        assert not any(n for k, n in changes.items() if k not in ("base", "head"))
