"""The proxy passes on what it is sent, and plays faults as a client would see them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    FlexibleChecksumError,
)

from tests.storage.proxy import (
    Proxy,
    answers,
    flips_a_bit_down,
    flips_a_bit_up,
    is_overtaken_by,
    loses_the_answer,
    resets,
    serve_proxy,
)
from tests.storage.server import BUCKET, Server

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CONTENT = bytes(range(256)) * 4096


@pytest.fixture
def proxy(s3_server: Server) -> Iterator[Proxy]:
    with serve_proxy(s3_server.url) as running:
        yield running


@pytest.fixture
def key(s3_server: Server) -> str:
    """A key that holds nothing yet."""
    return s3_server.new_root().removeprefix(f"s3://{BUCKET}/")


@pytest.fixture
def once(s3_server: Server, proxy: Proxy) -> "S3Client":
    """A client that tries everything once."""
    return s3_server.client(url=proxy.url)


@pytest.fixture
def twice(s3_server: Server, proxy: Proxy) -> "S3Client":
    """A client that tries everything twice."""
    return s3_server.client(url=proxy.url, attempts=2)


def stored(server: Server, key: str) -> bytes:
    """What the server holds, past the proxy."""
    return server.client().get_object(Bucket=BUCKET, Key=key)["Body"].read()


def test_all_is_passed_on(
    s3_server: Server, proxy: Proxy, once: "S3Client", key: str
) -> None:
    once.put_object(Bucket=BUCKET, Key=key, Body=CONTENT, Metadata={"run": "name"})
    assert stored(s3_server, key) == CONTENT
    answer = once.head_object(Bucket=BUCKET, Key=key)
    assert answer["ContentLength"] == len(CONTENT)
    assert answer["Metadata"] == {"run": "name"}
    assert once.get_object(Bucket=BUCKET, Key=key)["Body"].read() == CONTENT
    once.delete_object(Bucket=BUCKET, Key=key)
    assert "Contents" not in once.list_objects_v2(Bucket=BUCKET, Prefix=key)
    methods = [request.method for request in proxy.requests]
    assert methods == ["PUT", "HEAD", "GET", "DELETE", "GET"]


def test_an_error_is_answered_as_often_as_was_asked_for(
    proxy: Proxy, once: "S3Client", key: str
) -> None:
    proxy.play(answers(503, "SlowDown"), "PUT", key, times=2)
    for _ in range(2):
        with pytest.raises(ClientError, match="SlowDown"):
            once.put_object(Bucket=BUCKET, Key=key, Body=CONTENT)
    once.put_object(Bucket=BUCKET, Key=key, Body=CONTENT)
    assert proxy.count("PUT", key) == 3


def test_a_reset_connection_has_written_nothing(
    s3_server: Server, proxy: Proxy, once: "S3Client", key: str
) -> None:
    proxy.play(resets, "PUT", key)
    with pytest.raises(ConnectionClosedError):
        once.put_object(Bucket=BUCKET, Key=key, Body=CONTENT)
    with pytest.raises(ClientError, match="NoSuchKey"):
        stored(s3_server, key)


def test_a_lost_answer_has_the_retry_refused(
    s3_server: Server, proxy: Proxy, twice: "S3Client", key: str
) -> None:
    proxy.play(loses_the_answer, "PUT", key, times=1)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        twice.put_object(Bucket=BUCKET, Key=key, Body=CONTENT, IfNoneMatch="*")
    assert stored(s3_server, key) == CONTENT


def test_another_can_be_first(
    s3_server: Server, proxy: Proxy, twice: "S3Client", key: str
) -> None:
    def overtake() -> None:
        s3_server.client().put_object(Bucket=BUCKET, Key=key, Body=b"another's")

    proxy.play(is_overtaken_by(overtake), "PUT", key, times=1)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        twice.put_object(Bucket=BUCKET, Key=key, Body=CONTENT, IfNoneMatch="*")
    assert stored(s3_server, key) == b"another's"


def test_a_bit_flipped_on_the_way_up_is_refused_by_the_server(
    proxy: Proxy, once: "S3Client", key: str
) -> None:
    proxy.play(flips_a_bit_up, "PUT", key)
    with pytest.raises(ClientError, match=r"BadDigest|ContentSHA256Mismatch"):
        once.put_object(Bucket=BUCKET, Key=key, Body=CONTENT)


def test_a_bit_flipped_on_the_way_down_is_noticed_by_the_client(
    s3_server: Server, proxy: Proxy, once: "S3Client", key: str
) -> None:
    s3_server.client().put_object(Bucket=BUCKET, Key=key, Body=CONTENT)
    proxy.play(flips_a_bit_down, "GET", key)
    with pytest.raises(FlexibleChecksumError):
        once.get_object(Bucket=BUCKET, Key=key)["Body"].read()
