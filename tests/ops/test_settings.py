"""`sms settings`: every setting in force, its source, and no secret."""

import json
from pathlib import Path

import pytest

from ops.settings.reading import DEFAULTS
from tests.commands import sms
from tests.e2e.project import SOURCE

SECRET = "hunter2hunter2"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset every setting, in the folder of the project."""
    for name in DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(SOURCE)


def shown(*options: str) -> dict[str, tuple[str, str]]:
    """Return value and source of every setting and variable."""
    said = json.loads(sms("settings", "--json", *options).stdout)
    rows = [*said["settings"], *said["variables"]]
    return {row["name"]: (row["value"], row["source"]) for row in rows}


def test_without_settings_the_defaults_are_in_force() -> None:
    found = shown()
    assert found["DBT_TARGET"] == ("dev", "default")
    assert found["EXPORT_ROOT"] == ("exports", "default")
    assert found["PORTAL_SECRET"] == ("-", "not set")
    assert found["dedup_by"] == ("activity_subject", "dbt_project.yml")
    assert found["portals"] == ("all", "dbt_project.yml")
    assert found["contact_routes"][0].startswith("registered_user, delivery_1, ")


def test_the_environment_and_the_variables_of_a_night(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DBT_TARGET", "staging")
    monkeypatch.setenv("NIGHTLY_VARS", "{dedup_by: phone, groups: [3B, 4C]}")
    found = shown()
    assert found["DBT_TARGET"] == ("staging", "environment")
    assert found["dedup_by"] == ("phone", "NIGHTLY_VARS")
    # A group can be a teacher's name.
    assert found["groups"] == ("2 values", "NIGHTLY_VARS")
    assert found["NIGHTLY_VARS"] == ("see below", "environment")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_no_secret_is_shown(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    for name in ("PORTAL_USERNAME", "PORTAL_PASSWORD", "PORTAL_SECRET"):
        monkeypatch.setenv(name, SECRET)
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"):
        monkeypatch.setenv(f"AWS_{name}", SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://user:{SECRET}@localhost:1")
    said = sms("settings", *options)
    assert SECRET not in said.stdout + said.stderr
    assert "(hidden)" in said.stdout


def test_a_place_of_a_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_SECRET", "ssm:portals")
    assert shown()["PORTAL_SECRET"] == ("ssm:portals", "environment")


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("DBT_TARGET", "production", "DBT_TARGET must be one of"),
        ("DBT_TARGET", "prod", "prod: EXPORT_ROOT is the folder"),
        ("DBT_THREADS", "many", "DBT_THREADS must be a whole number"),
        ("DBT_THREADS", "0", "DBT_THREADS must be a whole number"),
        ("EXPORT_ROOT", "gs://bucket", "EXPORT_ROOT begins with gs://"),
        ("LANDING_STORE", "s3://", "LANDING_STORE must be s3://BUCKET/PREFIX"),
        ("PORTAL_USERNAME", "user", "set either PORTAL_SECRET or both"),
        ("NIGHTLY_VARS", "nosuch.yml", "NIGHTLY_VARS is neither"),
        ("NIGHTLY_VARS", "{dedup: phone}", "unknown variable dedup"),
    ],
)
def test_a_wrong_setting_is_named_after_all_are_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(name, value)
    said = sms("settings")
    assert said.returncode == 2
    assert f"sms: {problem}" in said.stderr
    for setting in DEFAULTS:
        assert f"{setting} " in said.stdout
    problems = json.loads(sms("settings", "--json").stdout)["problems"]
    assert any(text.startswith(problem) for text in problems)


def test_it_works_in_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = sms("settings")
    assert (said.returncode, said.stderr) == (0, "")
    assert "dedup_by" not in said.stdout
