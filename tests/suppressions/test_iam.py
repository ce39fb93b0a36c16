"""Who can read the ledger and add to it, under the policies of deploy/iam."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from common.errors import StorageError
from publish.settings import export_root
from publish.suppressions.ledger import read_ledger
from tests.storage import test_iam as probes
from tests.storage.policies import named_actions, new_user, prefix_of, used_actions
from tests.storage.proxy import Proxy, serve_proxy
from tests.storage.server import BUCKET, Server
from tests.suppressions.writing import A, add, row

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

NOON = "2025-01-31T12:00:00Z"
RUN = probes.RUN
LEDGER = "suppressions/20250101T000000000000Z-0123456789abcdef.csv"
OF_PEOPLE = (f"{RUN}/suppressions.csv", f"{RUN}/evidence.csv")
FOR_CONSUMERS = (
    "current.json",
    f"{RUN}/manifest.json",
    f"{RUN}/north/buyers.csv",
    "latest/north/buyers.csv",
)
ALLOWED = {
    "exporter": {
        ("read", LEDGER),
        ("write", LEDGER),
        ("list", "suppressions/"),
        *(("read", key) for key in (*OF_PEOPLE, *FOR_CONSUMERS)),
        *(("write", key) for key in (*OF_PEOPLE, *FOR_CONSUMERS)),
        ("delete", "latest/north/buyers.csv"),
    },
    "planner": {
        ("read", LEDGER),
        ("write", LEDGER),
        ("list", "suppressions/"),
        *(("read", key) for key in (*OF_PEOPLE, *FOR_CONSUMERS)),
        *(("write", key) for key in (*OF_PEOPLE, *FOR_CONSUMERS[1:3])),
    },
    "reader": {("read", key) for key in FOR_CONSUMERS},
}


def can(server: Server, name: str) -> set[tuple[str, str]]:
    root = server.new_root()
    prefix, user = prefix_of(root), server.client(new_user(server, name, root))
    admin: S3Client = server.client()
    found = set()
    for probe in ("read", "write", "delete"):
        for key in (LEDGER, *OF_PEOPLE, *FOR_CONSUMERS):
            admin.put_object(Bucket=BUCKET, Key=f"{prefix}/{key}", Body=b"text")
            if probes.is_allowed(probes.PROBES[probe], user, f"{prefix}/{key}"):
                found.add((probe, key))
    if probes.is_allowed(probes.list_files, user, f"{prefix}/suppressions/"):
        found.add(("list", "suppressions/"))
    return found


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_a_policy_allows_this_and_nothing_else(name: str, s3_server: Server) -> None:
    assert can(s3_server, name) == ALLOWED[name]


def test_a_pruner_can_neither_read_nor_touch_the_ledger(s3_server: Server) -> None:
    assert {probe for probe, key in can(s3_server, "pruner") if key == LEDGER} == set()


@pytest.mark.parametrize("name", ["exporter", "planner"])
def test_recording_does_no_more_than_the_policy_allows(
    name: str, s3_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = s3_server.new_root()
    s3_server.use(monkeypatch, root, tmp_path / "state")
    with serve_proxy(s3_server.url) as proxy:
        _use(s3_server, name, root, proxy, monkeypatch)
        for phone in (A, "+12065550101"):
            add(export_root(), tmp_path, row(phone, NOON))
        assert len(read_ledger(export_root()).suppressed) == 2
        used = used_actions(proxy.requests)
    assert used == {"s3:ListBucket", "s3:GetObject", "s3:PutObject"}
    assert used <= named_actions(name, root)


def test_a_reader_cannot_record(
    s3_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = s3_server.new_root()
    s3_server.use(monkeypatch, root, tmp_path / "state")
    with serve_proxy(s3_server.url) as proxy:
        _use(s3_server, "reader", root, proxy, monkeypatch)
        with pytest.raises(StorageError, match="s3:ListBucket is denied"):
            add(export_root(), tmp_path, row(A, NOON))


def _use(
    server: Server,
    name: str,
    root: str,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = new_user(server, name, root)
    for variable, value in server.environment(user, proxy.url).items():
        monkeypatch.setenv(variable, value)
