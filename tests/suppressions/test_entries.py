"""Who is suppressed, by an independent definition as well."""

from hypothesis import given, settings
from hypothesis import strategies as st

from publish.suppressions.entries import (
    START,
    STOP,
    WITHDRAW,
    Address,
    Entry,
    new_entries,
    suppressed,
    suppressions_csv,
    taken_back,
    withdrawal,
)
from tests.suppressions.naive import Naive

WHO = ("+12065550100", "+12065550101")
SOURCES = ("list", "klaviyo a b.csv")


def at(second: int) -> str:
    return f"2025-01-01T00:00:{second:02d}Z"


def entry(action: str, second: int, source: str = "list", who: str = WHO[0]) -> Entry:
    return Entry("sms", who, action, at(second), "", source, at(59))


def undated(source: str = "list") -> Entry:
    return entry(STOP, 0, source)._replace(at="")


def take(*entries: Entry, only_its_source: bool = False) -> list[Entry]:
    return [
        withdrawal(e, "wrong", at(59), only_its_source=only_its_source) for e in entries
    ]


def since(*entries: Entry) -> str | None:
    return suppressed(entries).get(("sms", WHO[0]))


def test_the_latest_stop_counts() -> None:
    assert since(entry(STOP, 2), entry(STOP, 1)) == at(2)
    assert since() is None


def test_a_start_lifts_the_stops_before_it() -> None:
    assert since(entry(START, 3), entry(STOP, 1), entry(STOP, 2)) is None
    assert since(entry(START, 1), entry(STOP, 2)) == at(2)


def test_of_equal_times_the_stop_counts() -> None:
    assert since(entry(STOP, 1), entry(START, 1)) == at(1)
    assert since(entry(START, 1), entry(STOP, 1)) == at(1)


def test_a_start_of_one_address_lifts_no_other() -> None:
    assert since(entry(STOP, 1), entry(START, 2, who=WHO[1])) == at(1)


def test_a_withdrawal_takes_back_what_it_names_alone() -> None:
    stops = entry(STOP, 1), entry(STOP, 2)
    assert since(*stops, *take(stops[1])) == at(1)
    assert since(*stops, *take(*stops)) is None
    # An earlier stop that is recorded later holds.
    assert since(*stops, *take(*stops), entry(STOP, 0)) == at(0)


def test_a_start_can_be_taken_back() -> None:
    start = entry(START, 2)
    assert since(entry(STOP, 1), start, *take(start)) == at(1)


def test_a_withdrawal_of_a_start_leaves_a_stop_of_the_same_time() -> None:
    assert since(*take(entry(START, 1)), entry(STOP, 1)) == at(1)


def test_a_withdrawal_of_a_source_leaves_another_s() -> None:
    stop, other = entry(STOP, 1), entry(STOP, 1, SOURCES[1])
    assert since(stop, *take(stop, only_its_source=True)) is None
    assert since(stop, other, *take(stop, only_its_source=True)) == at(1)
    assert since(stop, other, *take(stop)) is None


def test_the_same_entry_again_adds_nothing() -> None:
    known = [entry(STOP, 1), entry(START, 2)]
    again = [e._replace(reason="x", source=SOURCES[1], recorded_at="") for e in known]
    assert new_entries(known, [*again, *again], at(59)) == []
    assert new_entries([], [known[0], known[0]], at(59)) == [known[0]]


def test_the_same_list_again_undoes_no_withdrawal() -> None:
    stop = entry(STOP, 1)
    for only_its_source in (False, True):
        known = [stop, *take(stop, only_its_source=only_its_source)]
        assert new_entries(known, [stop], at(59)) == []


def test_what_was_taken_back_of_one_source_counts_from_another() -> None:
    stop, other = entry(STOP, 1), entry(STOP, 1, SOURCES[1])
    known = [stop, *take(stop, only_its_source=True)]
    assert new_entries(known, [other], at(59)) == [other]
    assert new_entries([stop, *take(stop)], [other], at(59)) == []


def test_a_stop_without_a_time_is_dated_when_recorded() -> None:
    assert new_entries([], [undated(), undated()], at(9)) == [entry(STOP, 9)]


