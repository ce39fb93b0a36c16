"""Credentials that AWS keeps, and settings in a file."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from string import Template
from threading import Event
from time import sleep
from typing import Any

import pytest
from aiohttp import encode_basic_auth, web
from botocore.config import Config
from moto.iam.access_control import IAMPolicy, PermissionResult

from common.errors import ConfigError
from extract import secrets
from extract.client import Credentials
from extract.envfile import read_env_file
from extract.secrets import Renewal, Secret, read_secret
from tests.e2e.project import SOURCE
from tests.extract.fake_portal import say, serve, serve_bytes
from tests.extract.loading import (
    PASSWORD,
    PERSONAL,
    SECRETS,
    SMS,
    USERNAME,
    environment,
    events,
    extract,
    project,
    start,
    studio,
)
from tests.extract.moto_aws import NO_AWS, Aws, serve_aws

GOOD = {"username": USERNAME, "password": PASSWORD}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """Yield the server of all these tests."""
    with serve_aws(tmp_path_factory.mktemp("moto")) as running:
        yield running


@pytest.fixture
def environ(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Point this process to the server."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


# What is kept


@pytest.mark.usefixtures("environ")
@pytest.mark.parametrize(
    ("more", "rate", "timeout"),
    [
        ({}, None, None),
        ({"rate_limit_per_sec": 5, "timeout_s": 12.5}, 5, 12.5),
        ({"rate_limit_per_sec": "2.9", "timeout_s": "20", "engine": "x"}, 2, 20),
        ({"rate_limit_per_sec": None, "timeout_s": None}, None, None),
    ],
)
def test_a_secret_is_read_from_either_service(
    aws: Aws, more: dict[str, Any], rate: int | None, timeout: float | None
) -> None:
    text = json.dumps(GOOD | more)
    expected = Secret(USERNAME, PASSWORD, rate, timeout)
    assert read_secret(aws.keep("portals/all", text)) == expected
    assert read_secret(aws.keep_parameter("/portals/all", text)) == expected
    assert USERNAME not in repr(expected) and PASSWORD not in repr(expected)


@pytest.mark.usefixtures("environ")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PASSWORD, "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        (json.dumps([PASSWORD]), "is not a JSON object"),
        (json.dumps({"password": PASSWORD}), "needs a text at username"),
        (json.dumps({"username": USERNAME}), "needs a text at password"),
        (json.dumps(GOOD | {"password": 7}), "needs a text at password"),
        (json.dumps(GOOD | {"password": ""}), "needs a text at password"),
        *(
            (json.dumps(GOOD | {"rate_limit_per_sec": rate}), "at rate_limit_per_sec")
            for rate in (0.5, True, "fast")
        ),
        (json.dumps(GOOD | {"timeout_s": -1}), "from 0.1 to 3600 at timeout_s"),
    ],
)
def test_a_malformed_secret_is_one_line(aws: Aws, text: str, reason: str) -> None:
    place = aws.keep("malformed", text)
    with pytest.raises(ConfigError) as raised:
        read_secret(place)
    message = str(raised.value)
    assert message.startswith("PORTAL_SECRET secretsmanager:malformed: ")
    assert reason in message and "\n" not in message
    assert PASSWORD not in message
    assert raised.value.__cause__ is None and raised.value.__suppress_context__


@pytest.mark.parametrize(
    "place", ["", "portals", "s3:x", "ssm:", f'{{"password":"{PASSWORD}"}}', "ssm:a b"]
)
def test_a_malformed_place_is_not_repeated(place: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_secret(place)
    assert str(raised.value) == "PORTAL_SECRET must be secretsmanager:ID or ssm:NAME"


# What AWS says


@pytest.mark.parametrize("place", ["secretsmanager:none", "ssm:/none"])
@pytest.mark.usefixtures("environ")
def test_a_missing_secret_is_one_line(place: str) -> None:
    with pytest.raises(ConfigError, match=f"{place}: there is no .* in us-east-1$"):
        read_secret(place)


NOBODY: dict[str, str | None] = {
    "AWS_ACCESS_KEY_ID": None,
    "AWS_SECRET_ACCESS_KEY": None,
}
BAD_ENVIRONMENTS: dict[str, tuple[dict[str, str | None], str]] = {
    "no credentials": (NOBODY, "no AWS credentials were found"),
    "half of them": ({"AWS_SECRET_ACCESS_KEY": None}, "no AWS credentials were found"),
    "no region": ({"AWS_DEFAULT_REGION": None}, "no AWS region: set AWS_DEFAULT"),
    "no profile": ({"AWS_PROFILE": "none"}, "there is no such AWS profile"),
    "nobody there": (
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
        "AWS could not be reached (EndpointConnectionError)",
    ),
    "no address": ({"AWS_ENDPOINT_URL": "here"}, "AWS could not be asked (ValueError)"),
}


@pytest.mark.parametrize(
    ("changes", "reason"), BAD_ENVIRONMENTS.values(), ids=BAD_ENVIRONMENTS
)
def test_a_wrong_environment_is_one_line(
    environ: pytest.MonkeyPatch, changes: dict[str, str | None], reason: str
) -> None:
    for name, value in changes.items():
        if value is None:
            environ.delenv(name)
        else:
            environ.setenv(name, value)
    with pytest.raises(ConfigError) as raised:
        read_secret("secretsmanager:portals")
    assert f"PORTAL_SECRET secretsmanager:portals: {reason}" in str(raised.value)


def test_a_silent_aws_is_given_up(environ: pytest.MonkeyPatch) -> None:
    async def silence(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    bounds = secrets.BOUNDS.merge(Config(connect_timeout=0.2, read_timeout=0.2))
    environ.setattr(secrets, "BOUNDS", bounds)
    with serve_bytes(silence) as server:
        environ.setenv("AWS_ENDPOINT_URL", server.origin)
        with pytest.raises(ConfigError, match=r"reached \(ReadTimeoutError\)$"):
            read_secret("ssm:portals")
    assert len(server.received) == 3


@pytest.fixture
def stranger(aws: Aws) -> Iterator[dict[str, str]]:
    """Yield the keys of an AWS user without rights, while rights are checked."""
    iam = aws.client("iam")
    iam.create_user(UserName="stranger")
    key = iam.create_access_key(UserName="stranger")["AccessKey"]
    aws.check_rights_after(0)
    try:
        yield {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }
    finally:
        aws.check_rights_after(float("inf"))
        iam.delete_access_key(UserName="stranger", AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName="stranger")


@pytest.mark.parametrize("place", ["secretsmanager:x", "ssm:x"])
def test_missing_rights_are_named(
    environ: pytest.MonkeyPatch, stranger: dict[str, str], place: str
) -> None:
    for name, value in stranger.items():
        environ.setenv(name, value)
    with pytest.raises(ConfigError, match=r"AWS denies access: allow the role .*:Get"):
        read_secret(place)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "AccessDeniedException",
            "AWS denies access: allow the role ssm:GetParameter",
        ),
        ("ExpiredTokenException", "AWS refused its own credentials (ExpiredToken"),
        ("UnrecognizedClientException", "AWS refused its own credentials (Unrecogn"),
        ("InternalServerError", "AWS answered InternalServerError"),
    ],
)
def test_each_answer_of_aws_has_its_message(
    environ: pytest.MonkeyPatch, code: str, reason: str
) -> None:
    said = json.dumps({"__type": code, "message": PASSWORD}).encode()
    head = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n" % len(said)
    with serve_bytes(say(head + said)) as server:
        environ.setenv("AWS_ENDPOINT_URL", server.origin)
        with pytest.raises(ConfigError) as raised:
            read_secret("ssm:x")
    assert f"PORTAL_SECRET ssm:x: {reason}" in str(raised.value)
    assert PASSWORD not in str(raised.value)
    assert len(server.received) == 1


# The policies of deploy/iam

PARAMETER = "arn:aws:ssm:eu-central-1:123456789012:parameter/portals"
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:portals-a1B2c3"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
CONTEXT = "kms:EncryptionContext:PARAMETER_ARN"


def policy(name: str, secret: str, parameter: str, key: str) -> str:
    """Return a policy of deploy/iam for these resources."""
    text = (SOURCE / "deploy" / "iam" / f"{name}.json").read_text()
    return Template(text).safe_substitute(
        secret_arn=secret, parameter_arn=parameter, key_arn=key
    )


@pytest.fixture
def holder(aws: Aws, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The keys of a user of AWS who has one policy; moto knows no resources."""
    iam = aws.client("iam")
    document = policy(request.param, "*", "*", "*")
    iam.create_user(UserName="holder")
    iam.put_user_policy(UserName="holder", PolicyName="only", PolicyDocument=document)
    key = iam.create_access_key(UserName="holder")["AccessKey"]
    aws.keep("portals/held", json.dumps(GOOD))
    aws.keep_parameter("/portals/held", json.dumps(GOOD))
    aws.check_rights_after(0)
    try:
        yield {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }
    finally:
        aws.check_rights_after(float("inf"))
        iam.delete_access_key(UserName="holder", AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName="holder", PolicyName="only")
        iam.delete_user(UserName="holder")


