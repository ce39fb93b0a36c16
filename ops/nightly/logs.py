"""The log of a night: lines for people, or JSON for CloudWatch, with one trace id.

`night_done` ends a good night. CloudWatch makes metrics of lines with `_aws`, its
embedded metric format. Lines hold ids and counts, never personal data.
"""

import json
import logging
import os
import sys
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import click
from structlog.typing import FilteringBoundLogger

from common.environment import environment_name
from common.logs import TRACE
from extract.logs import open_log
from ops.nightly.summary import Night
from publish.manifest import Counts

NAMESPACE = "sms-campaigns"
LEVELS = {"warn": logging.WARNING, "error": logging.ERROR}


def trace_id() -> str:
    """Return the trace id that the starter of this night chose, or a new one."""
    return os.environ.get(TRACE) or uuid.uuid4().hex


def pass_on(log: FilteringBoundLogger, line: str) -> str:
    """Log a line of a command; return it if it is text, '' if it is JSON."""
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        text = line.strip()
        if text:
            log.info("output", text=text)
        return text
    if isinstance(said.get("info"), dict):
        _log_dbt(log, said["info"])
    else:
        # `sms extract load` logs in this format, with the same trace id.
        click.echo(line, nl=False)
    return ""


def _log_dbt(log: FilteringBoundLogger, info: Mapping[str, Any]) -> None:
    """Log an event of dbt: its name and its message, without its data."""
    text = str(info.get("msg", "")).strip()
    if text:
        level = LEVELS.get(str(info.get("level")), logging.INFO)
        log.log(level, "dbt", name=info.get("name"), text=text)


def log_done(night: Night) -> None:
    """Log that a night has ended well, with its counts.

    A terminal gets no JSON unless the whole log is JSON.
    """
    if night.log_format == "text" and sys.stdout.isatty():
        return
    log = open_log("json", trace_id=night.trace_id)
    counts = night.manifest.counts if night.manifest else ()
    environment = environment_name()
    for one in counts if night.log_format == "json" else ():
        numbers = _totals([one])
        where = {
            "environment": environment,
            "portal": one.portal,
            "audience": one.audience,
        }
        log.info("audience", **_metrics(numbers, where), reasons=one.excluded)
    totals = {**_totals(counts), "requests": int(night.load.get("requests") or 0)}
    if night.difference:
        total = night.difference["total"]
        totals |= {name: total[name] for name in ("came", "went", "changed")}
    log.info(
        "night_done",
        run_id=night.run_id,
        load_id=night.load.get("load_id"),
        is_promoted=night.is_promoted,
        obstacle=None if night.is_promoted else night.obstacle,
        counts=totals,
        **_metrics(
            {**totals, "seconds": round(sum(step.seconds for step in night.steps))},
            {"environment": environment, "mode": night.mode},
        ),
    )


def _totals(counts: Iterable[Counts]) -> dict[str, int]:
    counts = list(counts)
    candidates = sum(one.candidates for one in counts)
    exported = sum(one.exported for one in counts)
    return {
        "candidates": candidates,
        "exported": exported,
        "excluded": candidates - exported,
    }


def _metrics(
    numbers: Mapping[str, int], dimensions: Mapping[str, str]
) -> dict[str, object]:
    """Return numbers as CloudWatch's embedded metric format has them."""
    metrics = [
        {"Name": name, "Unit": "Seconds" if name == "seconds" else "Count"}
        for name in numbers
    ]
    definition = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(dimensions)],
        "Metrics": metrics,
    }
    about = {
        "Timestamp": round(time.time() * 1000),
        "CloudWatchMetrics": [definition],
    }
    return {"_aws": about, **dimensions, **numbers}
