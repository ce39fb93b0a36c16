"""Comparing: the candidate plans the promoted run's load, and the runs are compared."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic, sleep
from typing import Any

from common.errors import ContractError, StorageError
from common.logs import TRACE
from ops.deploy.aws import Colours, Revision, Tags, aws_errors
from publish.differences import Difference, diff
from publish.layout import NIGHT, run_key
from publish.manifest import Manifest
from publish.promotion import load_promoted
from publish.root import Root

# Tags of a candidate: its task, the trace of its night, the run of that and the
# promoted run that it was compared with, and whether they differ.
TASK = "sms-task"
NIGHT_TRACE = "sms-trace"
RUN = "sms-run"
COMPARED_WITH = "sms-compared-with"
DIFFERS = "sms-differs"
POLL_SECONDS = 5.0
# A candidate's run is among the newest.
MOST_RUNS = 100


@dataclass(frozen=True)
class Comparison:
    """How the run of a candidate differs from the promoted one."""

    run_id: str
    difference: Difference

    @property
    def is_clean(self) -> bool:
        """Whether no row came, went or changed."""
        total = self.difference.total
        return not (total.came or total.went or total.changed)


def promoted_manifest(root: Root) -> Manifest:
    """Return the promoted run; ContractError if nothing is promoted."""
    promoted = load_promoted(root)
    if promoted is None:
        raise ContractError(
            f"no run is promoted under {root.address()}: there is nothing to compare "
            "the candidate with"
        )
    return promoted


def is_compared(candidate: Revision, promoted: Manifest) -> bool:
    """Return whether a task for this comparison was started before."""
    return candidate.tags.get(COMPARED_WITH) == promoted.about.run_id


def compare(
    colours: Colours, root: Root, promoted: Manifest, most: timedelta
) -> Comparison:
    """Have the candidate plan the promoted run's load, and compare the two runs.

    A task that was started for the same comparison is used, so this can be repeated.
    """
    candidate = colours.candidate
    tags = candidate.tags
    if not is_compared(candidate, promoted):
        tags = _start(colours, candidate, promoted)
    run_id = _run_of(root, tags[NIGHT_TRACE])
    if run_id is None:
        try:
            _wait(colours, tags[TASK], most)
        except ContractError:
            # The next comparison starts another task.
            colours.tag(candidate, {COMPARED_WITH: "failed"})
            raise
        run_id = _run_of(root, tags[NIGHT_TRACE])
    if run_id is None:
        colours.tag(candidate, {COMPARED_WITH: "failed"})
        raise StorageError(
            f"{candidate.name}: its night has ended and left no run under "
            f"{root.address()}"
        )
    found = Comparison(run_id, diff(root, promoted.about.run_id, run_id))
    differs = "no" if found.is_clean else "yes"
    colours.tag(candidate, {RUN: run_id, DIFFERS: differs})
    return found


def task(colours: Colours, promoted: Manifest, trace: str) -> dict[str, Any]:
    """Return how the candidate's task is started, as boto3 takes it."""
    candidate, parameters = colours.candidate, colours.parameters
    network = parameters.get("NetworkConfiguration", {}).get("awsvpcConfiguration", {})
    override = {
        "name": candidate.container["name"],
        "command": ["nightly", "plan", "--load", promoted.about.load_id],
        "environment": [{"name": TRACE, "value": trace}],
    }
    asked: dict[str, Any] = {
        "cluster": colours.schedule["Target"]["Arn"],
        "taskDefinition": candidate.arn,
        "startedBy": "sms-deploy-compare",
        "overrides": {"containerOverrides": [override]},
        "launchType": parameters.get("LaunchType"),
        "platformVersion": parameters.get("PlatformVersion"),
        "networkConfiguration": network and {"awsvpcConfiguration": _lower(network)},
    }
    return {name: value for name, value in asked.items() if value}


def _lower(network: Mapping[str, Any]) -> dict[str, Any]:
    """Return a network as ECS spells it: the scheduler begins names with capitals."""
    return {name[0].lower() + name[1:]: value for name, value in network.items()}


def _start(colours: Colours, candidate: Revision, promoted: Manifest) -> Tags:
    trace = uuid.uuid4().hex
    with aws_errors(f"starting {candidate.name}"):
        answer = colours.ecs.run_task(**task(colours, promoted, trace))
    if not answer["tasks"]:
        reasons = {failure.get("reason", "?") for failure in answer["failures"]}
        raise StorageError(
            f"{candidate.name} could not be started: {', '.join(sorted(reasons))}"
        )
    tags = {
        TASK: answer["tasks"][0]["taskArn"],
        NIGHT_TRACE: trace,
        COMPARED_WITH: promoted.about.run_id,
    }
    colours.tag(candidate, tags)
    return tags


def _wait(colours: Colours, task_arn: str, most: timedelta) -> None:
    """Wait until a task has stopped; ContractError unless its exit code is 0."""
    deadline = monotonic() + most.total_seconds()
    cluster = colours.schedule["Target"]["Arn"]
    while True:
        with aws_errors(f"the task {task_arn}"):
            answer = colours.ecs.describe_tasks(cluster=cluster, tasks=[task_arn])
        if not answer["tasks"]:
            raise ContractError(f"the task {task_arn} is gone: compare again")
        found = answer["tasks"][0]
        if found["lastStatus"] == "STOPPED":
            code = found["containers"][0].get("exitCode")
            if code != 0:
                raise ContractError(
                    f"the candidate's night failed (exit code {code}): see the log of "
                    f"the task {task_arn}"
                )
            return
        if monotonic() > deadline:
            raise StorageError(
                f"the task {task_arn} is still running: compare again later"
            )
        sleep(POLL_SECONDS)


def _run_of(root: Root, trace: str) -> str | None:
    """Return the run of the night with this trace that ended well, if there is one."""
    for run_id in root.run_ids()[:MOST_RUNS]:
        content = root.read(run_key(run_id, NIGHT))
        night = json.loads(content) if content else {}
        if night.get("trace_id") == trace:
            is_good = all(step["exit_code"] == 0 for step in night["steps"])
            return run_id if is_good else None
    return None
