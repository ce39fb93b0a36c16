"""A moto server that plays AWS."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any

import boto3

NO_AWS = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
ALL_RIGHTS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@dataclass(frozen=True)
class Aws:
    """A running moto server: Secrets Manager, Parameter Store, IAM."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings with which boto3 finds it."""
        region = {"AWS_ENDPOINT_URL": self.url, "AWS_DEFAULT_REGION": "us-east-1"}
        return NO_AWS | ALL_RIGHTS | region

    def client(self, service: str) -> Any:
        """Return a boto3 client that prepares the contents."""
        session: Any = boto3.Session("testing", "testing", region_name="us-east-1")
        return session.client(service, endpoint_url=self.url)

    def keep(self, name: str, text: str) -> str:
        """Store a secret, new or changed; return its PORTAL_SECRET."""
        manager = self.client("secretsmanager")
        try:
            manager.create_secret(Name=name, SecretString=text)
        except manager.exceptions.ResourceExistsException:
            manager.put_secret_value(SecretId=name, SecretString=text)
        return f"secretsmanager:{name}"

    def keep_parameter(self, name: str, text: str) -> str:
        """Store an encrypted parameter; return its PORTAL_SECRET."""
        self.client("ssm").put_parameter(
            Name=name, Value=text, Type="SecureString", Overwrite=True
        )
        return f"ssm:{name}"

    def check_rights_after(self, requests: float) -> None:
        """Check its users' rights after so many requests."""
        told = urllib.request.Request(
            f"{self.url}/moto-api/reset-auth",
            data=str(requests).encode(),
            headers={"Content-Type": "text/plain"},
        )
        urllib.request.urlopen(told).close()


@contextmanager
def serve_aws(folder: Path) -> Iterator[Aws]:
    """Run the server until the block ends; its log is in the folder."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (folder / "moto.log").open("wb")
    server = Path(sys.executable).with_name("moto_server")
    process = subprocess.Popen([server, "-p", str(port)], stdout=log, stderr=log)
    running = Aws(f"http://127.0.0.1:{port}")
    try:
        _wait_for(running)
        yield running
    finally:
        process.kill()
        process.wait()
        log.close()


def _wait_for(aws: Aws) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(aws.url).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return
