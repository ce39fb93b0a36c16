"""Two colours in moto's AWS, and what plays a candidate's container."""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from common.logs import TRACE
from publish.attaching import attach
from publish.settings import export_root
from tests.extract.moto_aws import Aws
from tests.publish.people import Person, build_people

LIVE_ROLE = "arn:aws:iam::123456789012:role/live"
PLAN_ROLE = "arn:aws:iam::123456789012:role/plan"
OLD, NEW = "registry/sms:old", "registry/sms@sha256:" + "1" * 64


@dataclass
class Account:
    """An account with a schedule, `name`, whose live colour is blue.

    `people` are those that a candidate's night exports; None: it leaves no run.
    """

    aws: Aws
    name: str
    root: str
    people: Sequence[Person] | None = ()
    commands: list[list[str]] = field(default_factory=list)
    seconds: int = 0

    def __post_init__(self) -> None:
        self.ecs = self.aws.client("ecs")
        self.scheduler = self.aws.client("scheduler")
        self._hold_tasks()
        self.cluster = self.ecs.create_cluster(clusterName=self.name)["cluster"]
        live = self.register("blue", LIVE_ROLE)
        self.register("green", PLAN_ROLE)
        ec2 = self.aws.client("ec2")
        network = {
            "Subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
            "SecurityGroups": [
                ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
            ],
            "AssignPublicIp": "ENABLED",
        }
        self.scheduler.create_schedule(
            Name=self.name,
            State="ENABLED",
            ScheduleExpression="cron(17 1 * * ? *)",
            ScheduleExpressionTimezone="UTC",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={
                "Arn": self.cluster["clusterArn"],
                "RoleArn": "arn:aws:iam::123456789012:role/schedule",
                "Input": '{"containerOverrides": []}',
                "EcsParameters": {
                    "TaskDefinitionArn": live,
                    "LaunchType": "FARGATE",
                    "PlatformVersion": "1.4.0",
                    "NetworkConfiguration": {"awsvpcConfiguration": network},
                },
            },
        )

    def _hold_tasks(self) -> None:
        """Have moto's tasks run until they are stopped."""
        asked = {
            "model_name": "ecs::task",
            "transition": {"progression": "manual", "times": 10_000},
        }
        request = urllib.request.Request(
            f"{self.aws.url}/moto-api/state-manager/set-transition",
            data=json.dumps(asked).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request).close()

    def register(self, colour: str, role: str) -> str:
        """Register a colour's first revision; return its ARN."""
        found = self.ecs.register_task_definition(
            family=f"{self.name}-{colour}",
            taskRoleArn=role,
            executionRoleArn="arn:aws:iam::123456789012:role/start",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="1024",
            memory="4096",
            volumes=[{"name": "data"}],
            containerDefinitions=[
                {
                    "name": "night",
                    "image": OLD,
                    "memory": 512,  # moto needs it.
                    "command": ["nightly", "plan"],
                    "readonlyRootFilesystem": True,
                    "environment": [{"name": "EXPORT_ROOT", "value": self.root}],
                }
            ],
        )
        return str(found["taskDefinition"]["taskDefinitionArn"])

    def newest(self, colour: str) -> tuple[str, str, int]:
        """Return role, image and revision of a colour's newest revision."""
        return self._described(f"{self.name}-{colour}")

    def live(self) -> tuple[str, str, str]:
        """Return colour, role and image that the schedule starts."""
        arn = self.schedule()["Target"]["EcsParameters"]["TaskDefinitionArn"]
        role, image, _ = self._described(arn)
        return arn.rpartition("-")[2].partition(":")[0], role, image

    def _described(self, name: str) -> tuple[str, str, int]:
        found = self.ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
        container = found["containerDefinitions"][0]
        return found["taskRoleArn"], container["image"], found["revision"]

    def schedule(self) -> dict[str, Any]:
        """Return the schedule."""
        found: dict[str, Any] = self.scheduler.get_schedule(Name=self.name)
        return {
            name: value
            for name, value in found.items()
            if name not in ("ResponseMetadata", "LastModificationDate")
        }

    def play(self, _: float) -> None:
        """Do what the container of each running task does, then stop it."""
        running = self.ecs.list_tasks(cluster=self.name, desiredStatus="RUNNING")
        for arn in running["taskArns"]:
            found = self.ecs.describe_tasks(cluster=self.name, tasks=[arn])["tasks"][0]
            (override,) = found["overrides"]["containerOverrides"]
            self.commands.append(override["command"])
            environment = {one["name"]: one["value"] for one in override["environment"]}
            if self.people is not None:
                self.night(environment, self.people)
            self.ecs.stop_task(cluster=self.name, task=arn)

    def night(self, environment: Mapping[str, str], people: Sequence[Person]) -> str:
        """Leave what a plan leaves; return its run."""
        self.seconds += 1
        at = datetime.now(UTC) + timedelta(seconds=self.seconds)
        run_id = f"{at:%Y%m%dT%H%M%S%fZ}-0123abcd"
        build_people(run_id, people, promote=False)
        said = {"trace_id": environment[TRACE], "steps": [{"exit_code": 0}]}
        attach(export_root(), run_id, "night.json", json.dumps(said).encode())
        return run_id