@pytest.mark.parametrize(
    ("holder", "readable", "denied"),
    [
        ("credentials", "secretsmanager:portals/held", "ssm:/portals/held"),
        ("credentials-ssm", "ssm:/portals/held", "secretsmanager:portals/held"),
    ],
    indirect=["holder"],
)
def test_a_policy_is_enough_to_read_the_credentials_of_its_service(
    environ: pytest.MonkeyPatch, holder: dict[str, str], readable: str, denied: str
) -> None:
    for name, value in holder.items():
        environ.setenv(name, value)
    assert read_secret(readable) == Secret(USERNAME, PASSWORD, None, None)
    with pytest.raises(ConfigError, match="AWS denies access"):
        read_secret(denied)


@pytest.mark.parametrize(
    ("name", "action", "resource", "context", "result"),
    [
        ("credentials", "secretsmanager:GetSecretValue", SECRET, {}, "PERMITTED"),
        ("credentials", "secretsmanager:GetSecretValue", f"{SECRET}2", {}, "NEUTRAL"),
        ("credentials", "secretsmanager:PutSecretValue", SECRET, {}, "NEUTRAL"),
        ("credentials-ssm", "ssm:GetParameter", PARAMETER, {}, "PERMITTED"),
        ("credentials-ssm", "ssm:GetParameter", f"{PARAMETER}/2", {}, "NEUTRAL"),
        ("credentials-ssm", "ssm:GetParametersByPath", PARAMETER, {}, "NEUTRAL"),
        ("credentials-ssm", "ssm:PutParameter", PARAMETER, {}, "NEUTRAL"),
        ("credentials-ssm", "kms:Decrypt", KEY, {CONTEXT: PARAMETER}, "PERMITTED"),
        ("credentials-ssm", "kms:Decrypt", KEY, {CONTEXT: f"{PARAMETER}/2"}, "DENIED"),
        ("credentials-ssm", "kms:Decrypt", f"{KEY}2", {CONTEXT: PARAMETER}, "NEUTRAL"),
        ("credentials-ssm", "kms:Encrypt", KEY, {CONTEXT: PARAMETER}, "NEUTRAL"),
    ],
)
def test_a_policy_is_for_one_secret_and_what_encrypts_it(
    name: str, action: str, resource: str, context: dict[str, str], result: str
) -> None:
    document = IAMPolicy(policy(name, SECRET, PARAMETER, KEY))
    decided = document.is_action_permitted(
        action, resource, incoming_condition_values=context
    )
    assert decided is PermissionResult[result]


