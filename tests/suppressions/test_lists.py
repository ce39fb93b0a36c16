"""What is read of a list, and what is said of a line that cannot be read."""

from pathlib import Path

import pytest

from common.errors import ConfigError
from publish.suppressions.addresses import phones, read_email, read_time
from publish.suppressions.formats import FORMATS
from publish.suppressions.lists import Listing, describe_unreadable, read_list
from tests.suppressions.conftest import SAMPLES
from tests.suppressions.writing import HEADER, NOW, REGIONS, A, B, C, listed, read, row

NOON = "2025-01-31T12:00:00Z"


def facts(listing: Listing) -> list[tuple[str, str, str]]:
    """The entries of the portals' own country."""
    return [
        (e.address, e.action, e.at)
        for e in listing.entries
        if e.channel == "email" or e.address.startswith("+1")
    ]


SAMPLE_FACTS = {
    "csv.csv": [
        (A, "stop", NOON),
        (B, "stop", "2025-01-31T23:59:59Z"),
        ("pat.doe@example.com", "stop", "2025-02-01T08:30:01Z"),
        (A, "start", "2025-03-01T00:00:00Z"),
    ],
    "phones.txt": [(phone, "stop", "") for phone in (A, B, C, "+14791234567")],
    "klaviyo.csv": [(A, "stop", NOON), (C, "stop", "")],
    "postscript.csv": [(A, "stop", NOON), (B, "stop", NOON), (C, "stop", "")],
}


@pytest.mark.parametrize("name", sorted(SAMPLE_FACTS))
def test_a_sample_of_each_format_is_recognized_by_its_header(name: str) -> None:
    listing = read_list(SAMPLES / name, REGIONS, NOW)
    assert listing.format == name.partition(".")[0]
    assert listing.source == f"{listing.format} {name}"
    assert facts(listing) == SAMPLE_FACTS[name]
    assert listing.unreadable == []
    assert listing.rejected_emails == (name == "csv.csv")
    assert {e.recorded_at for e in listing.entries} == {NOW}


def test_every_format_has_a_sample() -> None:
    assert {name.partition(".")[0] for name in SAMPLE_FACTS} == set(FORMATS)


def test_an_unknown_header_is_an_error_that_lists_the_formats(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, "person,mobile\nPat,2065550100\n")
    assert all(name in str(error.value) for name in (*FORMATS, "SMS Marketing Consent"))
    assert "mobile" not in str(error.value)


def test_a_list_without_its_header_shows_no_line_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, row(A, NOON))
    assert "555" not in str(error.value)


def test_a_format_that_is_asked_for_needs_its_columns(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no column opt_out_time"):
        read(tmp_path, "phone_number\n2065550100\n", "postscript")
    with pytest.raises(ConfigError, match="one of csv, phones"):
        read(tmp_path, "", "other")


def test_a_column_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="address more than once"):
        read(tmp_path, "channel,address,suppressed_at,reason,Address\n")


def test_a_missing_list_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_list(tmp_path / "none.csv", REGIONS, NOW)


@pytest.mark.parametrize("text", ["", "\n\n", HEADER, "\ufeff" + HEADER])
def test_an_empty_list_is_allowed(tmp_path: Path, text: str) -> None:
    listing = read(tmp_path, text)
    assert (listing.rows, listing.entries, listing.unreadable) == (0, [], [])


def test_other_columns_are_ignored_and_names_match_in_any_case(tmp_path: Path) -> None:
    header = "Note,REASON,Suppressed_At ,address,channel\n"
    listing = read(tmp_path, header + f"x,STOP,{NOON},{A},SMS\n")
    assert facts(listing) == [(A, "stop", NOON)]
    assert listing.entries[0].reason == "STOP"


