"""Every setting of the environment: its value, where it comes from, what is wrong."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from common.environment import environment_name
from common.errors import ConfigError
from ops.nightly.variables import SETTING as VARIABLES
from ops.nightly.variables import parse_variables, read_variables

PROJECT = "dbt_project.yml"
HIDDEN = "(hidden)"
NOTHING = "-"
# The environment's variables and their defaults, in the order of docs/settings.md.
DEFAULTS = {
    "DBT_TARGET": "dev",
    "DBT_THREADS": "2",
    "PORTAL_USERNAME": "",
    "PORTAL_PASSWORD": "",
    "PORTAL_SECRET": "",
    "LANDING_DIR": "landing",
    "LANDING_STORE": "",
    "DUCKDB_PATH": "sms_campaigns.duckdb",
    "DUCKDB_MEMORY_LIMIT": "",
    "EXPORT_ROOT": "exports",
    "EXPORT_SSE": "",
    "EXPORT_KMS_KEY_ID": "",
    "SUPPRESSIONS_CSV": "",
    "NIGHTLY_VARS": "",
    "NIGHTLY_LOG_FORMAT": "text",
    "DEPLOY_SCHEDULE": "",
    "XDG_STATE_HOME": "",
    "AWS_PROFILE": "",
    "AWS_DEFAULT_REGION": "",
    "AWS_ENDPOINT_URL": "",
    "AWS_ACCESS_KEY_ID": "",
    "AWS_SECRET_ACCESS_KEY": "",
    "AWS_SESSION_TOKEN": "",
}
SECRETS = {
    "PORTAL_USERNAME",
    "PORTAL_PASSWORD",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
}


@dataclass(frozen=True)
class Setting:
    """A setting as it is shown; `source` says where its value comes from."""

    name: str
    value: str
    source: str


def settings() -> list[Setting]:
    """Return the settings of the environment; secrets are hidden."""
    return [_setting(name, default) for name, default in DEFAULTS.items()]


def _setting(name: str, default: str) -> Setting:
    value = os.environ.get(name, "").strip()
    if not value:
        return Setting(name, default or NOTHING, "default" if default else "not set")
    return Setting(name, _shown(name, value), "environment")


def _shown(name: str, value: str) -> str:
    if name in SECRETS:
        return HIDDEN
    if name == VARIABLES:
        return "see below" if ":" in value else value
    if name == "PORTAL_SECRET":
        # It could be the secret itself, in the wrong place.
        return value if value.startswith(("ssm:", "secretsmanager:")) else HIDDEN
    if "@" in value and "://" in value:
        return urlsplit(value)._replace(netloc=HIDDEN).geturl()
    return value


def variables() -> list[Setting]:
    """Return the variables of a build, as a night would set them."""
    try:
        given = parse_variables(os.environ.get(VARIABLES, ""), VARIABLES)
    except ConfigError:
        given = {}
    defaults = _defaults()
    return [
        Setting(
            name,
            _variable(name, given.get(name, default)),
            VARIABLES if name in given else PROJECT,
        )
        for name, default in defaults.items()
    ]


def _defaults() -> dict[str, Any]:
    """Return the variables of dbt_project.yml in this folder, {} if it is not here."""
    import yaml  # noqa: PLC0415

    try:
        project = yaml.safe_load(Path(PROJECT).read_text(encoding="utf-8"))
        return dict(project["vars"])
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return {}


def _variable(name: str, value: object) -> str:
    """Return a variable as text. Jobs and groups are only counted, not named."""
    if isinstance(value, list):
        is_counted = value and name in ("job_uuids", "groups")
        text = f"{len(value)} values" if is_counted else ", ".join(map(str, value))
        return text or "all"
    return str(value).lower() if isinstance(value, bool) else str(value) or NOTHING


def problems() -> list[ConfigError]:
    """Return what is wrong with the settings, as far as no storage has to be asked."""
    return list(_problems())


def _problems() -> Iterator[ConfigError]:
    checks: tuple[Callable[[], object], ...] = (
        environment_name,
        _check_threads,
        _check_credentials,
        _check_store,
        _check_root,
        lambda: read_variables(None),
    )
    for check in checks:
        try:
            check()
        except ConfigError as error:
            yield error


def _check_threads() -> None:
    value = os.environ.get("DBT_THREADS", "").strip() or "1"
    if not (value.isascii() and value.isdigit() and int(value)):
        raise ConfigError("DBT_THREADS must be a whole number from 1")


def _check_credentials() -> None:
    given = [
        name
        for name in ("PORTAL_USERNAME", "PORTAL_PASSWORD", "PORTAL_SECRET")
        if os.environ.get(name)
    ]
    if given not in ([], ["PORTAL_SECRET"], ["PORTAL_USERNAME", "PORTAL_PASSWORD"]):
        raise ConfigError(
            "set either PORTAL_SECRET or both PORTAL_USERNAME and PORTAL_PASSWORD; set "
            f"now: {', '.join(given)}"
        )


def _check_store() -> None:
    if address := os.environ.get("LANDING_STORE"):
        from publish.settings import s3_root_at  # noqa: PLC0415

        s3_root_at(address, "LANDING_STORE")


def _check_root() -> None:
    from publish.production import check_folder  # noqa: PLC0415
    from publish.settings import export_root  # noqa: PLC0415

    check_folder(export_root())
