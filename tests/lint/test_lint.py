"""`make lint` finds mistakes in models, YAML and workflows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.project import BIN, SOURCE, UV, new_project
from tests.reference import PortalConfig

PORTAL = PortalConfig("north", "http://127.0.0.1", "Brand", "US", "USA", "webshop")


class Found(NamedTuple):
    """The exit status and the output of a linter."""

    status: int
    output: str


def run(*command: str | Path, folder: Path = SOURCE) -> Found:
    """Run a linter, on a terminal wide enough for its tables."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        # uv makes the environment of lint/ with the Python that runs the tests.
        env={**os.environ, "COLUMNS": "300", "UV_PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Found(done.returncode, done.stdout)


def in_lint_environment(*command: str | Path, folder: Path = SOURCE) -> Found:
    """Run a linter of lint/pyproject.toml."""
    uv = (UV, "run", "--project", SOURCE / "lint", "--locked", "--quiet")
    return run(*uv, *command, folder=folder)


# The mistakes in the copy, by check.
BROKEN = {
    ("check_model_names", "gallery"),
    ("check_model_description_contains_regexp_pattern", "gallery"),
    ("check_model_column_description_populated", "gallery"),
    ("check_lineage_source_cannot_be_used", "gallery"),
    ("check_model_max_number_of_lines", "gallery"),
    ("check_model_has_unique_test", "gallery"),
    ("check_model_has_properties_file", "audience_copy"),
    ("check_model_materialization_permitted", "audience_copy"),
    ("check_lineage_permitted_upstream_models", "audience_copy"),
}


@pytest.mark.slow
def test_a_misspelt_key_and_each_broken_convention_is_found(tmp_path: Path) -> None:
    project = spoilt_project(tmp_path / "project")
    target = project / "lint" / "target"
    config = project / "lint" / "dbt-bouncer.yml"
    config.parent.mkdir()
    shutil.copy(SOURCE / "lint" / "dbt-bouncer.yml", config)

    script = SOURCE / "lint" / "parse.py"
    parsed = run(BIN / "python", script, "--target", target, folder=project)
    bouncer = ("dbt-bouncer", "run", "--config-file", config, "--show-all-failures")
    bounced = in_lint_environment(*bouncer, folder=project)

    assert parsed.status == 1
    assert "`descripton`" in parsed.output
    assert "_gallery.yml" in parsed.output
    assert bounced.status == 1
    found = set(re.findall(r"\b(check_\w+):\d+:(\w+)", bounced.output))
    assert found >= BROKEN
    assert {model for _, model in found} == {"gallery", "audience_copy"}


def spoilt_project(folder: Path) -> Path:
    """Copy the project, and add two models that break many conventions."""
    new_project(folder, [PORTAL])
    intermediate = folder / "models" / "intermediate"
    (intermediate / "gallery.sql").write_text(
        "select 1 as one from {{ source('landing', 'loads') }}\n" + "-- long\n" * 100
    )
    (intermediate / "_gallery.yml").write_text(
        "version: 2\n"
        "models:\n"
        "  - name: gallery\n"
        "    descripton: Galleries. One row a gallery.\n"
        "    description: Galleries.\n"
        "    columns: [{name: one}]\n"
    )
    (folder / "models" / "marts" / "audience_copy.sql").write_text(
        "{{ config(materialized='view') }}\n"
        "select * from {{ ref('export_contacts') }}\n"
    )
    return folder


@pytest.mark.parametrize(
    ("line", "replaced", "audit"),
    [
        ("persist-credentials: false", "clean: true", "artipacked"),
        ("permissions: {}", "permissions: write-all", "excessive-permissions"),
        (r"checkout@[0-9a-f]{40} # v[0-9.]+", "checkout@v7", "unpinned-uses"),
    ],
)
def test_zizmor_finds_what_is_unsafe(
    tmp_path: Path, line: str, replaced: str, audit: str
) -> None:
    workflow = spoil_workflow(tmp_path, line, replaced)

    options = ("--offline", "--strict-collection", "--pedantic", "--no-progress")
    found = run(BIN / "zizmor", *options, workflow)

    assert found.status != 0
    assert f"[{audit}]" in found.output


@pytest.mark.parametrize(
    ("line", "replaced", "said"),
    [
        ("runs-on: ubuntu-24.04", "runs-on: ubuntu-1", "label .ubuntu-1. is unknown"),
        (r"needs: review\n", "needs: preview\n", "preview"),
        (r'\[ -n "\$own" \]', "[ -n $own ]", "shellcheck reported.*SC2070"),
    ],
)
def test_actionlint_finds_what_is_wrong(
    tmp_path: Path, line: str, replaced: str, said: str
) -> None:
    workflow = spoil_workflow(tmp_path, line, replaced)

    found = in_lint_environment(
        BIN / "actionlint", "-shellcheck", "shellcheck", workflow
    )

    assert found.status != 0
    assert re.search(said, found.output)


def spoil_workflow(folder: Path, line: str, replaced: str) -> Path:
    """Write ci.yml into a folder with a mistake in place of `line`."""
    text = (SOURCE / ".github" / "workflows" / "ci.yml").read_text()
    wrong, count = re.subn(line, replaced, text)
    assert count
    path = folder / ".github" / "workflows" / "ci.yml"
    path.parent.mkdir(parents=True)
    path.write_text(wrong)
    return path
