"""What `sms publish promote` does when a bucket fails.

The command talks to a real server; a proxy between them plays the faults. Whatever
happens, a consumer has the old run or the new one, the command says what is wrong in
one line, and asks S3 no more often than it must.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.retries.standard import ExponentialBackoff

from publish import s3_writing
from publish.promotion import promote
from publish.settings import export_root
from tests.publish.publishing import RUN_A, RUN_B, RUN_C, build, publish
from tests.storage.policies import new_user
from tests.storage.proxy import (
    Fault,
    Proxy,
    answers,
    flips_a_bit_down,
    flips_a_bit_up,
    is_overtaken_by,
    loses_the_answer,
    resets,
)
from tests.storage.server import Key, Server

USAGE, CONTRACT, STORAGE = 2, 10, 30
# Of botocore, and of S3's conflicts.
TRIES = 5
# A promotion with nothing wrong asks this often.
USUAL = 40


@dataclass(frozen=True)
class Bucket:
    """A root in which a run is promoted, and others can be."""

    server: Server
    root: str
    proxy: Proxy

    def promote(self, run_id: str = RUN_B, **environment: str) -> tuple[int, str]:
        """Promote a run as a user does; return the exit code and what was said."""
        settings = self.server.environment(url=self.proxy.url) | environment
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            done = publish("promote", run_id)
        return done.returncode, done.stdout + done.stderr

    def published(self) -> dict[str, bytes | None]:
        """What a consumer sees: current.json, and what is under latest/."""
        root = export_root()
        latest = [f"latest/{path}" for path in root.list_files("latest")]
        return {key: root.read(key) for key in ["current.json", *latest]}

    def run_id(self) -> str:
        """The run that all of that is of; fail where there are two."""
        found = {
            run_id
            for content in self.published().values()
            for run_id in (RUN_A, RUN_B, RUN_C)
            if content and run_id.encode() in content
        }
        (run_id,) = found
        return run_id


@pytest.fixture(scope="module")
def root(s3_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A root with three runs, for all tests: each leaves it whole."""
    root, state = s3_server.new_root(), tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        s3_server.use(patch, root, state)
        for run_id in (RUN_A, RUN_B, RUN_C):
            build(run_id)
        yield root


@pytest.fixture
def bucket(
    s3_server: Server, root: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> Bucket:
    """The root with RUN_A promoted. Retries do not wait."""
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0)
    monkeypatch.setattr(s3_writing, "CONFLICT_SECONDS", (0,) * 5)
    move_to(RUN_A)
    return Bucket(s3_server, root, proxy)


def move_to(run_id: str) -> None:
    promote(export_root(), run_id, export_root().current().version)