@pytest.mark.parametrize(
    "text",
    [
        "+12065550100",
        "2065550100",
        "12065550100",
        "(206) 555-0100",
        "206.555.0100",
        "206\u00a0555\u00a00100",
        "206\x00555\x000100",
        " \t+1 206 555 0100\x00",
        "'+12065550100",
        '="12065550100"',
        "1,206,555,0100",
        "206-555-0100 ext. 5",
        "\uff12\uff10\uff16\uff15\uff15\uff15\uff10\uff11\uff10\uff10",
    ],
)
def test_a_phone_is_read_however_it_is_written(text: str) -> None:
    assert A in phones(text, REGIONS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("4791234567", {"+14791234567", "+4791234567"}),
        ("+4791234567", {"+4791234567"}),
        ("447700900123", {"+447700900123"}),
        ("5550126", set()),
        ("555-0126", set()),
        ("2065550100 / 2065550101", set()),
        ("2065550100; 2065550101", set()),
        ("N/A", set()),
        ("0", set()),
    ],
)
def test_a_phone_is_every_possible_number(text: str, found: set[str]) -> None:
    assert phones(text, REGIONS) == found


@pytest.mark.parametrize(
    "text", ["1.20656E+10", "1,20656E+10", "1.20656e10", "4.479E+11", "1E+10"]
)
def test_a_phone_that_a_spreadsheet_has_cut_is_unreadable(
    tmp_path: Path, text: str
) -> None:
    listing = read(tmp_path, HEADER + row(f'"{text}"', NOON) + row(B, NOON))
    assert facts(listing) == [(B, "stop", NOON)]
    assert [n for n, _ in listing.unreadable] == [2]
    assert "spreadsheet" in listing.unreadable[0][1]


@pytest.mark.parametrize("text", ["12065550100.0", "2065550100.0", "12065550100.00"])
def test_a_trailing_zero_is_repaired_and_counted(tmp_path: Path, text: str) -> None:
    listing = read(tmp_path, f"{text}\n{B}\n", "phones")
    assert facts(listing) == [(A, "stop", ""), (B, "stop", "")]
    assert (listing.repaired, listing.unreadable) == (1, [])


@pytest.mark.parametrize(
    "line",
    [
        row("5550126", NOON),
        row("", NOON),
        row(A, ""),
        row(A, "31/01/2025"),
        row(A, "2025-02-30"),
        row(A, "1738324800"),
        row(A, NOON, channel="phone"),
        row(A, NOON, "withdraw"),
        row(A, "2026-01-01T00:00:01Z", "start"),
        row("447700900123", NOON, "start"),
        f"sms,{A},{NOON}\n",
        f"sms,{A},{NOON},STOP,,\n",
    ],
)
def test_an_unreadable_line_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    listing = read(tmp_path, HEADER + row(B, NOON) + line + row(C, NOON))
    assert facts(listing) == [(B, "stop", NOON), (C, "stop", NOON)]
    assert [n for n, _ in listing.unreadable] == [3]
    text = describe_unreadable(listing)
    assert text.startswith("line 3: ")
    assert "555" not in text


def test_many_unreadable_lines_are_grouped(tmp_path: Path) -> None:
    text = describe_unreadable(read(tmp_path, "5550126\n" * 25, "phones"))
    assert text.startswith("lines 1, 2, 3")
    assert text.endswith("20 and 5 more: its phone is not a possible number")


def test_blank_lines_count_as_lines_and_not_as_rows(tmp_path: Path) -> None:
    listing = read(tmp_path, HEADER + "\n,,,,\n" + row("5550126", NOON))
    assert (listing.rows, [n for n, _ in listing.unreadable]) == (1, [4])


def test_a_start_is_read_by_region_alone(tmp_path: Path) -> None:
    """It must not lift the stop of whom the digits would also be."""
    listing = read(tmp_path, HEADER + row("4791234567", NOON, "start"))
    assert facts(listing) == [("+14791234567", "start", NOON)]
    assert len(listing.entries) == 1


def test_a_tool_s_subscribed_lifts_nothing() -> None:
    listing = read_list(SAMPLES / "klaviyo.csv", REGIONS, NOW)
    assert {entry.action for entry in listing.entries} == {"stop"}


