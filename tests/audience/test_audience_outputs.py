"""What `sms audience diff` writes: exit codes, terminal, Markdown and JSON."""

import html
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from markdown_it import MarkdownIt

from audience.markdown import MAX_BYTES
from tests.audience.builds import member, write_build
from tests.audience.commands import Outcome, audience

SCHEMA = Path(__file__).parents[2] / "audience" / "schemas" / "diff.schema.json"
# A comment of GitHub's.
MAX_CHARACTERS = 65_536
HOSTILE = [
    "<script>alert(1)</script>",
    "a|b`c`",
    "@octocat",
    "#1 www.example.com http://example.com",
    "[x](javascript:alert(1))",
    "**bold** ~~gone~~ _it_",
    "line\nbreak\r\u2028| a | b |",
    "\x1b[31mred\x1b[0m \u202etxet",
    "&lt;img&#62;",
    "</details></code>",
]


def written(folder: Path, *builds: list[dict[str, Any]]) -> tuple[Outcome, str, str]:
    """Compare two builds of these members; return the outcome, Markdown and JSON."""
    names = ("base", "head")
    paths = [
        write_build(folder / f"{name}.duckdb", members)
        for name, members in zip(names, builds, strict=True)
    ]
    md, json_file = folder / "out.md", folder / "out.json"
    outcome = audience("diff", *paths, "--md", md, "--json", json_file)
    return outcome, md.read_text(), json_file.read_text()


def test_the_answer_is_the_first_line(tmp_path: Path) -> None:
    """In the terminal and in the comment."""
    entering = ["no_images"] * 3 + ["access_key_missing"] + [None]
    phones = [f"+1202555010{n}" for n in range(5)]
    base = [
        member(subject_uuid=phone, phone_number=phone, reason=reason)
        for phone, reason in zip(phones, entering, strict=True)
    ]
    head = [
        member(subject_uuid=phone, phone_number=phone, reason=reason)
        for phone, reason in zip(phones, [None] * 4 + ["duplicate"], strict=True)
    ]
    outcome, md, _ = written(tmp_path, base, head)
    assert outcome.status == 0
    assert outcome.output.splitlines()[0] == (
        "4 phones newly texted, 1 no longer, by: no_images → exported (3), "
        "access_key_missing → exported (1), exported → duplicate (1)"
    )
    assert md.splitlines()[0] == (
        "**4 phones newly texted, 1 no longer**, by: "
        "<code>no_images</code> → <code>exported</code> (3), "
        "<code>access_key_missing</code> → <code>exported</code> (1), "
        "<code>exported</code> → <code>duplicate</code> (1)"
    )


def test_no_change_is_an_answer_too(tmp_path: Path) -> None:
    """Without a table."""
    outcome, md, _ = written(tmp_path, [member()], [member()])
    assert outcome.status == 0
    sentence = "The same people are texted."
    assert outcome.output.splitlines()[0] == sentence
    assert md.splitlines()[0] == f"**{sentence}**"
    assert "|" not in md


def test_a_failed_guard_is_shown_and_exits_with_1(tmp_path: Path) -> None:
    """The guard comes right after the answer."""
    outcome, md, document = written(tmp_path, [member(reason="suppressed")], [member()])
    assert outcome.status == 1
    said = "GUARD FAILED: head texts 1 row that base held back: suppressed (1)"
    assert outcome.output.splitlines()[1] == said
    assert md.split("\n\n")[1] == (
        "**A guard has failed**: head texts 1 row that base held back: "
        "<code>suppressed</code> (1)."
    )
    assert json.loads(document)["guards"]["refusals"]["has_failed"]


@pytest.mark.parametrize(("limit", "status"), [("100", 0), ("99.9", 1), ("0", 1)])
def test_max_change_exits_with_1(tmp_path: Path, limit: str, status: int) -> None:
    """All phones of an audience disappear."""
    base = write_build(tmp_path / "base.duckdb", [member()])
    head = write_build(tmp_path / "head.duckdb", [member(reason="no_images")])
    outcome = audience("diff", base, head, "--max-change", limit)
    assert outcome.status == status
    line = f"more than {limit} % of the phones come or go: north non_buyers (1 of 1)"
    assert (line in outcome.output) is bool(status)


