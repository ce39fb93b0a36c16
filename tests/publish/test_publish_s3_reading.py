"""Reading from a bucket goes on where an answer breaks off, in the same file."""

import pytest

from common.errors import StorageError
from publish import promotion
from publish.settings import export_root
from tests.publish.publishing import RUN_A, RUN_B, build
from tests.publish.remote import Remote
from tests.storage.proxy import Answer, Forward, Request, breaks_off, flips_a_bit_down

KEY = "large.csv"
LARGE = bytes(range(256)) * 4096


def read_all() -> bytes:
    """Read the file as a stream."""
    with export_root().open(KEY) as stream:
        return stream.read()


def test_an_answer_that_breaks_off_is_gone_on_with(remote: Remote) -> None:
    remote.put(KEY, LARGE)
    with remote.behind_proxy() as proxy:
        proxy.play(breaks_off, "GET", KEY, times=3)
        assert read_all() == LARGE
    ranges = [dict(request.headers).get("Range") for request in proxy.requests]
    half = len(LARGE) // 2
    assert ranges == [
        None,
        f"bytes={half}-",
        f"bytes={half + half // 2}-",
        f"bytes={half + half // 2 + half // 4}-",
    ]


def test_an_answer_that_breaks_off_for_ever_is_an_error(remote: Remote) -> None:
    remote.put(KEY, LARGE)
    with remote.behind_proxy() as proxy:
        proxy.play(breaks_off, "GET", KEY)
        with pytest.raises(StorageError, match=f"^{remote.address}/{KEY}: S3 .*cannot"):
            read_all()
    assert proxy.count("GET", KEY) == 5


def test_what_goes_on_is_no_other_file(remote: Remote) -> None:
    remote.put(KEY, LARGE)

    def is_replaced(request: Request, forward: Forward) -> Answer:
        answer = breaks_off(request, forward)
        remote.put(KEY, LARGE[::-1])
        return answer

    with remote.behind_proxy() as proxy:
        proxy.play(is_replaced, "GET", KEY, times=1)
        with pytest.raises(StorageError, match="PreconditionFailed"):
            read_all()


def test_an_empty_file_has_an_end(remote: Remote) -> None:
    remote.put(KEY, b"")
    assert read_all() == b""
    assert export_root().read(KEY) == b""


def test_a_promotion_outlives_answers_that_break_off(remote: Remote) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    with remote.behind_proxy() as proxy:
        for key in ("/current.json", "manifest.json$"):
            proxy.play(breaks_off, "GET", key, times=1)
        root = export_root()
        assert promotion.promote(root, RUN_B, root.current().version)
    assert (remote.promoted(), remote.shown()) == (RUN_B, RUN_B)


def test_a_manifest_that_is_damaged_on_its_way_is_not_promoted(remote: Remote) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    with remote.behind_proxy() as proxy:
        proxy.play(flips_a_bit_down, "GET", "manifest.json$")
        root = export_root()
        with pytest.raises(StorageError, match=r"manifest\.json: damaged, its sha256"):
            promotion.promote(root, RUN_B, root.current().version)
    assert (remote.promoted(), remote.shown()) == (RUN_A, RUN_A)
