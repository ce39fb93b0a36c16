"""No name that comes from outside leads out of the export root."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import ConfigError
from publish.layout import check_run_id, parse_path
from publish.local import LocalRoot
from publish.run import export_staging_path, export_write
from publish.settings import export_root
from tests.publish.publishing import RUN_A, publish, tree

HOSTILE_PATHS = [
    "",
    ".",
    "..",
    "/etc/passwd",
    "../exclusions.csv",
    "./exclusions.csv",
    "exclusions.csv/",
    "exclusions.csv\n",
    "exclusions.json",
    "manifest.json",
    "manifest.json/buyers.csv",
    "report.html",
    "report.html/buyers.csv",
    "exclusions.csv/buyers.csv",
    "buyers.csv",
    "/buyers.csv",
    "../buyers.csv",
    "./buyers.csv",
    ".hidden/buyers.csv",
    "sandbox1/../buyers.csv",
    "sandbox1//buyers.csv",
    "sandbox1/buyers.csv/",
    "sandbox1/buyers.csv\n",
    "sandbox1/buyers.csv\x00",
    "sandbox1\x00/buyers.csv",
    "sandbox1/buyers.CSV",
    "sandbox1/buyers.parquet",
    "sandbox1/others.csv",
    "sand box/buyers.csv",
    "sand\\box/buyers.csv",
    "s\u00e4ndbox/buyers.csv",
    "sandbox\u0661/buyers.csv",
    "a/b/buyers.csv",
    "-rf/buyers.csv",
    f"{'x' * 101}/buyers.csv",
    "x" * 10_000,
]
HOSTILE_RUN_IDS = [
    "",
    ".",
    "..",
    "../x",
    RUN_A + "\n",
    RUN_A + "/..",
    "../" + RUN_A,
    RUN_A.upper(),
    RUN_A[:-1],
    RUN_A.replace("2025", "\u0662025"),
    "x" * 10_000,
]


@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_a_hostile_path_is_refused(root: Path, path: str) -> None:
    for refuse in (export_staging_path, lambda run, path: export_write(run, path, 0)):
        with pytest.raises(ConfigError, match="is not a file of a run") as error:
            refuse(RUN_A, path)
        assert len(str(error.value).splitlines()) == 1
        assert len(str(error.value)) < 400
    assert not root.exists()


@pytest.mark.parametrize("run_id", HOSTILE_RUN_IDS)
def test_a_hostile_run_id_is_refused(root: Path, run_id: str) -> None:
    for refuse in (export_staging_path, lambda run, path: export_write(run, path, 0)):
        with pytest.raises(ConfigError, match="is not a run id"):
            refuse(run_id, "exclusions.csv")
    assert not root.exists()


@pytest.mark.parametrize("run_id", [i for i in HOSTILE_RUN_IDS if i])
@pytest.mark.parametrize("command", ["show", "verify", "promote"])
def test_the_command_refuses_a_hostile_run_id(
    root: Path, command: str, run_id: str
) -> None:
    done = publish(command, "--", run_id)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert not root.exists()


@given(st.text(alphabet="ab./-_~\\\n\x00 A9é") | st.text())
def test_what_is_accepted_stays_below_the_run(portal: str) -> None:
    path = f"{portal}/buyers.csv"
    try:
        name = parse_path(path)
    except ConfigError:
        return
    assert name.portal == portal
    assert Path("/run", path).resolve().parent == Path("/run") / portal
    assert Path("/run", path).resolve().is_relative_to("/run")


def test_plain_names_are_accepted() -> None:
    assert check_run_id(RUN_A) == RUN_A
    for portal in ("sandbox1", "photos.example.com", "A-b_c.9", "x" * 100):
        for audience in ("buyers", "non_buyers"):
            for kind in ("csv", "json"):
                name = parse_path(f"{portal}/{audience}.{kind}")
                said = (name.portal, name.audience, name.format)
                assert said == (portal, audience, kind)


def test_a_root_is_a_local_folder_where_it_is_no_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for unset in ("", "  "):
        monkeypatch.setenv("EXPORT_ROOT", unset)
        assert export_root() == LocalRoot(Path.cwd() / "exports")
    monkeypatch.delenv("EXPORT_ROOT")
    assert export_root() == LocalRoot(Path.cwd() / "exports")
    monkeypatch.setenv("EXPORT_ROOT", "some/where")
    assert export_root() == LocalRoot(Path.cwd() / "some" / "where")
    for address in ("gs://bucket", "https://example.com/x"):
        monkeypatch.setenv("EXPORT_ROOT", address)
        with pytest.raises(ConfigError, match="EXPORT_ROOT begins with"):
            export_root()


def test_staging_stays_under_the_root(root: Path) -> None:
    path = Path(export_staging_path(RUN_A, "sandbox1/buyers.csv"))
    assert path == root / ".staging" / RUN_A / "sandbox1" / "buyers.csv"
    assert path.parent.is_dir()
    assert tree(root) == {}


@pytest.mark.parametrize("name", ["exclusions.csv", "evidence.csv", "suppressions.csv"])
def test_a_file_of_the_whole_run_has_no_portal(name: str) -> None:
    found = parse_path(name)
    assert (found.path, found.portal, found.audience) == (name, None, None)
    with pytest.raises(ConfigError):
        parse_path(f"{name}/buyers.csv")
