"""The template says what docs/deploying.md promises, without asking AWS."""

import copy
import json
from fnmatch import fnmatchcase
from string import Template
from typing import Any

import pytest
from cfnlint.schema.manager import (  # type: ignore[import-untyped]
    PROVIDER_SCHEMA_MANAGER,
)

from tests.deploy.rights import in_one_bucket, named, new_user
from tests.deploy.template import (
    ACCOUNT,
    DEPLOY,
    REGION,
    RESOURCES,
    TEMPLATE,
    Stack,
    invent,
    policy_file,
    read_parameters,
)
from tests.storage.server import BUCKET, Server
from tests.storage.test_iam import is_allowed, list_files, read, upload, write

ENVIRONMENTS = ("dev", "staging", "prod")
COLOURS = ("blue", "green")
POLICIES = named("AWS::IAM::ManagedPolicy")
DATA = {
    name
    for name, resource in RESOURCES.items()
    if resource["Type"]
    in (
        "AWS::ECR::Repository",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::SecretsManager::Secret",
    )
}


def stack(environment: str = "prod", **more: str) -> Stack:
    """Return the stack of an environment, of invented resources."""
    return Stack(TEMPLATE, read_parameters(environment) | more, invent)


def other(colour: str) -> str:
    """Return the other colour."""
    return COLOURS[1 - COLOURS.index(colour)]


