"""AWS's own APIs, as moto plays them, accept every resource of the template.

The rest is on paper: whether AWS does what these resources ask for.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from tests.deploy.account import Account
from tests.deploy.template import TEMPLATE, Stack, read_parameters

pytestmark = pytest.mark.deploy

COLOURS = {"blue": "Blue", "green": "Green"}
PARAMETERS = read_parameters("prod") | {
    "BlueImage": "@sha256:" + "b" * 64,
    "GreenImage": "@sha256:" + "9" * 64,
    "Schedule": "ENABLED",
}


@pytest.fixture
def account() -> Iterator[Account]:
    """An empty account."""
    with mock_aws():
        yield Account()


def deploy(account: Account, **more: str) -> Stack:
    """Make or update the whole stack in an account."""
    account.changed.clear()
    found = Stack(TEMPLATE, PARAMETERS | more, account.make)
    found.make_all()
    return found


def task(account: Account, arn: str) -> dict[str, Any]:
    """Return a task definition as AWS has it."""
    found: dict[str, Any] = account.client("ecs").describe_task_definition(
        taskDefinition=arn
    )["taskDefinition"]
    return found


def target(account: Account) -> dict[str, Any]:
    """Return what the schedule starts."""
    schedule = account.client("scheduler").get_schedule(Name="sms-campaigns-prod")
    assert schedule["State"] == "ENABLED"
    found: dict[str, Any] = schedule["Target"]
    return found


def attached(account: Account, role: str) -> set[str]:
    """Return the names of the policies that a role has."""
    listed = account.client("iam").list_attached_role_policies(RoleName=role)
    return {policy["PolicyName"] for policy in listed["AttachedPolicies"]}


def inline(account: Account, role: str, policy: str) -> list[dict[str, Any]]:
    """Return the statements of an inline policy."""
    found = account.client("iam").get_role_policy(RoleName=role, PolicyName=policy)
    statements: list[dict[str, Any]] = found["PolicyDocument"]["Statement"]
    return statements


def check(account: Account, found: Stack, live: str) -> None:
    """Read back the schedule, its target and the roles of both colours."""
    outputs = found.outputs()
    ecs = target(account)["EcsParameters"]
    assert ecs["TaskDefinitionArn"] == outputs["LiveTask"]
    running, candidate = (
        task(account, outputs[name]) for name in ("LiveTask", "CandidateTask")
    )
    (idle,) = COLOURS.keys() - {live}
    assert running["family"] == f"sms-campaigns-prod-{live}"
    assert candidate["family"] == f"sms-campaigns-prod-{idle}"
    assert running["taskRoleArn"].endswith("/LiveRole")
    assert candidate["taskRoleArn"].endswith("/CandidateRole")
    for each in (running, candidate):
        (container,) = each["containerDefinitions"]
        assert container["readonlyRootFilesystem"]
        assert container["user"] == "10001:10001"
    assert attached(account, "LiveRole") == {"Exporter", "LandingWriter", "Credentials"}
    assert attached(account, "CandidateRole") == {"Planner", "LandingReader"}
    run, hand_over, undelivered = inline(account, "ScheduleRole", "run")
    # `sms deploy switch` registers revisions that the stack does not know.
    assert [arn.rpartition("/")[2] for arn in run["Resource"]] == [
        f"sms-campaigns-prod-{colour}:*" for colour in COLOURS
    ]
    assert {arn.rpartition("/")[2] for arn in hand_over["Resource"]} == {
        "ExecutionRole",
        "LiveRole",
    }
    assert undelivered["Resource"] == target(account)["DeadLetterConfig"]["Arn"]


def test_a_switch_moves_the_schedule_and_swaps_the_roles(account: Account) -> None:
    check(account, deploy(account), "blue")
    assert json.loads(target(account)["Input"]) == {
        "containerOverrides": [{"name": "night", "command": ["nightly", "export"]}]
    }
    # Nothing else is touched, and going back is a switch as well.
    for live in ("green", "blue"):
        check(account, deploy(account, Live=live), live)
        assert set(account.changed) == {"Blue", "Green", "Night"}
        deploy(account, Live=live)
        assert account.changed == []


def test_a_new_candidate_leaves_what_is_live(account: Account) -> None:
    before = deploy(account).outputs()
    after = deploy(account, GreenImage="@sha256:" + "1" * 64).outputs()
    assert account.changed == ["Green"]
    assert after["LiveTask"] == before["LiveTask"]
    assert after["CandidateTask"] != before["CandidateTask"]


def test_buckets_are_private_versioned_encrypted_and_cleared(account: Account) -> None:
    deploy(account)
    s3 = account.client("s3")
    days = {}
    for bucket in (each["Name"] for each in s3.list_buckets()["Buckets"]):
        blocked = s3.get_public_access_block(Bucket=bucket)
        assert all(blocked["PublicAccessBlockConfiguration"].values())
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        assert s3.get_bucket_encryption(Bucket=bucket)
        policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        assert policy["Statement"][0]["Effect"] == "Deny"
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        days[bucket.rpartition("-")[2]] = {
            rule["Filter"]["Prefix"]: rule["Expiration"]["Days"]
            for rule in rules
            if "Expiration" in rule
        }
    # Nothing that was exported is removed by its age.
    assert days == {
        "exports": {},
        "landing": {"night/loads/": 35},
        "accesslogs": {"": 90},
    }


def test_a_missing_night_is_a_breach_and_everything_is_told_to_one_topic(
    account: Account,
) -> None:
    topic = deploy(account).made("Alarms")["Ref"]
    cloudwatch, logs = account.client("cloudwatch"), account.client("logs")
    alarms = {
        alarm["AlarmName"]: alarm
        for alarm in cloudwatch.describe_alarms()["MetricAlarms"]
    }
    missing = alarms["sms-campaigns-prod-missing-night"]
    assert missing["TreatMissingData"] == "breaching"
    assert missing["EvaluationPeriods"] * missing["Period"] == 26 * 3600
    assert missing["ActionsEnabled"]
    assert all(alarm["AlarmActions"] == [topic] for alarm in alarms.values())
    (counted,) = logs.describe_metric_filters()["metricFilters"]
    (metric,) = counted["metricTransformations"]
    assert metric["metricNamespace"] == missing["Namespace"]
    assert metric["metricName"] == missing["MetricName"]
    events = account.client("events")
    (failed,) = events.list_targets_by_rule(Rule="FailedTask")["Targets"]
    assert failed["Arn"] == topic
    sns = account.client("sns")
    policy = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    allowed = json.loads(policy)["Statement"][0]["Principal"]["Service"]
    assert set(allowed) == {"cloudwatch.amazonaws.com", "events.amazonaws.com"}


def test_a_stopped_schedule_does_not_alarm(account: Account) -> None:
    deploy(account, Schedule="DISABLED")
    alarms = account.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {alarm["AlarmName"]: alarm["ActionsEnabled"] for alarm in alarms} == {
        "sms-campaigns-prod-missing-night": False,
        "sms-campaigns-prod-not-started": True,
    }