# Loads


def guarded(changed: Event | None = None) -> dict[str, Any]:
    """Return the routes of a portal that asks for a user name and a password.

    It answers once `changed` is set, if that is given.
    """
    known = encode_basic_auth(USERNAME, PASSWORD)

    def behind(body: Any) -> Any:
        async def answer(request: web.BaseRequest) -> web.Response:
            if changed:
                await asyncio.to_thread(changed.wait)
            if request.headers.get("Authorization") == known:
                return web.json_response(body)
            return web.Response(status=401)

        return answer

    return {path: behind(body) for path, body in studio().items()}


def test_a_load_does_not_show_credentials_of_aws(aws: Aws, tmp_path: Path) -> None:
    place = aws.keep("load", json.dumps(GOOD | {"timeout_s": 20}))
    env = environment(**aws.environment, PORTAL_SECRET=place, PYTHONDEVMODE="1")
    with serve(guarded(), latency=0.2) as portal:
        folder = project(tmp_path, portal)
        process = start(folder, "load", env=env)
        while not portal.seen:
            assert process.poll() is None
        shown = [
            Path(f"/proc/{process.pid}/{name}").read_bytes()
            for name in ("cmdline", "environ")
        ]
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert events(out)[-1]["rows"]["access_keys"] == 3
    kept = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    for said in (out.encode(), err.encode(), *shown, *kept):
        assert not [one for one in (USERNAME, *SECRETS) if one.encode() in said]
    assert not [word for word in PERSONAL if word in out + err]


