"""What a load asks of which portal, by options, environment and seeds."""

import json
from pathlib import Path

import pytest

from common.errors import ConfigError
from extract import settings
from extract.client import Credentials
from extract.portals import Portal
from extract.sandbox import SANDBOX_PASSWORD, SANDBOX_USERNAME
from tests.extract.loading import portal_at

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


HOW = "set them in the environment, or PORTAL_SECRET, which says where AWS keeps them$"


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, f"missing settings: PORTAL_USERNAME, PORTAL_PASSWORD: {HOW}"),
        ({"PORTAL_USERNAME": "", "PORTAL_PASSWORD": "x"}, f": PORTAL_USERNAME: {HOW}"),
        ({"PORTAL_USERNAME": "x"}, f"missing settings: PORTAL_PASSWORD: {HOW}"),
        (
            {"PORTAL_USERNAME": "a:b", "PORTAL_PASSWORD": "x"},
            "PORTAL_USERNAME: .*colon",
        ),
        (
            {"PORTAL_PASSWORD": "x", "PORTAL_SECRET": "ssm:x"},
            "PORTAL_PASSWORD and PORTAL_SECRET are set: unset PORTAL_SECRET or",
        ),
    ],
)
def test_one_error_says_what_is_wrong_with_the_settings(
    given: dict[str, str], missing: str
) -> None:
    with pytest.raises(ConfigError, match=missing):
        settings.read_access([REAL, OTHER], given, sandbox=False)


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
    access = settings.read_access([SANDBOX], environment, sandbox)
    assert access.credentials.username == user
    assert access.credentials.password == password
    assert user not in repr(access)
    assert password not in repr(access)


def test_a_sandbox_beside_a_real_portal_does_not_lend_its_credentials() -> None:
    with pytest.raises(ConfigError, match="PORTAL_USERNAME, PORTAL_PASSWORD"):
        settings.read_access([SANDBOX, REAL], {}, sandbox=False)


@pytest.mark.parametrize(
    ("rate", "of_secret", "rates"),
    [
        (None, None, [8, 0]),
        (3, None, [3, 3]),
        (0, None, [0, 0]),
        (None, 5, [5, 5]),
        (3, 5, [3, 3]),
        (0, 5, [0, 0]),
    ],
)
def test_a_rate_comes_from_the_option_the_secret_or_the_default(
    rate: int | None, of_secret: int | None, rates: list[int]
) -> None:
    access = settings.Access(Credentials("someone", "something"), of_secret)
    found = settings.asks([REAL, SANDBOX], rate, access)
    assert [ask.rate for ask in found] == rates
    assert {ask.credentials for ask in found} == {access.credentials}


@pytest.mark.parametrize(
    ("timeout", "one", "details"), [(None, 30, 120), (5, 5, 120), (300, 300, 300)]
)
def test_a_time_out_of_the_secret_holds_for_every_request(
    timeout: float | None, one: float, details: float
) -> None:
    access = settings.Access(Credentials("someone", "something"), None, timeout)
    patience = settings.patience(access)
    assert (patience.request_deadline, patience.details_deadline) == (one, details)


@pytest.mark.parametrize(
    "text",
    [
        "j1\n\n  j2\r\nj1\n",
        "\ufeffj1\nj2",
        json.dumps(["j1", "j2"]),
        '  ["j1",\n"j2"]\n',
    ],
)
def test_jobs_are_read_from_lines_or_a_list(tmp_path: Path, text: str) -> None:
    source = tmp_path / "jobs"
    source.write_bytes(text.encode())
    assert settings.read_jobs((), str(source)) == {"j1", "j2"}
    assert settings.read_jobs(("j3",), str(source)) == {"j1", "j2", "j3"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\n \n", "names no job"),
        (b"[]", "names no job"),
        (b'["j1"', "is not a JSON list"),
        (b"[1]", "is not a JSON list of texts"),
        (b'[""]', "is empty"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_unreadable_jobs_are_an_error(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    source = tmp_path / "jobs"
    source.write_bytes(content)
    with pytest.raises(ConfigError, match=reason):
        settings.read_jobs((), str(source))


def test_a_missing_file_of_jobs_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none: No such file"):
        settings.read_jobs((), str(tmp_path / "none"))


def test_without_jobs_there_is_no_restriction_and_an_empty_one_is_an_error() -> None:
    assert settings.read_jobs((), None) == frozenset()
    with pytest.raises(ConfigError, match="is empty"):
        settings.read_jobs((" ",), None)
