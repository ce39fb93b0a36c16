"""The environment that DBT_TARGET names, as for dbt: dev, staging or prod."""

import os

from common.errors import ConfigError

SETTING = "DBT_TARGET"
DEV, STAGING, PROD = "dev", "staging", "prod"
ENVIRONMENTS = (DEV, STAGING, PROD)


def environment_name() -> str:
    """Return the environment; raise ConfigError if it is unknown."""
    name = os.environ.get(SETTING, "").strip() or DEV
    if name not in ENVIRONMENTS:
        raise ConfigError(f"{SETTING} must be one of {', '.join(ENVIRONMENTS)}")
    return name
