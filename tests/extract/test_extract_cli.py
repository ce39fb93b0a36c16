"""The commands: output, exit codes, and what they never show."""

import json
import os
import pty
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.extract.fake_portal import Turns, serve, serve_bytes, whole
from tests.extract.loading import (
    PERSONAL,
    SECRETS,
    SMS,
    activity,
    credentials,
    environment,
    events,
    extract,
    landed,
    project,
    start,
    studio,
)

HEAVY = {"httpx", "duckdb", "boto3", "botocore", "aiohttp", "rich", "structlog"}
HEAVY |= {"tenacity", "asyncio", "extract.load", "extract.client"}
COMMANDS = [[], ["load"], ["loads"], ["prune"], ["sandbox"]]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_nothing_heavy(command: list[str]) -> None:
    program = (
        "import sys\n"
        "from extract.cli import cli\n"
        f"cli({[*command, '--help']!r}, standalone_mode=False)\n"
        "print(*sys.modules, file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "Usage:" in result.stdout
    assert not HEAVY & set(result.stderr.split())


def test_a_load_ends_with_a_summary(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        folder = project(tmp_path, portal)
        result = extract(folder, "load")
    assert (result.returncode, result.stderr) == (0, "")
    lines = events(result.stdout)
    last = lines[-1]
    assert last["event"] == "load_complete"
    assert last["requests"] == 9
    assert last["rows"]["subjects"] == 3
    assert last["seconds"] > 0
    assert last["current"] is True
    assert {line["trace_id"] for line in lines} == {last["trace_id"]}
    assert len(last["trace_id"]) == 32
    assert all(line["timestamp"].endswith("Z") for line in lines)
    (job,) = (line for line in lines if line["event"] == "job_read")
    assert (job["portal"], job["job"]) == ("studio0", "j1")
    assert len(landed(folder / "landing", "subjects", "studio0")) == 3


def test_text_lines_are_for_people(tmp_path: Path) -> None:
    routes = studio() | {
        "/activities/search": [activity("a", "j1"), activity("b", "\x1b[31m")]
    }
    routes |= {f"/jobs/%1B%5B31m{more}": [] for more in ("/subjects", "/users")}
    routes["/jobs/%1B%5B31m"] = {"uuid": "x"}
    with serve(routes) as portal:
        result = extract(project(tmp_path, portal), "load", "--log-format", "text")
    assert result.returncode == 0
    last = result.stdout.splitlines()[-1]
    assert "load_complete" in last and "requests=13" in last
    assert "\x1b" not in result.stdout
    assert "trace_id" not in result.stdout


def test_portals_and_jobs_can_be_chosen(tmp_path: Path) -> None:
    more = {"/jobs/j2": {"uuid": "j2"}, "/jobs/j2/subjects": [], "/jobs/j2/users": []}
    jobs = [activity("a1", "j1"), activity("a2", "j2")]
    with serve(studio() | more) as one, serve(studio()) as two:
        one.routes["/activities/search"] = jobs
        folder = project(tmp_path, one, two)
        (folder / "jobs.json").write_text('["j2"]')
        result = extract(folder, "load", "--portal", "studio0", "--jobs", "jobs.json")
        assert result.returncode == 0
        assert two.seen == []
        assert one.asked("/jobs/j1") == 0
        piped = subprocess.run(
            [SMS, "extract", "load", "--jobs", "-", "--landing", "elsewhere"],
            input="j1\nj2\n",
            cwd=folder,
            env=credentials() | {"LANDING_DIR": "not-here"},
            capture_output=True,
            text=True,
            check=True,
        )
    assert events(piped.stdout)[-1]["jobs"] == 3
    assert (folder / "elsewhere" / "current").is_dir()
    assert not (folder / "not-here").exists()


def test_the_landing_can_come_from_the_environment(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        folder = project(tmp_path, portal)
        env = credentials() | {"LANDING_DIR": "there"}
        assert extract(folder, "load", env=env).returncode == 0
        listed = extract(folder, "loads", env=env)
    assert (folder / "there" / "current").is_dir()
    (line,) = listed.stdout.splitlines()
    assert line.startswith("* 2") and "studio0" in line and "9 requests" in line
    (facts,) = json.loads(extract(folder, "loads", "--json", env=env).stdout)
    assert (facts["load_id"], facts["current"]) == (line.split()[1], True)
    assert facts["requests"] == 9


def test_an_empty_list_of_loads_names_the_landing(tmp_path: Path) -> None:
    result = extract(tmp_path, "loads")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == "no loads in landing: `sms extract load` makes one\n"
    assert extract(tmp_path, "loads", "--json").stdout == "[]\n"


USAGE = [
    (["load"], environment(), "missing settings: PORTAL_USERNAME, PORTAL_PASSWORD"),
    (["load"], environment(PORTAL_PASSWORD="x"), "missing settings: PORTAL_USERNAME"),
    (["load", "--portal", "x"], credentials(), "unknown portal 'x'; allowed: studio0"),
    (["load", "--sandbox"], environment(), "no portal to ask"),
    (["load", "--jobs", "none"], credentials(), "none: No such file"),
    (
        ["load", "--job", "j9"],
        credentials(),
        "not on sale in any of the portals: job j9",
    ),
    (["load", "--rate", "-1"], credentials(), "Invalid value for '--rate'"),
    (["load", "--concurrency", "0"], credentials(), "Invalid value for '--conc"),
    (["loads", "--nope"], credentials(), "No such option"),
]


@pytest.mark.parametrize(("arguments", "env", "message"), USAGE)
def test_usage_and_configuration_end_with_2(
    tmp_path: Path, arguments: list[str], env: dict[str, str], message: str
) -> None:
    with serve(studio()) as portal:
        result = extract(project(tmp_path, portal), *arguments, env=env)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "landing" / "loads").exists()


def test_outside_of_a_project_the_error_says_where_to_run_it(tmp_path: Path) -> None:
    result = extract(tmp_path, "load")
    assert result.returncode == 2
    assert "in the folder of the project" in result.stderr


def test_a_failing_portal_ends_with_20_and_says_where(tmp_path: Path) -> None:
    with serve(studio() | {"/users/u1": 400}) as portal:
        result = extract(project(tmp_path, portal), "load")
    assert result.returncode == 20
    reason = "portal studio0, job j1, GET /users/u1: answered 400"
    assert result.stderr == f"sms: {reason}\n"
    last = events(result.stdout)[-1]
    assert (last["event"], last["reason"]) == ("load_failed", reason)


def test_failing_storage_ends_with_30(tmp_path: Path) -> None:
    with serve(studio()) as portal:
        folder = project(tmp_path, portal)
        result = extract(folder, "load", "--landing", "seeds/portals.csv/x")
        assert result.returncode == 30
        assert result.stderr.count("\n") == 1
        assert events(result.stdout)[-1]["event"] == "load_failed"
        torn = folder / "landing" / "loads" / "x"
        torn.mkdir(parents=True)
        assert extract(folder, "loads").returncode == 30
        (torn / "load.json").write_text("{")
        assert extract(folder, "loads").returncode == 30


def link(to: str) -> Any:
    """Return a page that links elsewhere."""
    return {"data": [{"uuid": "s0", "first_name": "Canaryname0"}], "next": to}


FAULTS: dict[str, Any] = {
    "none": {},
    "denied": {"/jobs/j1/subjects/s1/accesskeys": 401},
    "redirect": {"/users/u1": (302, {"Location": "https://example.com/Canaryname"})},
    "next": {"/jobs/j1/users": link("https://example.com/?q=canaryparent@example.com")},
    "loop": {"/jobs/j1/users": link("/jobs/j1/users?q=Canaryname")},
    "retried": {
        "/users/u1": Turns(b'{"name": "Canaryparent"', {"name": "x"}),
        "/jobs/j1": Turns({"x": "Canaryparent"}, {"name": "x"}),
    },
    "quarantine": {"/jobs/j1": b'{"uuid":"j1","images":["Canaryname"]}'},
    "quarantines": {"/jobs/j1": b'{"uuid":"j1","images":["Canaryname","Canaryname"]}'},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_no_secret_and_nothing_personal_is_ever_shown(
    tmp_path: Path, fault: dict[str, Any]
) -> None:
    with serve(studio() | fault) as portal:
        folder = project(tmp_path, portal)
        result = extract(folder, "load", env=credentials() | {"PYTHONDEVMODE": "1"})
    assert events(result.stdout)[-1]["event"] in ("load_complete", "load_failed")
    for output in (result.stdout, result.stderr):
        assert not [word for word in (*SECRETS, *PERSONAL) if word in output]
    assert "Traceback" not in result.stderr
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            assert not [secret for secret in SECRETS if secret.encode() in content]


def test_the_credentials_are_in_no_argument(tmp_path: Path) -> None:
    with serve(studio(), latency=0.3) as portal:
        process = start(project(tmp_path, portal), "load")
        while not portal.seen:
            assert process.poll() is None
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        process.communicate(timeout=60)
    assert not [secret for secret in SECRETS if secret.encode() in shown]


def test_other_servers_get_no_request(tmp_path: Path) -> None:
    with serve_bytes(whole(b"[]")) as other, serve(studio()) as portal:
        portal.routes["/jobs/j1/users"] = link(f"{other.origin}/shop/api/v1/x")
        env = credentials() | {"HTTP_PROXY": other.origin, "ALL_PROXY": other.origin}
        result = extract(project(tmp_path, portal), "load", env=env)
    assert result.returncode == 20
    assert "a next link that leads to another host, port or scheme" in result.stderr
    assert other.received == []


def test_on_a_terminal_there_are_bars(tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    with serve(studio()) as portal:
        folder = project(tmp_path, portal)
        process = subprocess.Popen(
            [SMS, "extract", "load"],
            cwd=folder,
            env=credentials() | {"TERM": "xterm", "COLUMNS": "120"},
            stdout=subprocess.PIPE,
            stderr=terminal,
            text=True,
        )
        out, _ = process.communicate(timeout=60)
    os.close(terminal)
    shown = os.read(controller, 100_000).decode()
    os.close(controller)
    assert process.returncode == 0
    assert "1/1 jobs" in shown and "9 requests" in shown
    assert "load_started" not in shown
    told = [line["event"] for line in events(out)]
    assert (told[0], told[-1]) == ("load_started", "load_complete")


def sandbox_project(folder: Path, origin: str = "http://127.0.0.1:8808") -> Path:
    """Make a project of the sandbox's portals."""
    (folder / "seeds").mkdir()
    (folder / "seeds" / "portals.csv").write_text(
        "portal,base_url,brand,region,country,consent_basis\n"
        f"sand1,{origin}/1/api/v1,Sandbox,US,USA,webshop\n"
        f"sand2,{origin}/2/,Sandbox,CA,Canada,explicit\n"
        "studio,https://studio.example,Studio,US,USA,webshop\n"
    )
    return folder


def test_the_built_in_sandbox_needs_no_settings(tmp_path: Path) -> None:
    folder = sandbox_project(tmp_path)
    result = extract(folder, "load", "--sandbox", env=environment())
    assert (result.returncode, result.stderr) == (0, "")
    facts = json.loads((folder / "landing" / "current" / "load.json").read_text())
    assert set(facts["portals"]) == {"sand1", "sand2"}
    assert facts["portals"]["sand1"]["base_url"] == "http://127.0.0.1:8808/1/api/v1"
    assert facts["rows"]["subjects"] >= 2 * 6 * 40
    named = extract(folder, "load", "--sandbox", "--portal", "studio")
    assert named.returncode == 2
    assert "allowed: sand1, sand2" in named.stderr


def test_a_running_sandbox_is_asked_at_its_address(tmp_path: Path) -> None:
    arguments = ["sandbox", "--port", "0", "--jobs", "2", "--subjects", "5"]
    process = start(tmp_path, *arguments, "--today", "2026-03-15", "--seed", "3")
    try:
        assert process.stdout
        address = process.stdout.readline().strip()
        origin = address.removesuffix("/1/api/v1")
        folder = sandbox_project(tmp_path, origin)
        result = extract(folder, "load", "--portal", "sand1", env=environment())
        assert result.returncode == 0, result.stderr
        assert events(result.stdout)[-1]["jobs"] == 2
        taken = extract(tmp_path, "sandbox", "--port", origin.rpartition(":")[2])
        assert taken.returncode == 2
        assert "Address already in use" in taken.stderr
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{address}/jobs/x")
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0
    with pytest.raises(ConnectionError), socket.socket() as probe:
        probe.connect(("127.0.0.1", int(origin.rpartition(":")[2])))
