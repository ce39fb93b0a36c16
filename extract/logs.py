"""Log lines on standard output: ids, counts and timings, one trace id for each run."""

import json
import logging
import os
import sys
import uuid
from typing import Literal

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from common.logs import TRACE, quieten_libraries

type LogFormat = Literal["json", "text"]


def open_log(
    log_format: LogFormat, least: int = logging.INFO, trace_id: str = ""
) -> FilteringBoundLogger:
    """Open the log of one run; it never logs a traceback."""
    quieten_libraries()
    render = (
        render_text if log_format == "text" else structlog.processors.JSONRenderer()
    )
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stdout),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        trace_id=trace_id or os.environ.get(TRACE) or uuid.uuid4().hex,
    )
    return log


def render_text(_: WrappedLogger, __: str, event: EventDict) -> str:
    """Return an event as one line for people, whatever its values hold."""
    time, level = event.pop("timestamp"), event.pop("level")
    name, _trace = event.pop("event"), event.pop("trace_id", None)
    fields = " ".join(f"{field}={_shown(value)}" for field, value in event.items())
    warning = "" if level == "info" else f"{level.upper()} "
    return f"{time[:19]}Z {warning}{name} {fields}".rstrip()


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_shown(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if isinstance(value, str) and value.isprintable():
        return value
    return json.dumps(value)