PASSING = {
    "slow down": answers(503, "SlowDown"),
    "internal error": answers(500, "InternalError"),
    "conflict": answers(409, "ConditionalRequestConflict"),
    "reset": resets,
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_waited_for(name: str, bucket: Bucket) -> None:
    bucket.proxy.play(PASSING[name], "PUT", "current.json", times=2)
    assert bucket.promote() == (0, f"run {RUN_B}: promoted\n")
    assert bucket.proxy.count("PUT", "current.json") == 3
    assert bucket.run_id() == RUN_B


def test_a_lost_answer_to_the_own_write_is_success(bucket: Bucket) -> None:
    bucket.proxy.play(loses_the_answer, "PUT", "current.json", times=1)
    assert bucket.promote() == (0, f"run {RUN_B}: promoted\n")
    assert bucket.run_id() == RUN_B


def test_another_s_write_is_a_lost_race(bucket: Bucket, tmp_path: Path) -> None:
    """The same to see for the process: no answer, and then a condition that fails."""

    def overtake() -> None:
        # Another machine, as on this one there is a lock.
        bucket.promote(RUN_C, XDG_STATE_HOME=str(tmp_path))

    bucket.proxy.play(is_overtaken_by(overtake), "PUT", "current.json", times=1)
    status, said = bucket.promote()
    assert status == STORAGE
    assert "another run was promoted meanwhile" in one_line(said)
    assert bucket.run_id() == RUN_C


@dataclass(frozen=True)
class Lasting:
    """A fault that does not pass, what is said then, and how often S3 is asked."""

    fault: Fault
    method: str
    target: str
    status: int
    says: str
    tries: int


LASTING = {
    "slow down": Lasting(
        answers(503, "SlowDown"), "PUT", "current.json", STORAGE, "SlowDown", TRIES
    ),
    "internal error": Lasting(
        answers(500, "InternalError"), "GET", "buyers", STORAGE, "InternalError", TRIES
    ),
    "reset": Lasting(
        resets, "PUT", "current.json", STORAGE, "cannot be reached", TRIES
    ),
    "flipped on the way up": Lasting(
        flips_a_bit_up, "PUT", "current.json", STORAGE, "damaged in transit", 1
    ),
    "flipped on the way down": Lasting(
        flips_a_bit_down, "GET", "/buyers", CONTRACT, "damaged", 2
    ),
    "expired": Lasting(
        answers(400, "ExpiredToken"), "GET", "", STORAGE, "have expired", 1
    ),
    "another region": Lasting(
        answers(400, "AuthorizationHeaderMalformed"),
        "GET",
        "",
        STORAGE,
        "in another region",
        2,
    ),
}


@pytest.mark.parametrize("name", LASTING)
def test_what_does_not_pass_is_said_and_promotes_nothing(
    name: str, bucket: Bucket
) -> None:
    fault, before = LASTING[name], bucket.published()
    bucket.proxy.play(fault.fault, fault.method, fault.target)
    status, said = bucket.promote()
    assert status == fault.status
    assert fault.says in one_line(said)
    assert 0 < bucket.proxy.count(fault.method, fault.target) <= fault.tries
    assert len(bucket.proxy.requests) < USUAL
    assert bucket.published() == before
    assert_tells_no_secret(said, bucket.server.admin)


def no_credentials(server: Server, root: str) -> dict[str, str]:
    del server, root
    return {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}


def unknown_key(server: Server, root: str) -> dict[str, str]:
    del server, root
    return {"AWS_ACCESS_KEY_ID": "unknown"}


def wrong_secret(server: Server, root: str) -> dict[str, str]:
    del server, root
    return {"AWS_SECRET_ACCESS_KEY": "wrong"}


def reader(server: Server, root: str) -> dict[str, str]:
    key = new_user(server, "reader", root)
    return {"AWS_ACCESS_KEY_ID": key.id, "AWS_SECRET_ACCESS_KEY": key.secret}


def no_bucket(server: Server, root: str) -> dict[str, str]:
    del server
    return {"EXPORT_ROOT": root.replace("exports", "no-such-bucket")}


def no_server(server: Server, root: str) -> dict[str, str]:
    del server, root
    return {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}


WRONG: dict[str, tuple[Callable[[Server, str], Mapping[str, str]], int, str]] = {
    "no credentials": (no_credentials, USAGE, "no credentials were found"),
    "an unknown key": (unknown_key, STORAGE, "credentials are not accepted"),
    "a wrong secret": (wrong_secret, STORAGE, "credentials are not accepted"),
    "no right to": (reader, STORAGE, "is denied"),
    "no bucket": (no_bucket, STORAGE, "there is no such bucket"),
    "no server": (no_server, STORAGE, "cannot be reached"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_set_wrong_is_said_without_trying_on(name: str, bucket: Bucket) -> None:
    environment, expected, says = WRONG[name]
    before = bucket.published()
    status, said = bucket.promote(**environment(bucket.server, bucket.root))
    assert status == expected
    assert says in one_line(said)
    assert len(bucket.proxy.requests) <= 2
    assert bucket.published() == before
    assert_tells_no_secret(said, bucket.server.admin)


def one_line(said: str) -> str:
    """What was said, which is one line of the command's, without its end."""
    (line,) = said.splitlines()
    assert line.startswith("sms: ")
    return line


def assert_tells_no_secret(said: str, key: Key) -> None:
    assert key.id not in said
    assert key.secret not in said
