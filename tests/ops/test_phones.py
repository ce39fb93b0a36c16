"""The SQL macros for phones say what libphonenumber says (rule R5)."""

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from common.phones import textable_phone
from common.seeds import portal_regions
from ops.build.phones import CALLING_CODE, LONGEST, phone_macros
from ops.plugin import PHONES, Plugin

REGIONS = COUNTRY_CODE_TO_REGION_CODE[CALLING_CODE]
# Six spellings in turn, and last digits of no pattern.
NUMBERS = """
    create or replace table texts as
    with numbers as (
        select
            200 + i // 800 as area,
            200 + i % 800 as exchange,
            lpad((hash(i) % 10000)::varchar, 4, '0') as line,
            (hash(i) // 10000 % 6)::integer as spelling
        from range(800 * 800) as t (i)
    )
    select area, exchange, region, case spelling
        when 0 then concat(area, exchange, line)
        when 1 then concat('+1', area, exchange, line)
        when 2 then concat('(', area, ') ', exchange, '-', line)
        when 3 then concat('1-', area, '-', exchange, '-', line)
        when 4 then concat(area, '.', exchange, '.', line)
        else concat('+1 (', area, ') ', exchange, ' ', line)
    end as phone_text
    from numbers
"""
DECIDED = f"""
    select *, {PHONES}.common_number(phone_text, region) as common_number from texts
"""
DIFFERENT = f"""
    select area, exchange, region, phone_text
    from ({DECIDED})
    where common_number is null
        or case when {PHONES}.is_textable_number(common_number)
            then '+1' || common_number end
        is distinct from textable_phone(phone_text, region)
"""


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        Plugin("publish", {}).configure_connection(connection)
        yield connection


@pytest.mark.slow
def test_every_area_and_exchange_code_is_decided_alike(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """In the portals' regions in turn: the test below is of all regions."""
    regions = portal_regions()
    connection.execute(
        f"{NUMBERS}, unnest({[*regions]}) with ordinality as r (region, turn)"
        f" where turn = 1 + (area + exchange) % {len(regions)}"
    )
    assert connection.execute(DIFFERENT).fetchall() == []
    query = "select count(distinct (area, exchange)) from texts"
    assert connection.execute(query).fetchall() == [(640_000,)]


def test_every_region_of_the_calling_code_is_decided_alike(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """Each with every area code: some regions read seven digits as their own."""
    regions = ", ".join(f"('{region}')" for region in REGIONS)
    connection.execute(
        f"{NUMBERS} cross join (values {regions}) as r (region)"
        " where (exchange * 7 + area) % 800 = 3"
    )
    assert connection.execute(DIFFERENT).fetchall() == []
    assert connection.execute(
        "select count(*), count(distinct area), count(distinct region) from texts"
    ).fetchall() == [(len(REGIONS) * 800, 800, len(REGIONS))]


def test_a_planted_difference_is_found(connection: duckdb.DuckDBPyConnection) -> None:
    _, textable = phone_macros(PHONES)
    planted = textable.replace("983[2-57-9]", "983[2-9]")
    assert planted != textable
    connection.execute(
        f"{NUMBERS} cross join (select 'US' as region) where area between 982 and 984"
    )
    connection.execute(planted)
    try:
        different = connection.execute(DIFFERENT).fetchall()
    finally:
        connection.execute(textable)
    assert {(area, exchange) for area, exchange, *_ in different} == {
        (983, exchange) for exchange in range(600, 700)
    }


PUNCTUATION = st.text("+() .-", max_size=2)
SPELLED = st.builds(
    lambda code, number, glue, tail: (
        code + "".join(map("".join, zip(number, glue, strict=True))) + tail
    ),
    st.sampled_from(
        ["", "", "1", "+1", "+ 1 ", "(1)", "11", "001", "0111", "+44", "0"]
    ),
    st.text("0123456789", min_size=10, max_size=10),
    st.lists(PUNCTUATION, min_size=10, max_size=10),
    st.sampled_from(["", "", " ", ")", "x1", " ext. 4", "#", "0", "\u0660", "\x00"]),
)
ODD = st.text("0123456789+()- .xtel:;=#/*\u00a0\uff0b\uff11\u0661\x00") | st.text()


@settings(max_examples=20, deadline=None)
@given(texts=st.lists(SPELLED | ODD, min_size=50, max_size=100))
def test_what_sql_decides_of_any_text_is_what_python_says(
    connection: duckdb.DuckDBPyConnection, texts: list[str]
) -> None:
    """In every region of the seed; many at once, as the patterns take a while."""
    connection.execute(
        "create or replace table texts as"
        " select unnest($1::varchar[]) as phone_text, region"
        " from (select unnest($2::varchar[]) as region)",
        [texts, [*portal_regions()]],
    )
    decided = connection.execute(
        f"""
        select phone_text, region,
            case when {PHONES}.is_textable_number(common_number)
                then '+1' || common_number end
        from ({DECIDED})
        where common_number is not null
        """
    ).fetchall()
    for text, region, phone in decided:
        assert phone == textable_phone(text, region)


@pytest.mark.parametrize(
    "text",
    [
        "555-0123",
        "011 1 202 555 0123",
        "1 1 202 555 0123",
        "+44 20 7946 0123",
        "202-555-0123 x4",
        "202/555/0123",
        "202\u00a0555\u00a00123",
        "call mom",
        " " * LONGEST + "202-555-0123",
    ],
)
def test_other_spellings_are_left_to_python(
    connection: duckdb.DuckDBPyConnection, text: str
) -> None:
    query = f"select {PHONES}.common_number(?, ?)"
    assert connection.execute(query, [text, "US"]).fetchall() == [(None,)]


def test_regions_of_other_calling_codes_are_left_to_python(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    query = f"select {PHONES}.common_number('+1 202 555 0123', ?)"
    for region in ("GB", "us", "", None):
        assert connection.execute(query, [region]).fetchall() == [(None,)]
