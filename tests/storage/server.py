"""A real S3 server on this machine: SeaweedFS.

It checks signatures, checksums, conditions of writes and policies. It ends with the
process that started it, however that ends.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from socket import socket
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

WEED = Path(sys.executable).with_name("weed")
HOST = "127.0.0.1"
BUCKET = "exports"
REGION = "us-east-1"
NO_AWS = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
GRPC = 10_000  # What SeaweedFS adds to a port for its own talk.
SECONDS = 60
# The shell reads until the pipe from its parent closes, as it does when that dies.
ENDS_WITH_ITS_PARENT = '"$@" & read _; kill -9 $!; rm -f $SOCKETS'
# What SeaweedFS would leave; it takes this folder whatever TMPDIR says.
SOCKET = "/tmp/seaweedfs-*-{}.sock"


@dataclass(frozen=True)
class Key:
    """An access key; `secret` is never shown."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"Key({self.id})"


@dataclass(frozen=True)
class Server:
    """A running server with one bucket, BUCKET, and an administrator's key."""

    url: str
    admin: Key

    def environment(self, key: Key | None = None, url: str = "") -> dict[str, str]:
        """Return what boto3 needs to use this server and no other, as who has `key`.

        `url` is for what stands between the two.
        """
        key = key or self.admin
        return NO_AWS | {
            "AWS_ACCESS_KEY_ID": key.id,
            "AWS_SECRET_ACCESS_KEY": key.secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": url or self.url,
        }

    def client(
        self, key: Key | None = None, url: str = "", attempts: int = 1
    ) -> "S3Client":
        """Return a client of who has `key`, through what is at `url`."""
        client: S3Client = self._client("s3", key or self.admin, url, attempts)
        return client

    def new_root(self) -> str:
        """Return an export root that holds nothing, `s3://BUCKET/PREFIX`."""
        return f"s3://{BUCKET}/{token_hex(4)}"

    def use(self, patch: pytest.MonkeyPatch, root: str, state: Path) -> None:
        """Have this process export to a root, as the administrator."""
        here = {"EXPORT_ROOT": root, "XDG_STATE_HOME": str(state)}
        for name, value in (self.environment() | here).items():
            patch.setenv(name, value)

    def new_user(self, policy: str) -> Key:
        """Return the key of a new user, who may do what a policy's JSON allows.

        The policy must state its Version: without, it spoils those of all users.
        """
        iam, name = self._client("iam", self.admin), token_hex(4)
        iam.create_user(UserName=name)
        # Not put_user_policy: this server's knows fewer actions.
        made = iam.create_policy(PolicyName=name, PolicyDocument=policy)
        iam.attach_user_policy(UserName=name, PolicyArn=made["Policy"]["Arn"])
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Key(key["AccessKeyId"], key["SecretAccessKey"])

    def _client(self, service: str, key: Key, url: str = "", attempts: int = 1) -> Any:
        session: Any = boto3.Session(key.id, key.secret, region_name=REGION)
        config = Config(retries={"total_max_attempts": attempts, "mode": "standard"})
        return session.client(service, endpoint_url=url or self.url, config=config)


@contextmanager
def serve_s3(folder: Path) -> Iterator[Server]:
    """Run a server until the block ends; data and log are in the folder."""
    ports = _free_ports(4)
    master, volume, filer, s3 = ports
    sockets = (SOCKET.format(port + added) for port in ports for added in (0, GRPC))
    server = Server(f"http://{HOST}:{s3}", Key(token_hex(8), token_hex(16)))
    (folder / "data").mkdir(parents=True)
    (folder / "iam.json").write_text(json.dumps(_identities(server.admin)))
    options = {
        "dir": folder / "data",
        "ip": HOST,
        "ip.bind": HOST,
        "master.port": master,
        "master.volumeSizeLimitMB": 64,
        "volume.port": volume,
        "volume.max": 300,
        "filer": "true",
        "filer.port": filer,
        "s3": "true",
        "s3.port": s3,
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.iam.readOnly": "false",
        "s3.config": folder / "iam.json",
    }
    flags = [f"-{name}={value}" for name, value in options.items()]
    with (folder / "log").open("wb") as log:
        shell = subprocess.Popen(
            ["/bin/sh", "-c", ENDS_WITH_ITS_PARENT, "sh", WEED, "server", *flags],
            cwd=folder,
            env={
                "HOME": str(folder),
                "PATH": os.defpath,
                "SOCKETS": " ".join(sockets),
                "WEED_S3_SSE_KEY": token_hex(32),
            },
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_for(server, folder / "log")
        yield server
    finally:
        shell.communicate()


def _identities(admin: Key) -> dict[str, Any]:
    credentials = [{"accessKey": admin.id, "secretKey": admin.secret}]
    identity = {"name": "admin", "credentials": credentials, "actions": ["Admin"]}
    return {"identities": [identity]}


def _free_ports(count: int) -> list[int]:
    """Return ports that are free now, other ones than for another process.

    They and their GRPC ports are below those that the system gives to clients.
    """
    first = 10_000 + 4 * (os.getpid() % 3_000)
    ports: list[int] = []
    while len(ports) < count:
        if _is_free(first) and _is_free(first + GRPC):
            ports.append(first)
        first += 1
    return ports


def _is_free(port: int) -> bool:
    with socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _wait_for(server: Server, log: Path) -> None:
    """Wait until a first file has been written: the port opens long before."""
    client, deadline = server.client(), time.monotonic() + SECONDS
    while True:
        try:
            client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="first", Body=b"first")
        except client.exceptions.BucketAlreadyExists:
            pass
        except (BotoCoreError, ClientError) as error:
            tail = log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, f"no S3 server: {error}\n{tail}"
        else:
            return
        time.sleep(0.1)
