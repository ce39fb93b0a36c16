"""An AWS account of moto's, in which a stack is made resource by resource.

moto's own stacks skip schedules, alarms, metric filters and the policies of buckets and
topics. Each API by itself checks what it is given.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import boto3

from tests.deploy.template import REGION, Properties

type Attributes = dict[str, str]
type Maker = Callable[["Account", str, Any], Attributes]


class Account:
    """What has been made, by name. A resource whose properties are the same stays."""

    def __init__(self) -> None:
        self.made: dict[str, tuple[Properties, Attributes]] = {}
        self.changed: list[str] = []

    def make(self, name: str, kind: str, properties: Properties) -> Attributes:
        """Make a resource, or update it, as an update of a stack would."""
        if name in self.made and self.made[name][0] == properties:
            return self.made[name][1]
        self.changed.append(name)
        attributes = MAKERS[kind](self, name, properties)
        self.made[name] = (properties, attributes)
        return attributes

    def client(self, service: str) -> Any:
        """Return a client of boto3's."""
        session: Any = boto3.Session("testing", "testing", region_name=REGION)
        return session.client(service)


def _bucket(account: Account, name: str, properties: Any) -> Attributes:
    s3, bucket = account.client("s3"), f"sms-campaigns-{name.lower()}"
    s3.create_bucket(
        Bucket=bucket,
        CreateBucketConfiguration={"LocationConstraint": REGION},
        ObjectOwnership=properties["OwnershipControls"]["Rules"][0]["ObjectOwnership"],
    )
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"],
    )
    s3.put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration=properties["VersioningConfiguration"]
    )
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [
                {
                    "ApplyServerSideEncryptionByDefault": rule[
                        "ServerSideEncryptionByDefault"
                    ]
                }
            ]
        },
    )
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={
            "Rules": [
                _lifecycle(rule)
                for rule in properties["LifecycleConfiguration"]["Rules"]
            ]
        },
    )
    return {"Ref": bucket, "Arn": f"arn:aws:s3:::{bucket}"}