def test_the_rate_of_a_secret_is_used(aws: Aws, tmp_path: Path) -> None:
    place = aws.keep("rate", json.dumps(GOOD | {"rate_limit_per_sec": 4}))
    env = environment(**aws.environment, PORTAL_SECRET=place)
    with serve(guarded()) as portal:
        folder = project(tmp_path, portal)
        subprocess.run(
            [SMS, "extract", "load"],
            cwd=folder,
            env=env,
            check=True,
            capture_output=True,
        )
    at = [one.at for one in portal.seen]
    assert len(at) == 9
    # The fifth comes a second after the first, and the ninth after the fifth.
    assert at[4] - at[0] >= 1 and at[8] - at[4] >= 1


@pytest.mark.parametrize("changed", [True, False])
def test_refused_credentials_are_read_again_once(
    aws: Aws, tmp_path: Path, changed: bool
) -> None:
    place = aws.keep("rotated", json.dumps(GOOD | {"password": "old"}))
    env = environment(**aws.environment, PORTAL_SECRET=place)
    done = Event()
    with serve(guarded(done)) as one, serve(guarded(done)) as two:
        folder = project(tmp_path, one, two)
        process = start(folder, "load", env=env)
        while not (one.seen and two.seen):
            assert process.poll() is None
            sleep(0.01)
        if changed:
            aws.keep("rotated", json.dumps(GOOD))
        done.set()
        out, err = process.communicate(timeout=60)
    asked = len(one.seen) + len(two.seen)
    if changed:
        assert process.returncode == 0, err
        assert asked == 2 * (9 + 1)
        assert out.count('"credentials_renewed"') == 2
    else:
        assert process.returncode == 20
        assert "GET /activities/search" in err
        assert err.endswith("the credentials were refused (401)\n")
        assert asked == 2


def test_credentials_that_disappear_from_aws_end_the_load(
    aws: Aws, tmp_path: Path
) -> None:
    place = aws.keep("deleted", json.dumps(GOOD | {"password": "old"}))
    env = environment(**aws.environment, PORTAL_SECRET=place)
    done = Event()
    with serve(guarded(done)) as portal:
        process = start(project(tmp_path, portal), "load", env=env)
        while not portal.seen:
            assert process.poll() is None
            sleep(0.01)
        aws.client("secretsmanager").delete_secret(
            SecretId="deleted", ForceDeleteWithoutRecovery=True
        )
        done.set()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 20
    assert "portal studio0, GET /activities/search" in err
    assert (
        "refused and could not be read again: PORTAL_SECRET secretsmanager:deleted"
        in err
    )


