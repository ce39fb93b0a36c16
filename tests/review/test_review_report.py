"""The words of a review, and that it fits into a comment."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from audience.diff import compare
from ops.review.differences import Difference, differences, different_files
from ops.review.report import MAX_BYTES, Review, render, summary
from ops.review.sides import Side
from tests.audience.builds import member, write_build

# GitHub's, of a comment.
MAX_CHARACTERS = 65_536


def review(**found: Any) -> Review:
    """Return a review with these findings only."""
    nothing: dict[str, Any] = {
        "document": None,
        "obstacle": "head: no whole build",
        "failed": {"base": [], "head": []},
        "differences": [],
        "files": [],
        "file_count": 0,
        "findings": [],
    }
    return Review(**{**nothing, **found})


def difference(name: str = "int_run", *lines: str) -> Difference:
    """Return a model that differs in these lines."""
    return Difference("model", name, lines or ("-old", "+new"))


def test_the_answer_comes_first_then_what_failed_then_what_differs() -> None:
    text = render(
        review(
            failed={"base": [], "head": ["model int_run", "test unique_int_run"]},
            differences=[difference()],
            files=["exclusions.csv"],
            file_count=3,
            findings=["check_model_names:1:gallery: no"],
        )
    )

    assert text.split("\n\n")[:3] == [
        "**The audiences cannot be compared**: head&#58; no whole build",
        "**The build of head failed**: <code>model int_run</code>, "
        "<code>test unique_int_run</code>.",
        "Compiled SQL or seeds differ: 1 model (<code>int_run</code>). Of 3 exported "
        "files, 1 differs. Conventions: 1 new finding.",
    ]
    assert "- check_model_names&#58;1&#58;gallery&#58; no" in text
    assert text.endswith("\n\n```diff\n-old\n+new\n```\n\n</details>\n")


def test_a_guard_that_failed_comes_before_what_differs(tmp_path: Path) -> None:
    members = {"base": [member(reason="suppressed")], "head": [member()]}
    databases = [
        write_build(tmp_path / f"{name}.duckdb", rows) for name, rows in members.items()
    ]

    paragraphs = render(review(document=compare(*databases))).split("\n\n")

    assert paragraphs[0].startswith("**1 phone newly texted, 0 no longer**")
    assert paragraphs[1].startswith("**A guard has failed**")
    assert paragraphs[2].startswith("Seeds and compiled SQL are the same.")


def test_no_difference_is_an_answer_too() -> None:
    said = summary(review(file_count=5), str)

    assert said == (
        "Seeds and compiled SQL are the same. Of 5 exported files, none differ. "
        "Conventions: nothing new."
    )


def test_conventions_that_were_not_checked_are_not_reported_as_fine() -> None:
    assert summary(review(findings=None), str) == (
        "Seeds and compiled SQL are the same. Conventions were not checked."
    )


def test_the_largest_review_fits_into_a_comment(tmp_path: Path) -> None:
    """With many portals, long names, wide findings and an endless diff."""
    keys = [f"portal-{'é' * 40}-{n}" for n in range(400)]
    base = [member(portal=key) for key in keys]
    head = [member(portal=key, reason="no_images") for key in keys]
    databases = [
        write_build(tmp_path / f"{name}.duckdb", members)
        for name, members in (("base", base), ("head", head))
    ]
    text = render(
        review(
            document=compare(*databases),
            failed={"base": ["test x" * 20] * 400, "head": []},
            differences=[
                difference(f"int_{n}" * 10, *["+ü&<>" * 50] * 100) for n in range(100)
            ],
            findings=["check: é&<>" * 400] * 400,
        )
    )

    assert len(text) < MAX_CHARACTERS
    assert len(text.encode()) <= MAX_BYTES
    shown = text.count("\n+ü")
    assert 0 < shown < 100 * 100
    assert f"Left out: {100 * 100 - shown:,} more lines" in text
    assert text.count("<details>") == text.count("</details>")


def test_a_diff_cannot_end_its_own_block() -> None:
    text = render(review(differences=[difference("m", "+```", "+````` @everyone")]))

    fences = re.findall("^`+", text, re.MULTILINE)
    assert fences == ["`" * 6, "`" * 6]


def side(folder: Path, name: str, sql: str, seed: str) -> Side:
    """Return a side of one model, one test and one seed, as a build leaves them."""
    built = Side(name, folder / "code" / name, folder / name)
    nodes = {
        "model.p.m": {"resource_type": "model", "name": "m", "compiled_code": sql},
        "test.p.t": {"resource_type": "test", "name": "t", "compiled_code": "select 1"},
        "seed.p.s": {
            "resource_type": "seed",
            "name": "s",
            "original_file_path": "s.csv",
        },
        "operation.p.o": {"resource_type": "operation", "name": "o"},
    }
    for path, text in {
        built.target / "manifest.json": json.dumps({"nodes": nodes}),
        built.project / "s.csv": seed,
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return built


def test_equal_sides_have_no_difference(tmp_path: Path) -> None:
    base, head = (side(tmp_path, name, "select 1", "a\n") for name in ("base", "head"))

    assert differences(base, head) == []


def test_models_differ_by_compiled_sql_and_seeds_by_lines(
    tmp_path: Path,
) -> None:
    base = side(tmp_path, "base", "select 1\nfrom t", "word\nyes\n")
    head = side(tmp_path, "head", "select 2\nfrom t", "word\nyes\nok\n")

    assert differences(base, head) == [
        Difference(
            "seed",
            "s",
            ("--- base/s", "+++ head/s", "@@ -1,2 +1,3 @@", " word", " yes", "+ok"),
        ),
        Difference(
            "model",
            "m",
            (
                *("--- base/m", "+++ head/m", "@@ -1,2 +1,2 @@"),
                *("-select 1", "+select 2", " from t"),
            ),
        ),
    ]


@pytest.mark.parametrize("missing", ["base", "head"])
def test_a_side_that_was_not_parsed_has_no_nodes(tmp_path: Path, missing: str) -> None:
    base, head = (side(tmp_path, name, "select 1", "a\n") for name in ("base", "head"))
    (tmp_path / missing / "target" / "manifest.json").unlink()

    kinds = {one.kind for one in differences(base, head)}

    assert kinds == {"seed", "model", "test"}


def test_files_differ_by_digest_or_absence(tmp_path: Path) -> None:
    sides = [Side(name, tmp_path, tmp_path / name) for name in ("base", "head")]
    for one, files in zip(
        sides, ({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2"}), strict=True
    ):
        run = one.exports / "runs" / "any"
        run.mkdir(parents=True)
        listed = [{"path": path, "sha256": digest} for path, digest in files.items()]
        (run / "manifest.json").write_text(json.dumps({"files": listed}))

    assert different_files(*sides) == (["b", "c"], 3)
    assert different_files(sides[0], Side("head", tmp_path, tmp_path)) == ([], 0)
