"""Clients of AWS. boto3 finds region, endpoint and credentials as usual."""

import os
from functools import cache
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config

# Making a client of a shared session is not thread-safe; using one is.
_making = Lock()


def new_client(service: str, config: Config) -> Any:  # noqa: ANN401  (boto3's)
    """Return a new client. Its session is shared, as each reads a megabyte of rules."""
    settings = tuple(v for v in sorted(os.environ.items()) if v[0].startswith("AWS_"))
    with _making:
        return _session(settings).client(service, config=config)


@cache
def _session(settings: tuple[tuple[str, str], ...]) -> Any:  # noqa: ANN401
    """Return the session while boto3's settings are the same."""
    del settings
    return boto3.Session()