def test_the_same_builds_give_the_same_bytes(tmp_path: Path) -> None:
    """In any order of the rows; keys are sorted, and the schema holds."""
    members = [member(subject_uuid=f"s{n}", audience="buyers") for n in range(9)]
    others = [
        member(subject_uuid=f"s{n}", reason="no_images" if n % 2 else None)
        for n in range(9)
    ]
    seen = set()
    for name, step in (("first", 1), ("second", -1)):
        folder = tmp_path / name
        folder.mkdir()
        seen.add(written(folder, members[::step], others[::step])[1:])
    [(_, text)] = seen
    document = json.loads(text)
    assert text == json.dumps(document, indent=2, sort_keys=True) + "\n"
    validate(document)
    validate({"is_comparable": False, "obstacle": "x"})
    del document["guards"]
    with pytest.raises(jsonschema.ValidationError):
        validate(document)


def validate(document: Any) -> None:
    """Check a document against the schema that the project ships."""
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema, jsonschema.Draft202012Validator)


def test_a_full_document_follows_the_schema(tmp_path: Path) -> None:
    """With moves, changes, examples and failed guards."""
    base = write_build(
        tmp_path / "base.duckdb",
        [member(reason="suppressed"), member(subject_uuid="s2")],
    )
    head = write_build(
        tmp_path / "head.duckdb",
        [member(), member(subject_uuid="s2", first_name="A"), member(portal="south")],
        variables={"dedup_by": "phone"},
    )
    out = tmp_path / "out.json"
    options = ("--json", out, "--examples", "2", "--max-change", "0")
    assert audience("diff", base, head, *options).status == 1
    document = json.loads(out.read_text())
    assert document["moves"][0]["examples"]
    assert document["guards"]["max_change"]["exceeded"]
    validate(document)


def test_no_data_becomes_markup(tmp_path: Path) -> None:
    """Any portal key stays within code, on one line, and mentions no user."""
    base = [member(portal=portal) for portal in HOSTILE]
    head = [member(portal=portal, reason="no_images") for portal in HOSTILE]
    outcome, md, _ = written(tmp_path, base, head)
    without_tags = re.sub(r"</?(code|details|summary)>", "", md)
    assert not set("<>@`[]~\x1b\u202e\r\u2028") & set(without_tags)
    assert "www." not in md
    assert "http" not in re.sub(r"http&#58;", "", md)
    codes = re.findall(r"<code>(.*?)</code>", md)
    assert md.count("<code>") == len(codes)
    plain = {html.unescape(code) for code in codes}
    expected = {
        "".join(c if c.isprintable() else "\ufffd" for c in portal)
        for portal in HOSTILE
    }
    assert expected <= plain
    page = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(md)
    tags = set(re.findall(r"<(\w+)", page))
    assert tags == {"p", "strong", "code", "table", "thead", "tbody", "tr", "th", "td"}
    columns = {line.count("|") for line in md.splitlines() if "|" in line}
    assert columns == {3, 8, 10, 11}
    assert not set("\x1b\u202e\r") & set(outcome.output)


def test_a_long_comment_is_folded_and_cut(tmp_path: Path) -> None:
    """It stays below the limit of a comment and says what is left out."""
    portals = [f"portal-{n:04d}-with-a-key-that-is-long" for n in range(400)]
    base = [member(portal=portal) for portal in portals]
    head = [member(portal=portal, reason="no_images") for portal in portals]
    outcome, md, document = written(tmp_path, base, head)
    assert len(md.encode()) <= MAX_BYTES < MAX_CHARACTERS
    rows = md.count(f"<code>{portals[0][:6]}")
    left_out = re.findall(r"Left out here: (\d+) more rows", md)
    assert len(left_out) == 3
    assert rows + sum(map(int, left_out)) == 3 * len(portals)
    assert "<details><summary>Phones (400 rows)</summary>" in md
    assert md.count("<details>") == md.count("</details>") == 3
    assert outcome.output.count(portals[-1]) == 3
    assert len(json.loads(document)["audiences"]) == 2 * len(portals)


