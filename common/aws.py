"""Clients of AWS. boto3 finds region, endpoint and credentials as usual."""

import os
from datetime import datetime
from functools import cache
from threading import Lock
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.utils import parse_timestamp

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
    core: Any = botocore.session.get_session()
    parsers = core.get_component("response_parser_factory")
    parsers.set_parser_defaults(timestamp_parser=_read_time)
    return boto3.Session(botocore_session=core)


def _read_time(value: Any) -> datetime:  # noqa: ANN401  (text or a number)
    """Return a time of an answer; botocore's parser takes most of a long listing."""
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        time: datetime = parse_timestamp(value)
        return time
