"""The S3 server of these tests does what they rely on it for."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from socket import create_connection
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.storage.server import BUCKET, Key, Server

SERVE = """
import sys, time
from pathlib import Path
from tests.storage.server import serve_s3
with serve_s3(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    time.sleep(600)
"""


def test_a_server_ends_with_whoever_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SERVE, str(tmp_path / "s3")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert _is_open(url)
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while _is_open(url):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_only_who_knows_the_secret_is_heard(s3_server: Server) -> None:
    client = s3_server.client(Key(s3_server.admin.id, "guessed"))
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client.get_object(Bucket=BUCKET, Key="first")


def test_a_user_may_do_what_the_policy_says_and_no_more(s3_server: Server) -> None:
    files = f"arn:aws:s3:::{BUCKET}/open/*"
    allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": files}
    policy = {"Version": "2012-10-17", "Statement": [allowed]}
    s3_server.client().put_object(Bucket=BUCKET, Key="open/file", Body=b"text")
    client = s3_server.client(s3_server.new_user(json.dumps(policy)))
    assert client.get_object(Bucket=BUCKET, Key="open/file")["Body"].read() == b"text"
    with pytest.raises(ClientError, match="AccessDenied"):
        client.get_object(Bucket=BUCKET, Key="first")
    with pytest.raises(ClientError, match="AccessDenied"):
        client.put_object(Bucket=BUCKET, Key="open/file", Body=b"")


def _is_open(url: str) -> bool:
    port = urlsplit(url).port
    assert port is not None
    try:
        create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