def test_no_personal_data_is_written(tmp_path: Path) -> None:
    """No values and no whole uuids, however much differs."""
    values = {
        "first_name": "Canaryfirst",
        "email": "canary@example.com",
        "access_code": "CANARYKEY",
        "job_name": "Canaryjob",
        "group_name": "Canarygroup",
        "subject_uuid": "01234567-canary",
    }
    base = write_build(tmp_path / "base.duckdb", [member(**values)])
    head = write_build(
        tmp_path / "head.duckdb",
        [
            member(
                **{
                    **values,
                    "first_name": "Canaryother",
                    "phone_number": "+12025550177",
                }
            )
        ],
    )
    md, out = tmp_path / "out.md", tmp_path / "out.json"
    options = ("--md", md, "--json", out, "--examples", "5")
    outcome = audience("diff", base, head, *options)
    said = "".join([outcome.output, outcome.errors, md.read_text(), out.read_text()])
    assert "first_name" in said
    assert "01234567" in said
    assert "canary" not in said.casefold()
    assert "555" not in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing argument 'BASE'"),
        (("a",), "Missing argument 'HEAD'"),
        (("a", "b", "--max-change", "much"), "must be a number from 0, such as 2.5"),
        (("a", "b", "--max-change", "-1"), "must be a number from 0, such as 2.5"),
        (("a", "b", "--max-change", "nan"), "must be a number from 0, such as 2.5"),
        (("a", "b", "--max-change", "inf"), "must be a number from 0, such as 2.5"),
        (("a", "b", "--examples", "-1"), "is not in the range"),
        (("a", "b", "--sorted"), "No such option"),
    ],
)
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...], message: str) -> None:
    """One line."""
    outcome = audience("diff", *arguments)
    assert outcome.status == 2
    assert message in outcome.errors
    assert outcome.errors.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give one of --subject, --phone and --email"),
        (("--subject", "s1", "--phone", "+12025550101"), "give one of --subject"),
        (("--phone", "202-555-0101"), "must be in E.164, such as +13125550123"),
        (("--phone", "+1 202 555 0101"), "must be in E.164, such as +13125550123"),
        (("--phone", "+1202555010\u0661"), "must be in E.164"),
        (("--email", "parent"), "must be an e-mail, such as parent@example.com"),
        (("--email", "a b@example.com"), "must be an e-mail"),
    ],
)
def test_wrong_questions_exit_with_2(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    """The error is one line that does not repeat the address."""
    outcome = audience("explain", "--db", tmp_path / "none", *arguments)
    assert outcome.status == 2
    assert message in outcome.errors
    assert outcome.errors.count("\n") == 1
    assert "555-0101" not in outcome.errors
    assert "555 0101" not in outcome.errors


def test_a_file_that_cannot_be_written_exits_with_2(tmp_path: Path) -> None:
    """The error is one line that names the file."""
    path = write_build(tmp_path / "build.duckdb", [member()])
    outcome = audience("diff", path, path, "--md", tmp_path / "no" / "out.md")
    assert outcome.status == 2
    assert outcome.errors.count("\n") == 1
    assert "out.md cannot be written: No such file or directory" in outcome.errors


def test_the_command_answers(tmp_path: Path) -> None:
    """The installed command has help and a real exit code."""
    script = Path(sys.executable).parent / "sms"
    path = write_build(tmp_path / "build.duckdb", [member()])
    for arguments in (["diff", "--help"], ["diff", path, path]):
        command = [script, "audience", *arguments]
        assert subprocess.run(command, capture_output=True, check=True).stdout
    command = [script, "audience", "diff", path, "x"]
    assert subprocess.run(command, check=False).returncode == 3
