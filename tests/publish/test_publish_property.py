"""Whatever happens in whatever order, no promoted file has who said stop."""

import os
import tempfile
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publish.suppressions.entries import START, STOP
from tests.publish.sequences import (
    ADDRESSES,
    EMAIL,
    LIST,
    PEOPLE,
    TIMES,
    Build,
    Promote,
    Refresh,
    Said,
    Step,
    TakeBack,
    World,
    addresses,
    grant_of,
)
from tests.roots import KINDS, use_root
from tests.suppressions.writing import A, B

SOURCES = ("a.csv", "b.csv", LIST)
PERSONS = sorted(PEOPLE.values(), key=lambda person: person.subject)

people = st.sampled_from(PERSONS)
groups = st.lists(people, max_size=3, unique=True)
formats = st.sampled_from([("csv",), ("csv",), ("json",), ("csv", "json")])
actions = st.sampled_from([STOP, STOP, STOP, START])
said = st.builds(
    Said,
    st.sampled_from(ADDRESSES),
    st.sampled_from(TIMES),
    actions,
    st.sampled_from(SOURCES),
)
recorded = st.builds(Said, st.sampled_from(ADDRESSES), st.sampled_from(TIMES))
meanwhile = st.one_of(st.none(), recorded)
builds = st.builds(
    Build, groups, st.booleans(), formats, st.sampled_from([False] * 4 + [True])
)
promotions = st.builds(
    Promote, st.integers(0, 3), st.booleans(), st.booleans(), meanwhile
)
ends = st.one_of(promotions, st.builds(Refresh, meanwhile))
steps = st.one_of(
    said,
    st.builds(TakeBack, st.sampled_from(ADDRESSES), st.sampled_from(("", *TIMES))),
    st.builds(TakeBack, source=st.sampled_from(SOURCES)),
    builds,
    ends,
)


@st.composite
def stops_again(draw: st.DrawFn) -> list[Step]:
    """A grant lifts a stop, and a later stop comes."""
    person = draw(st.sampled_from([p for p in PERSONS if grant_of(p)]))
    (who,) = addresses(person)
    built = draw(st.builds(Build, st.just([person]), st.booleans(), formats))
    late = draw(st.sampled_from([at for at in TIMES if at >= person.grant]))
    source = draw(st.sampled_from(SOURCES))
    return [Said(who), built, Said(who, late, source=source), draw(ends)]


@st.composite
def goes_back(draw: st.DrawFn) -> list[Step]:
    """A stop comes, the promoted run lacks the person, and an earlier run is wanted."""
    person = draw(people)
    (who,) = addresses(person)
    ways: list[Step] = [Refresh(), Build([])]
    between = draw(st.sampled_from(ways))
    source, at = draw(st.sampled_from(SOURCES)), draw(st.sampled_from(TIMES))
    built = draw(st.builds(Build, st.just([person]), st.just(True), formats))
    return [built, Said(who, at, source=source), between, draw(promotions)]


@st.composite
def slips(draw: st.DrawFn) -> list[Step]:
    """Two entries of an address or a source, of which one is taken back."""
    person = draw(people)
    (who,) = addresses(person)
    first, second = (
        Said(
            who,
            *draw(st.tuples(st.sampled_from(TIMES), actions, st.sampled_from(SOURCES))),
        )
        for _ in range(2)
    )
    slip = draw(
        st.sampled_from(
            [
                TakeBack(who),
                TakeBack(who, second.at),
                TakeBack(source=second.source),
                TakeBack(draw(st.sampled_from(ADDRESSES))),
            ]
        )
    )
    return [first, second, Refresh(), slip, Build([person]), draw(ends)]


chapters = st.one_of(stops_again(), goes_back(), slips(), st.lists(steps, max_size=6))


GRANTED, WEBSHOP = (
    next(p for p in PERSONS if A in addresses(p) and bool(grant_of(p)) == is_granted)
    for is_granted in (True, False)
)
NAMED: dict[str, list[Step]] = {
    "a later stop of an address that an earlier one decided": [
        Said(A),
        Build([GRANTED]),
        Said(A, TIMES[-1]),
        Refresh(),
        Promote(back=0, meanwhile=Said(EMAIL)),
    ],
    "the way back, and a stop while it is promoted": [
        Build([WEBSHOP, GRANTED], formats=("csv", "json")),
        Said(A, GRANTED.grant),
        Build([]),
        Promote(back=1),
        Promote(back=1, leaves_out=True),
        Build([GRANTED], promotes=False, is_old=True),
        Promote(meanwhile=Said(B)),
    ],
    "a withdrawal of one of two entries, and a list that is read at once": [
        Said(A, source="b.csv"),
        Said(A, TIMES[2]),
        TakeBack(A, TIMES[2]),
        Build([WEBSHOP]),
        Said(EMAIL, source=LIST),
        Refresh(meanwhile=Said(A, TIMES[3], START)),
        Build([WEBSHOP]),
        TakeBack(source="a.csv"),
        Refresh(),
    ],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMED)
def test_a_named_sequence_in_either_root(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    name: str,
) -> None:
    use_root(request, tmp_path, monkeypatch, kind)
    play(World(tmp_path, monkeypatch), NAMED[name])


def play(world: World, played: Iterable[Step]) -> None:
    """Take the steps; after the last, a refresh leaves out all who said stop."""
    for step in (*played, Refresh()):
        world.take(step)


@given(st.lists(chapters, min_size=1, max_size=3).map(lambda c: list(chain(*c))))
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=True,
)
def test_no_promoted_file_has_who_said_stop(played: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPORT_ROOT", f"{folder}/exports")
        patch.delenv("SUPPRESSIONS_CSV", raising=False)
        # No machine fails here, and a disk takes longer than all the rest.
        patch.setattr(os, "fsync", lambda _: None)
        play(World(Path(folder), patch), played)
