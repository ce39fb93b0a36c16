"""What is asked of whom, from options, environment and seeds."""

import json
from pathlib import Path

import pytest
from loading import portal_at

from extract import settings
from extract.errors import ConfigError
from extract.portals import Portal
from extract.sandbox import SANDBOX_PASSWORD, SANDBOX_USERNAME

REAL = portal_at("https://one.example", "one")
OTHER = portal_at("https://two.example", "two")
SANDBOX = portal_at("http://127.0.0.1:9/1/api/v1", "sand", "Sandbox")
PORTALS = [REAL, SANDBOX, OTHER]
GIVEN = {"PORTAL_USERNAME": "someone", "PORTAL_PASSWORD": "something"}


@pytest.mark.parametrize(
    ("keys", "sandbox", "chosen"),
    [
        ([], False, [REAL, OTHER]),
        ([], True, [SANDBOX]),
        (["two", "one", "two"], False, [OTHER, REAL]),
        (["sand"], False, [SANDBOX]),
        (["sand"], True, [SANDBOX]),
    ],
)
def test_portals_are_chosen(
    keys: list[str], sandbox: bool, chosen: list[Portal]
) -> None:
    assert settings.choose_portals(PORTALS, keys, sandbox) == chosen


@pytest.mark.parametrize(
    ("keys", "sandbox", "message"),
    [
        (["none", "one"], False, "unknown portal 'none'; allowed: one, sand, two"),
        (["one"], True, "unknown portal 'one'; allowed: sand"),
    ],
)
def test_an_unknown_portal_is_an_error_that_lists_the_allowed(
    keys: list[str], sandbox: bool, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        settings.choose_portals(PORTALS, keys, sandbox)


def test_a_seed_without_portals_of_the_kind_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no portal to ask"):
        settings.choose_portals([SANDBOX], [], sandbox=False)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "missing settings: PORTAL_USERNAME, PORTAL_PASSWORD"),
        ({"PORTAL_USERNAME": "", "PORTAL_PASSWORD": "x"}, "settings: PORTAL_USERNAME$"),
        ({"PORTAL_USERNAME": "x"}, "missing settings: PORTAL_PASSWORD$"),
        ({"PORTAL_USERNAME": "a:b", "PORTAL_PASSWORD": "x"}, "a colon"),
    ],
)
def test_one_error_names_every_missing_setting(
    given: dict[str, str], missing: str
) -> None:
    with pytest.raises(ConfigError, match=missing):
        settings.asks([REAL, OTHER], None, given, sandbox=False)


@pytest.mark.parametrize(
    ("environment", "sandbox", "user", "password"),
    [
        ({}, True, SANDBOX_USERNAME, SANDBOX_PASSWORD),
        (GIVEN, True, SANDBOX_USERNAME, SANDBOX_PASSWORD),
        ({}, False, SANDBOX_USERNAME, SANDBOX_PASSWORD),
        (GIVEN, False, "someone", "something"),
    ],
)
def test_the_sandbox_needs_no_credentials(
    environment: dict[str, str], sandbox: bool, user: str, password: str
) -> None:
    (ask,) = settings.asks([SANDBOX], None, environment, sandbox)
    assert (ask.credentials.username, ask.credentials.password) == (user, password)
    assert user not in repr(ask.credentials)
    assert password not in repr(ask.credentials)


def test_a_sandbox_beside_a_real_portal_does_not_lend_its_credentials() -> None:
    with pytest.raises(ConfigError, match="PORTAL_USERNAME, PORTAL_PASSWORD"):
        settings.asks([SANDBOX, REAL], None, {}, sandbox=False)


@pytest.mark.parametrize(("rate", "rates"), [(None, [8, 0]), (3, [3, 3]), (0, [0, 0])])
def test_only_the_sandbox_has_no_rate_unless_one_is_given(
    rate: int | None, rates: list[int]
) -> None:
    found = settings.asks([REAL, SANDBOX], rate, GIVEN, sandbox=False)
    assert [ask.rate for ask in found] == rates


@pytest.mark.parametrize(
    "text",
    [
        "j1\n\n  j2\r\nj1\n",
        "\ufeffj1\nj2",
        json.dumps(["j1", "j2"]),
        '  ["j1",\n"j2"]\n',
    ],
)
def test_jobs_are_read_one_a_line_or_as_a_list(tmp_path: Path, text: str) -> None:
    source = tmp_path / "jobs"
    source.write_bytes(text.encode())
    assert settings.read_jobs((), str(source)) == {"j1", "j2"}
    assert settings.read_jobs(("j3",), str(source)) == {"j1", "j2", "j3"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\n \n", "names no job"),
        (b"[]", "names no job"),
        (b'["j1"', "no JSON list"),
        (b"[1]", "no JSON list of texts"),
        (b'[""]', "is empty"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_jobs_that_cannot_be_read_are_an_error(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    source = tmp_path / "jobs"
    source.write_bytes(content)
    with pytest.raises(ConfigError, match=reason):
        settings.read_jobs((), str(source))


def test_a_file_of_jobs_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none: No such file"):
        settings.read_jobs((), str(tmp_path / "none"))


def test_no_jobs_are_no_restriction_and_an_empty_one_is_an_error() -> None:
    assert settings.read_jobs((), None) == frozenset()
    with pytest.raises(ConfigError, match="is empty"):
        settings.read_jobs((" ",), None)
