"""The state in AWS: the schedule, and the revisions of both colours."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore import exceptions as aws
from botocore.config import Config

from common.aws import new_client
from common.errors import CommandError, ConfigError, ContractError, StorageError
from common.logs import quieten_libraries

BLUE, GREEN = "blue", "green"
OTHER = {BLUE: GREEN, GREEN: BLUE}
BOUNDS = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 3},
)
# What describe_task_definition answers and register_task_definition takes.
COPIED = (
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "containerDefinitions",
    "volumes",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "ephemeralStorage",
    "runtimePlatform",
)
# The same for a schedule.
KEPT = (
    "Name",
    "GroupName",
    "Description",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "FlexibleTimeWindow",
    "StartDate",
    "EndDate",
    "State",
    "KmsKeyArn",
    "ActionAfterCompletion",
)
SETTINGS = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.ProfileNotFound,
    aws.NoRegionError,
)
DENIED = ("AccessDeniedException", "AccessDenied", "UnauthorizedOperation")

type Tags = dict[str, str]


@dataclass(frozen=True)
class Revision:
    """A revision of a colour's task definition, with its tags."""

    definition: Mapping[str, Any]
    tags: Tags

    @property
    def arn(self) -> str:
        """The ARN, which ends with the number of the revision."""
        return str(self.definition["taskDefinitionArn"])

    @property
    def name(self) -> str:
        """The family and the revision, as in `sms-campaigns-prod-blue:7`."""
        return self.arn.rpartition("/")[2]

    @property
    def colour(self) -> str:
        """Blue or green."""
        family = str(self.definition["family"])
        return BLUE if family.endswith(BLUE) else GREEN

    @property
    def role(self) -> str:
        """The ARN of the role of the night."""
        return str(self.definition.get("taskRoleArn", ""))

    @property
    def container(self) -> Mapping[str, Any]:
        """The container of the night, the only one."""
        container: Mapping[str, Any] = self.definition["containerDefinitions"][0]
        return container

    @property
    def image(self) -> str:
        """The image of the night."""
        return str(self.container["image"])

    def setting(self, name: str) -> str:
        """Return an environment variable of the night, '' if it is not set."""
        listed = self.container.get("environment", [])
        return next((one["value"] for one in listed if one["name"] == name), "")


@dataclass(frozen=True)
class Colours:
    """The schedule, its live revision, and the newest revision of each colour."""

    ecs: Any
    scheduler: Any
    schedule: Mapping[str, Any]
    live: Revision
    newest: Mapping[str, Revision]

    @property
    def candidate(self) -> Revision:
        """The newest revision of the colour that is not live."""
        return self.newest[OTHER[self.live.colour]]

    @property
    def plan_role(self) -> str:
        """The role that cannot promote: the one that is not the live revision's."""
        for revision in (self.candidate, self.newest[self.live.colour]):
            if revision.role != self.live.role:
                return revision.role
        raise ContractError(
            f"{self.candidate.name} has the role of the live revision, so a candidate "
            "could promote: update the stack"
        )

    @property
    def parameters(self) -> Mapping[str, Any]:
        """How the schedule starts the task."""
        parameters: Mapping[str, Any] = self.schedule["Target"]["EcsParameters"]
        return parameters

    def register(
        self, model: Revision, *, image: str, role: str, tags: Tags
    ) -> Revision:
        """Register a revision like `model`; return the newest one if it is that."""
        newest = self.newest[model.colour]
        if (newest.image, newest.role, newest.tags) == (image, role, tags):
            return newest
        definition = {n: v for n, v in model.definition.items() if v and n in COPIED}
        first, *others = definition["containerDefinitions"]
        definition["containerDefinitions"] = [{**first, "image": image}, *others]
        definition["taskRoleArn"] = role
        listed = [{"key": key, "value": value} for key, value in tags.items()]
        with aws_errors(f"registering {model.definition['family']}"):
            found = self.ecs.register_task_definition(
                **definition, **({"tags": listed} if listed else {})
            )
        return Revision(found["taskDefinition"], tags)

    def read(self, arn: str) -> Revision:
        """Return a revision by its ARN."""
        return _revision(self.ecs, arn)

    def tag(self, revision: Revision, tags: Tags) -> None:
        """Add tags to a revision."""
        listed = [{"key": key, "value": value} for key, value in tags.items()]
        with aws_errors(f"tagging {revision.name}"):
            self.ecs.tag_resource(resourceArn=revision.arn, tags=listed)

    def point_to(self, revision: Revision) -> None:
        """Have the schedule start a revision. Everything else stays as it is."""
        target = dict(self.schedule["Target"])
        target["EcsParameters"] = {
            **target["EcsParameters"],
            "TaskDefinitionArn": revision.arn,
        }
        kept = {n: v for n, v in self.schedule.items() if v and n in KEPT}
        with aws_errors(f"updating the schedule {self.schedule['Name']}"):
            self.scheduler.update_schedule(**kept, Target=target)


def read_colours(schedule: str) -> Colours:
    """Read the state of a schedule; ConfigError if it does not run a colour."""
    quieten_libraries()
    with aws_errors(f"the schedule {schedule}"):
        ecs, scheduler = (new_client(name, BOUNDS) for name in ("ecs", "scheduler"))
        found = scheduler.get_schedule(Name=schedule)
    arn = str(found["Target"].get("EcsParameters", {}).get("TaskDefinitionArn", ""))
    family, _, number = arn.rpartition("/")[2].partition(":")
    colour = next((name for name in OTHER if family.endswith(name)), None)
    if colour is None or not number:
        raise ConfigError(
            f"the schedule {schedule} must start a revision of a task definition whose "
            "family ends with blue or green"
        )
    other = family.removesuffix(colour) + OTHER[colour]
    return Colours(
        ecs,
        scheduler,
        found,
        _revision(ecs, arn),
        {colour: _revision(ecs, family), OTHER[colour]: _revision(ecs, other)},
    )


def _revision(ecs: Any, name: str) -> Revision:  # noqa: ANN401  (boto3's client)
    with aws_errors(f"the task definition {name.rpartition('/')[2]}"):
        found = ecs.describe_task_definition(taskDefinition=name, include=["TAGS"])
    tags = {tag["key"]: tag["value"] for tag in found.get("tags") or []}
    return Revision(found["taskDefinition"], tags)


@contextmanager
def aws_errors(what: str) -> Iterator[None]:
    """Turn errors of AWS into errors of one line, without its own text."""
    try:
        yield
    except aws.ClientError as error:
        raise _answered(what, error) from None
    except SETTINGS as error:
        raise ConfigError(
            f"{what}: AWS cannot be asked ({type(error).__name__})"
        ) from None
    except aws.BotoCoreError as error:
        raise StorageError(
            f"{what}: AWS could not be reached ({type(error).__name__})"
        ) from None


def _answered(what: str, error: aws.ClientError) -> CommandError:
    code = error.response.get("Error", {}).get("Code", "an error")
    if code in DENIED:
        return StorageError(f"{what}: AWS denies {error.operation_name}")
    if code == "ResourceNotFoundException" or error.operation_name.startswith(
        "Describe"
    ):
        return ConfigError(f"{what}: does not exist ({code})")
    return StorageError(f"{what}: {error.operation_name} is answered with {code}")