def role_of(found: Stack, colour: str) -> str:
    """Return the role of a colour's task."""
    return str(found.properties(colour.capitalize())["TaskRoleArn"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_has_every_parameter(environment: str) -> None:
    found = stack(environment)
    found.make_all()
    container = found.properties("Blue")["ContainerDefinitions"][0]
    settings = {each["Name"]: each["Value"] for each in container["Environment"]}
    assert settings["DBT_TARGET"] == environment
    assert settings["EXPORT_ROOT"] == found.outputs()["ExportRoot"]
    assert settings["LANDING_STORE"] == found.outputs()["LandingStore"]
    assert settings["SUPPRESSIONS_CSV"].startswith(settings["LANDING_STORE"])


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_equals_the_file_that_it_names(name: str) -> None:
    properties = stack().properties(name)
    file = policy_file(properties["Description"].split("/")[-1].removesuffix(".json"))
    place = {"bucket": "exports", "prefix": "nightly"}
    if file.stem.startswith("landing"):
        place = {"bucket": "landing", "prefix": "night"}
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"
    secret += f"{stack().properties('PortalSecret')['Name']}-??????"
    text = Template(file.read_text()).substitute(place, secret_arn=secret)
    assert properties["PolicyDocument"] == json.loads(text)


def test_the_colours_differ_in_their_image_role_and_log_only() -> None:
    found = stack()
    tasks = {colour: found.properties(colour.capitalize()) for colour in COLOURS}
    for colour, task in tasks.items():
        container = task["ContainerDefinitions"][0]
        assert task.pop("Family") == f"sms-campaigns-prod-{colour}"
        log = container["LogConfiguration"]["Options"]
        assert log.pop("awslogs-stream-prefix") == colour
        del task["TaskRoleArn"], container["Image"]
    assert tasks["blue"] == tasks["green"]


@pytest.mark.parametrize("colour", COLOURS)
def test_an_image_moves_its_own_colour_only(colour: str) -> None:
    digest = "@sha256:" + "5" * 64
    found = stack(**{f"{colour.capitalize()}Image": digest})
    images = {
        each: found.properties(each.capitalize())["ContainerDefinitions"][0]["Image"]
        for each in COLOURS
    }
    assert images[colour].endswith(digest)
    assert images[other(colour)].endswith("0" * 64)


@pytest.mark.parametrize("live", COLOURS)
def test_live_moves_the_schedule_the_roles_and_who_can_be_started(live: str) -> None:
    found = stack(Live=live)
    task = found.made(live.capitalize())["Ref"]
    target = found.properties("Night")["Target"]
    assert target["EcsParameters"]["TaskDefinitionArn"] == task
    assert found.outputs()["LiveTask"] == task
    assert (
        found.outputs()["CandidateTask"] == found.made(other(live).capitalize())["Ref"]
    )
    assert role_of(found, live) == found.made("LiveRole")["Arn"]
    assert role_of(found, other(live)) == found.made("CandidateRole")["Arn"]
    run, hand_over, _ = found.properties("ScheduleRole")["Policies"][0][
        "PolicyDocument"
    ]["Statement"]
    # A switch by `sms deploy` makes revisions that the stack does not know.
    assert [one.rpartition("/")[2] for one in run["Resource"]] == [
        f"sms-campaigns-prod-{colour}:*" for colour in COLOURS
    ]
    assert found.made("CandidateRole")["Arn"] not in hand_over["Resource"]


@pytest.mark.parametrize("mode", ["plan", "export"])
def test_the_schedule_runs_a_night_and_only_an_export_can_promote(mode: str) -> None:
    found = stack(Mode=mode)
    asked = json.loads(found.properties("Night")["Target"]["Input"])
    assert asked == {
        "containerOverrides": [{"name": "night", "command": ["nightly", mode]}]
    }
    policies = found.properties("LiveRole")["ManagedPolicyArns"]
    assert (found.made("Exporter")["Ref"] in policies) == (mode == "export")
    pattern = found.properties("GoodNight")["FilterPattern"]
    assert ("$.is_promoted IS TRUE" in pattern) == (mode == "export")


# What a role can do, found out by trying it with a real server.


# Exports and landing are buckets of their own; here they are one.
PLACES = {
    "a run": "nightly/runs/20250101T000000000000Z-aaaaaaaa/north/buyers.csv",
    "latest": "nightly/latest/north/buyers.csv",
    "current.json": "nightly/current.json",
    "a promotion": "nightly/promotions/20250101T000000000000Z-aaaaaaaa.json",
    "the ledger": "nightly/suppressions/20250101T000000000000Z-01.csv",
    "a load": "night/loads/20250101T000000000000Z-aaaaaaaa/load.json",
    "the list": "night/suppressions.csv",
}
WRITES = {
    "LiveRole": {*PLACES} - {"the list"},
    "CandidateRole": {"a run", "the ledger"},
    "PromoteRole": {*PLACES} - {"the list", "a load"},
}


@pytest.mark.parametrize("role", WRITES)
def test_a_role_writes_this_and_nothing_else(role: str, s3_server: Server) -> None:
    found = Stack(TEMPLATE, read_parameters("prod"), in_one_bucket)
    user = s3_server.client(new_user(s3_server, found, role))
    admin = s3_server.client()
    for key in PLACES.values():
        admin.put_object(Bucket=BUCKET, Key=key, Body=b"text")
    for probe in (write, upload):
        assert WRITES[role] == {
            place for place, key in PLACES.items() if is_allowed(probe, user, key)
        }
    has_loads = role != "PromoteRole"
    assert is_allowed(read, user, PLACES["a load"]) == has_loads
    assert is_allowed(list_files, user, "night/loads/") == has_loads


@pytest.mark.parametrize("role", ["CandidateRole", "PromoteRole"])
def test_only_the_live_role_asks_the_portals(role: str) -> None:
    found = stack()
    credentials = found.made("Credentials")["Ref"]
    assert credentials in found.properties("LiveRole")["ManagedPolicyArns"]
    assert credentials not in found.properties(role)["ManagedPolicyArns"]


# Updates


def replaced(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Return the resources that an update replaces or removes."""
    return {
        name
        for name, resource in before["Resources"].items()
        if name not in after["Resources"]
        or resource["Type"] != after["Resources"][name]["Type"]
        or any(
            resource["Properties"].get(key)
            != after["Resources"][name]["Properties"].get(key)
            for key in create_only(resource["Type"])
        )
    }


def create_only(kind: str) -> set[str]:
    """Return the properties whose change replaces a resource of a type."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    paths: list[str] = schema.get("createOnlyProperties", [])
    return {path.split("/")[2] for path in paths}


def is_refused(action: str, name: str) -> bool:
    """Whether the stack policy refuses an action: it needs an allow and no deny."""
    policy = json.loads((DEPLOY / "stack-policy.json").read_text())
    effects = {
        statement["Effect"]
        for statement in policy["Statement"]
        if _matches(statement["Action"], action)
        and _matches(statement["Resource"], f"LogicalResourceId/{name}")
    }
    return effects != {"Allow"}


def _matches(patterns: str | list[str], text: str) -> bool:
    listed = [patterns] if isinstance(patterns, str) else patterns
    return any(fnmatchcase(text, pattern) for pattern in listed)


@pytest.mark.parametrize("name", sorted(DATA))
def test_no_update_replaces_or_deletes_data(name: str) -> None:
    assert RESOURCES[name]["DeletionPolicy"] == "Retain"
    assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"
    assert is_refused("Update:Replace", name)
    assert is_refused("Update:Delete", name)
    assert not is_refused("Update:Modify", name)


def test_an_update_that_would_replace_a_bucket_is_refused() -> None:
    renamed, gone = copy.deepcopy(TEMPLATE), copy.deepcopy(TEMPLATE)
    renamed["Resources"]["Exports"]["Properties"]["BucketName"] = "another"
    del gone["Resources"]["Landing"]
    assert replaced(TEMPLATE, TEMPLATE) == set()
    assert replaced(TEMPLATE, renamed) == {"Exports"}
    assert replaced(TEMPLATE, gone) == {"Landing"}
    assert all(is_refused("Update:Replace", name) for name in ("Exports", "Landing"))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_only_a_new_image_or_a_switch_makes_a_new_task(environment: str) -> None:
    before, after = (stack(environment, Live=live) for live in COLOURS)
    changed = {
        name for name in RESOURCES if before.properties(name) != after.properties(name)
    }
    assert changed == {"Blue", "Green", "Night"}
    assert not changed & DATA
