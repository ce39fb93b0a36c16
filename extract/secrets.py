"""The portals' credentials in AWS Secrets Manager or Parameter Store.

A secret is JSON: `username`, `password`, and optionally `rate_limit_per_sec` and
`timeout_s`. No message ever holds any of it.
"""

import asyncio
import json
import re
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

from botocore import exceptions as aws
from botocore.config import Config

from common.aws import new_client
from common.errors import ConfigError
from common.logs import quieten_libraries

if TYPE_CHECKING:
    from extract.client import Credentials

SETTING = "PORTAL_SECRET"
FORMS = "secretsmanager:ID or ssm:NAME"
PLACE = re.compile(r"(secretsmanager|ssm):([A-Za-z0-9/_+=.@:-]{1,2048})")
BOUNDS = Config(
    connect_timeout=5,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
)
ACTIONS = {"secretsmanager": "secretsmanager:GetSecretValue", "ssm": "ssm:GetParameter"}
NO_SUCH = (
    "ResourceNotFoundException",
    "ParameterNotFound",
    "ParameterVersionNotFound",
)
DENIED = ("AccessDeniedException", "AccessDenied", "403")
REFUSED = (
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
NO_CREDENTIALS = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.CredentialRetrievalError,
    aws.SSOError,
)
UNREACHABLE = (aws.ConnectionError, aws.HTTPClientError)
MOST_SECONDS = 3600


@dataclass(frozen=True)
class Secret:
    """The contents of a secret; `rate` in requests a second, `timeout` in seconds."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    rate: int | None
    timeout: float | None


class _NoSecretError(Exception):
    """Why a secret cannot be read, without any of its text."""


class Renewal:
    """Reads a secret again, once for each run, after a portal refused it."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._newest: Credentials | None = None
        self._lock = asyncio.Lock()

    async def __call__(self, refused: "Credentials") -> "Credentials | None":
        """Return the newest credentials; None if they were refused; ConfigError.

        All portals have the same secret, so it is read for the first that asks.
        """
        # `sms health` reads a secret, and needs nothing else of the extractor.
        from extract.client import Credentials  # noqa: PLC0415

        async with self._lock:
            if self._newest is None:
                found = await asyncio.to_thread(read_secret, self._place)
                self._newest = Credentials(found.username, found.password, self)
        return None if self._newest == refused else self._newest


def read_secret(place: str) -> Secret:
    """Return the secret at `secretsmanager:ID` or `ssm:NAME`; ConfigError."""
    named = PLACE.fullmatch(place)
    if not named:
        # Not shown: it could be the secret itself, in the wrong place.
        raise ConfigError(f"{SETTING} must be {FORMS}")
    quieten_libraries()
    try:
        return _parsed(_kept(*named.groups()))
    except _NoSecretError as error:
        raise ConfigError(f"{SETTING} {place}: {error}") from None


def _kept(service: str, name: str) -> str:
    """Return the text of a secret; _NoSecretError says why it cannot be read."""
    region = None
    try:
        client = new_client(service, BOUNDS)
        region = client.meta.region_name
        if service == "ssm":
            found = client.get_parameter(Name=name, WithDecryption=True)
            return str(found["Parameter"]["Value"])
        found = client.get_secret_value(SecretId=name)
        return str(found.get("SecretString") or found["SecretBinary"].decode())
    except aws.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "an error")
        raise _NoSecretError(_answered(code, service, region)) from None
    except (aws.BotoCoreError, ValueError) as error:
        raise _NoSecretError(_unanswered(error)) from None


def _answered(code: str, service: str, region: str | None) -> str:
    if code in NO_SUCH:
        return f"there is no such secret in {region}"
    if code in DENIED:
        return f"AWS denies access: allow the role {ACTIONS[service]}, and to decrypt"
    if code in REFUSED:
        return f"AWS refused its own credentials ({code})"
    return f"AWS answered {code}"


def _unanswered(error: Exception) -> str:
    if isinstance(error, NO_CREDENTIALS):
        return (
            "no AWS credentials were found: set a role, a profile or AWS_ACCESS_KEY_ID"
        )
    if isinstance(error, aws.ProfileNotFound):
        return "there is no such AWS profile: see AWS_PROFILE"
    if isinstance(error, aws.NoRegionError):
        return "no AWS region: set AWS_DEFAULT_REGION"
    if isinstance(error, UNREACHABLE):
        return f"AWS could not be reached ({type(error).__name__})"
    return f"AWS could not be asked ({type(error).__name__})"


def _parsed(text: str) -> Secret:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise _NoSecretError("is not JSON") from None
    if not isinstance(found, dict):
        raise _NoSecretError("is not a JSON object")
    rate = _number(found, "rate_limit_per_sec", least=1)
    return Secret(
        username=_text(found, "username"),
        password=_text(found, "password"),
        rate=None if rate is None else int(rate),
        timeout=_number(found, "timeout_s", least=0.1),
    )


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise _NoSecretError(f"needs a text at {name}")
    return value


def _number(found: dict[str, Any], name: str, least: float) -> float | None:
    """Return a number, which the AWS console stores as text."""
    value = found.get(name)
    if value is None:
        return None
    try:
        number = float("x" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        number = -1
    if not isfinite(number) or not least <= number <= MOST_SECONDS:
        raise _NoSecretError(f"needs a number from {least} to {MOST_SECONDS} at {name}")
    return number