def _lifecycle(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule as the API names its parts."""
    said = {"ID": rule["Id"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "ExpirationInDays" in rule:
        said["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    same = (
        "Status",
        "AbortIncompleteMultipartUpload",
        "NoncurrentVersionExpiration",
    )
    return said | {key: rule[key] for key in same if key in rule}


def _bucket_policy(account: Account, name: str, properties: Any) -> Attributes:
    account.client("s3").put_bucket_policy(
        Bucket=properties["Bucket"], Policy=json.dumps(properties["PolicyDocument"])
    )
    return {"Ref": name}


def _secret(account: Account, _: str, properties: Any) -> Attributes:
    made = account.client("secretsmanager").create_secret(**properties)
    return {"Ref": made["ARN"]}


def _repository(account: Account, _: str, properties: Any) -> Attributes:
    given = _camel_cased(properties)
    made = account.client("ecr").create_repository(**given)["repository"]
    return {
        "Ref": made["repositoryName"],
        "Arn": made["repositoryArn"],
        "RepositoryUri": made["repositoryUri"],
    }


def _log_group(account: Account, _: str, properties: Any) -> Attributes:
    logs, name = account.client("logs"), properties["LogGroupName"]
    logs.create_log_group(logGroupName=name)
    logs.put_retention_policy(
        logGroupName=name, retentionInDays=int(properties["RetentionInDays"])
    )
    (found,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return {"Ref": name, "Arn": found["arn"]}


def _metric_filter(account: Account, name: str, properties: Any) -> Attributes:
    account.client("logs").put_metric_filter(
        filterName=name, **_camel_cased(properties)
    )
    return {"Ref": name}


def _managed_policy(account: Account, name: str, properties: Any) -> Attributes:
    made = account.client("iam").create_policy(
        PolicyName=name,
        Description=properties["Description"],
        PolicyDocument=json.dumps(properties["PolicyDocument"]),
    )
    return {"Ref": made["Policy"]["Arn"]}


def _role(account: Account, name: str, properties: Any) -> Attributes:
    iam = account.client("iam")
    if name not in account.made:
        iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(properties["AssumeRolePolicyDocument"]),
        )
    for arn in properties.get("ManagedPolicyArns", ()):
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    for policy in properties.get("Policies", ()):
        iam.put_role_policy(
            RoleName=name,
            PolicyName=policy["PolicyName"],
            PolicyDocument=json.dumps(policy["PolicyDocument"]),
        )
    return {"Ref": name, "Arn": iam.get_role(RoleName=name)["Role"]["Arn"]}


def _cluster(account: Account, _: str, properties: Any) -> Attributes:
    given = _camel_cased(properties)
    given["settings"] = given.pop("clusterSettings")
    made = account.client("ecs").create_cluster(**given)["cluster"]
    return {"Ref": made["clusterName"], "Arn": made["clusterArn"]}


def _task(account: Account, _: str, properties: Any) -> Attributes:
    made = account.client("ecs").register_task_definition(**_camel_cased(properties))
    return {"Ref": made["taskDefinition"]["taskDefinitionArn"]}


def _schedule(account: Account, name: str, properties: Any) -> Attributes:
    scheduler = account.client("scheduler")
    target = dict(properties["Target"])
    target["EcsParameters"] = {
        **target["EcsParameters"],
        "NetworkConfiguration": _vpc(target["EcsParameters"]),
    }
    act = (
        scheduler.update_schedule if name in account.made else scheduler.create_schedule
    )
    act(**{**properties, "Target": target})
    return {"Ref": properties["Name"]}


def _vpc(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a task runs; this API writes one name in another case."""
    inner = parameters["NetworkConfiguration"]["AwsvpcConfiguration"]
    return {"awsvpcConfiguration": inner}


def _queue(account: Account, name: str, properties: Any) -> Attributes:
    sqs = account.client("sqs")
    given = {key: json.dumps(value) for key, value in properties.items()}
    url = sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return {"Ref": url, "QueueName": name, "Arn": found["Attributes"]["QueueArn"]}


def _key(account: Account, _: str, properties: Any) -> Attributes:
    kms = account.client("kms")
    made = kms.create_key(Policy=json.dumps(properties["KeyPolicy"]))["KeyMetadata"]
    kms.enable_key_rotation(KeyId=made["KeyId"])
    return {"Ref": made["KeyId"], "Arn": made["Arn"]}


def _topic(account: Account, name: str, properties: Any) -> Attributes:
    sns = account.client("sns")
    given = {"KmsMasterKeyId": properties["KmsMasterKeyId"]}
    arn = sns.create_topic(Name=name, Attributes=given)["TopicArn"]
    for each in properties["Subscription"]:
        sns.subscribe(
            TopicArn=arn, Protocol=each["Protocol"], Endpoint=each["Endpoint"]
        )
    return {"Ref": arn}


def _topic_policy(account: Account, name: str, properties: Any) -> Attributes:
    for arn in properties["Topics"]:
        account.client("sns").set_topic_attributes(
            TopicArn=arn,
            AttributeName="Policy",
            AttributeValue=json.dumps(properties["PolicyDocument"]),
        )
    return {"Ref": name}


def _rule(account: Account, name: str, properties: Any) -> Attributes:
    events = account.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps(properties["EventPattern"]))
    put = events.put_targets(Rule=name, Targets=properties["Targets"])
    assert put["FailedEntryCount"] == 0
    return {"Ref": name}


def _alarm(account: Account, _: str, properties: Any) -> Attributes:
    account.client("cloudwatch").put_metric_alarm(**properties)
    return {"Ref": properties["AlarmName"]}


def _camel_cased(value: Any) -> Any:
    """Return properties as the API names them, which begins in lower case."""
    if isinstance(value, list):
        return [_camel_cased(item) for item in value]
    if isinstance(value, dict):
        return {
            key[0].lower() + key[1:]: _camel_cased(item) for key, item in value.items()
        }
    return value


MAKERS: dict[str, Maker] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::ECR::Repository": _repository,
    "AWS::ECS::Cluster": _cluster,
    "AWS::ECS::TaskDefinition": _task,
    "AWS::Events::Rule": _rule,
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::IAM::Role": _role,
    "AWS::KMS::Key": _key,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::Logs::MetricFilter": _metric_filter,
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::SQS::Queue": _queue,
    "AWS::Scheduler::Schedule": _schedule,
    "AWS::SecretsManager::Secret": _secret,
}