def test_a_stop_without_a_time_adds_nothing_to_a_suppressed_address() -> None:
    assert new_entries([entry(STOP, 1, SOURCES[1])], [undated()], at(9)) == []
    assert new_entries([], [undated(), entry(STOP, 1)], at(9)) == [entry(STOP, 1)]


def test_a_stop_without_a_time_counts_after_a_start() -> None:
    known = [entry(STOP, 1), entry(START, 2)]
    assert new_entries(known, [undated()], at(9)) == [entry(STOP, 9)]


def test_a_source_s_stop_without_a_time_undoes_no_withdrawal() -> None:
    stop = entry(STOP, 1)
    known = [stop, *take(stop)]
    assert new_entries(known, [undated()], at(9)) == []
    other = undated(SOURCES[1])
    assert new_entries(known, [other], at(9)) == [other._replace(at=at(9))]


def test_a_stop_in_the_second_of_one_taken_back_is_not_lost() -> None:
    stop = entry(STOP, 9)
    known = [stop, *take(stop)]
    fresh = new_entries(known, [undated(SOURCES[1])], at(9))
    assert since(*known, *fresh) == at(10)


def test_the_table_is_sorted() -> None:
    state = suppressed([entry(STOP, 1, who=who) for who in reversed(WHO)])
    text = (
        f"channel,address,suppressed_at\nsms,{WHO[0]},{at(1)}\nsms,{WHO[1]},{at(1)}\n"
    )
    assert suppressions_csv(state) == text
    assert suppressions_csv(dict(reversed(state.items()))) == text


lines = st.lists(
    st.tuples(
        st.sampled_from(WHO),
        st.sampled_from((STOP, STOP, START)),
        st.one_of(st.none(), st.integers(0, 4)),
    ),
    max_size=4,
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("list"), lines, st.sampled_from(SOURCES)),
        st.tuples(
            st.just("address"),
            st.sampled_from(WHO),
            st.one_of(st.none(), st.integers(0, 4)),
        ),
        st.tuples(st.just("source"), st.sampled_from(SOURCES)),
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=400)
@given(steps, st.randoms(use_true_random=False))
def test_an_address_is_suppressed_exactly_when_the_definition_says_so(
    steps: list[tuple[object, ...]], random: object
) -> None:
    ledger: list[Entry] = []
    naive = Naive()
    for second, step in enumerate(steps, 10):
        match step:
            case ("list", [*rows], str(source)):
                _record(ledger, naive, rows, source, at(second))
            case ("address", str(who), time):
                chosen = "" if time is None else at(int(str(time)))
                ledger += _withdrawn(ledger, who=who, time=chosen)
                naive.take_back(who, chosen)
            case ("source", str(source)):
                ledger += _withdrawn(ledger, source=source)
                naive.take_back_source(source)
        # The order of entries does not matter.
        random.shuffle(ledger)  # type: ignore[attr-defined]
        expected: dict[Address, str | None] = {
            ("sms", who): naive.stopped_at(who) for who in WHO
        }
        assert suppressed(ledger) == {w: t for w, t in expected.items() if t}


def _record(
    ledger: list[Entry], naive: Naive, rows: list[object], source: str, now: str
) -> None:
    listed = []
    for row in rows:
        assert isinstance(row, tuple)
        who, action, second = row
        time = "" if second is None else at(second)
        listed.append(
            Entry("sms", who, action if time else STOP, time, "", source, now)
        )
    ledger += new_entries(ledger, listed, now)
    for e in listed:
        naive.say(e.address, e.action, e.at, source)
    for e in listed:
        if not e.at:
            naive.stop_undated(e.address, now, source)


def _withdrawn(
    ledger: list[Entry], *, who: str = "", time: str = "", source: str = ""
) -> list[Entry]:
    gone = taken_back(ledger)
    return take(
        *(
            e
            for e in ledger
            if e.action != WITHDRAW
            and e not in gone
            and (e.source == source if source else e.address == who)
            and time in ("", e.at)
        ),
        only_its_source=bool(source),
    )
