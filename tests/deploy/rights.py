"""Users of the test server who have the rights of a role of the stack."""

import json

from tests.deploy.template import RESOURCES, Properties, Stack, invent
from tests.storage.server import BUCKET, Key, Server


def in_one_bucket(name: str, kind: str, properties: Properties) -> dict[str, str]:
    """Return a resource's attributes; every bucket is the test server's."""
    made = invent(name, kind, properties)
    return made | {"Ref": BUCKET} if kind == "AWS::S3::Bucket" else made


def new_user(server: Server, stack: Stack, role: str) -> Key:
    """Return the key of a new user, who has a role's rights to S3."""
    statements = [
        statement
        for name in named("AWS::IAM::ManagedPolicy")
        if stack.made(name)["Ref"] in stack.properties(role)["ManagedPolicyArns"]
        for statement in stack.properties(name)["PolicyDocument"]["Statement"]
        if "s3:" in json.dumps(statement["Action"])
    ]
    return server.new_user(
        json.dumps({"Version": "2012-10-17", "Statement": statements})
    )


def named(kind: str) -> list[str]:
    """Return the names of the resources of a type."""
    return [name for name, each in RESOURCES.items() if each["Type"] == kind]