def test_a_word_that_klaviyo_does_not_know_is_unreadable(tmp_path: Path) -> None:
    header = "Phone Number,SMS Marketing Consent\n"
    listing = read(tmp_path, f"{header}{A},OPTED_OUT\n{B},Unsubscribed\n{C},\n")
    assert facts(listing) == [(B, "stop", "")]
    assert [n for n, _ in listing.unreadable] == [2]


QUOTE = f'sms,{A},{NOON},"STOP,\n'


@pytest.mark.parametrize("closing", ["", f'sms,{C},{NOON},"by mail",\n'])
def test_a_quote_that_does_not_close_swallows_no_line(
    tmp_path: Path, closing: str
) -> None:
    listing = read(tmp_path, HEADER + QUOTE + row(B, NOON) + row(C, NOON) + closing)
    found = facts(listing)
    assert (B, "stop", NOON) in found
    assert (C, "stop", NOON) in found
    assert [n for n, _ in listing.unreadable] == [2]


def test_text_of_several_lines_is_one_row(tmp_path: Path) -> None:
    listing = read(
        tmp_path, HEADER + f'sms,{A},{NOON},"a\r\nb\n""c""",\n' + row("", "")
    )
    assert listing.entries[0].reason == 'a\r\nb\n"c"'
    assert [n for n, _ in listing.unreadable] == [5]


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.replace("STOP", "José").encode("cp1252"),
        lambda text: text.replace("555", "555\u00a0").encode("cp1252"),
        lambda text: text.replace("STOP", "ST\x00OP").encode(),
        lambda text: text.encode().replace(b"STOP", b"\x81\xff"),
    ],
)
def test_a_list_is_read_in_any_encoding(tmp_path: Path, encode: object) -> None:
    assert callable(encode)
    listing = read(tmp_path, encode(HEADER + row(A, NOON) + row("206-555-0101", NOON)))
    assert facts(listing) == [(A, "stop", NOON), (B, "stop", NOON)]
    assert listing.unreadable == []


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2025-01-31", "2025-01-31T23:59:59Z"),
        ("2025-01-31T12:00", NOON),
        ("2025-01-31 12:00:00", NOON),
        ("2025-01-31T12:00:00.000Z", NOON),
        ("2025-01-31T12:00:00.001Z", "2025-01-31T12:00:01Z"),
        ("2025-01-31t12:00:00z", None),
        ("2025-01-31T13:30:00+0130", NOON),
        ("2025-01-31T13:30+01:30", NOON),
        ("2025-01-31T11:00:00-01", NOON),
        ("9999-12-31T23:59:59.5Z", None),
        ("1000-01-01T00:00:00+01:00", None),
        ("0999-01-01", None),
        ("2025-01-31Z", None),
        ("2025-01-31T24:00:00Z", None),
        ("2025-01-31T12:00.5Z", None),
        ("", None),
    ],
)
def test_a_time_is_read_as_in_the_portal(text: str, at: str | None) -> None:
    assert read_time(text) == at


def test_a_start_is_rounded_down() -> None:
    assert read_time("2025-01-31T12:00:00.9Z", round_up=False) == NOON


@pytest.mark.parametrize(
    ("text", "email"),
    [
        (" Pat.Doe+x@Example.COM\x00", "pat.doe+x@example.com"),
        ("_a@b.co", "_a@b.co"),
        ("=1+1@example.com", None),
        ("-a@example.com", None),
        ("a@example", None),
        ("a@example.c", None),
        ("a@-example.com", None),
        ('=1+1&"@a.b', None),
        ("\u212aim@example.com", None),
        ("a" * 243 + "@example.com", None),
        ("a" * 242 + "@example.com", "a" * 242 + "@example.com"),
    ],
)
def test_an_e_mail_is_read_as_r6_says(text: str, email: str | None) -> None:
    assert read_email(text) == email


def test_a_rejected_e_mail_is_counted_and_stops_nothing(tmp_path: Path) -> None:
    listing = read(tmp_path, HEADER + row("a@b", NOON, channel="email"))
    assert (listing.rejected_emails, listing.unreadable) == (1, [])
    assert listed(tmp_path, "").exists()