@pytest.mark.usefixtures("environ")
def test_credentials_are_read_again_once_for_all_portals(aws: Aws) -> None:
    renewal = Renewal(aws.keep("shared", json.dumps(GOOD)))
    old = Credentials(USERNAME, "old", renewal)

    async def ask() -> list[Credentials | None]:
        first = await asyncio.gather(*(renewal(old) for _ in range(20)))
        aws.keep("shared", json.dumps(GOOD | {"password": "newer"}))
        newest = first[0]
        assert newest
        return [*first, await renewal(newest), await renewal(replace(old))]

    *found, again, late = asyncio.run(ask())
    assert [one.password for one in found if one] == [PASSWORD] * 20
    assert again is None
    assert late == found[0]


def test_without_credentials_of_aws_a_command_ends_with_one_line(
    aws: Aws, tmp_path: Path
) -> None:
    env = environment(**NO_AWS, AWS_DEFAULT_REGION="us-east-1", PORTAL_SECRET="ssm:x")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        env.pop(name, None)
    with serve({}) as portal:
        result = extract(project(tmp_path, portal), "load", env=env)
    assert result.returncode == 2
    assert result.stderr.startswith("sms: PORTAL_SECRET ssm:x: no AWS credentials")
    assert result.stderr.count("\n") == 1
    assert (result.stdout, portal.seen) == ("", [])


# Files of settings


def test_a_file_of_settings_is_read_only_if_named(tmp_path: Path) -> None:
    with serve(guarded()) as portal:
        folder = project(tmp_path, portal)
        (folder / ".env").write_text(
            f"PORTAL_USERNAME={USERNAME}\nPORTAL_PASSWORD={PASSWORD}\n"
            "LANDING_DIR=there\n"
        )
        env = environment()
        ignored = extract(folder, "load", env=env)
        assert (ignored.returncode, portal.seen) == (2, [])
        asked = extract(folder, "load", "--env-file", ".env", env=env)
        assert (asked.returncode, asked.stderr) == (0, "")
        assert (folder / "there" / "current").is_dir()
        own = extract(
            *(folder, "check", "--env-file", ".env"),
            env=environment(PORTAL_PASSWORD="other"),
        )
        assert own.returncode == 20
        assert "the credentials were refused (401)" in own.stdout


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("A=b", {"A": "b"}),
        ("\ufeff# A=x\n\n  export A_1 = b=c \r\n", {"A_1": "b=c"}),
        ("A=p#a$s'\\w\"", {"A": "p#a$s'\\w\""}),
        ("A='b c'\nB=\"d'\"\nC=", {"A": "b c", "B": "d'", "C": ""}),
        ("", {}),
    ],
)
def test_settings_are_taken_literally(
    tmp_path: Path, text: str, settings: dict[str, str]
) -> None:
    file = tmp_path / "file"
    file.write_text(text, encoding="utf-8")
    assert read_env_file(file) == settings


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"A=b\n\nsecret", "line 3: NAME=value is expected$"),
        (b"1A=secret", "line 1: NAME=value is expected$"),
        (b"A=b secret", "line 1: the value of A has a space: put it in quotes$"),
        (b"A='secret", "line 1: the quote of A does not end$"),
        (b"A='", "line 1: the quote of A does not end$"),
        (b"A=\xff", "is not UTF-8$"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=reason) as raised:
        read_env_file(file)
    assert "secret" not in str(raised.value).replace(str(tmp_path), "")


def test_a_missing_file_of_settings_is_named(tmp_path: Path) -> None:
    result = extract(tmp_path, "check", "--env-file", "none", env=environment())
    assert result.returncode == 2
    assert result.stderr == "sms: none: No such file or directory\n"
