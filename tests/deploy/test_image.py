"""A whole night in the image, as its task runs it, into a real S3 server."""

import json
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from tests.deploy.image import Container, Image, build, start
from tests.deploy.rights import in_one_bucket, new_user
from tests.deploy.template import TEMPLATE, Stack, read_parameters
from tests.nightly.nights import HEADER
from tests.storage.server import BUCKET, Server

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]

SECONDS = 300
TERMINATED = 128 + 15
DENIED = 30
SETTINGS = ("EXPORT_ROOT", "LANDING_STORE", "SUPPRESSIONS_CSV")


@dataclass(frozen=True)
class Night:
    """How a container ended, and what it said."""

    status: int
    output: str
    errors: str


@dataclass(frozen=True)
class Machine:
    """The task of the live colour, with the rights of its role."""

    image: Image
    folder: Path
    environment: dict[str, str]

    def start(self, name: str, *command: str) -> Container:
        """Start a container in a folder of this name, on the volume of all of them."""
        data, bundle = self.folder / "data", self.folder / name
        return start(self.image, [*command], bundle, data, self.environment)

    def run(self, name: str, *command: str) -> Night:
        """Run a container to its end."""
        return ended(self.start(name, *command))


def ended(container: Container) -> Night:
    """Wait for a container."""
    return Night(*container.wait(SECONDS))


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image of the working tree; it takes gigabytes, and goes at the end."""
    folder = tmp_path_factory.mktemp("image")
    yield build(folder)
    rmtree(folder)


@pytest.fixture(scope="module")
def stack() -> Stack:
    """The stack whose buckets are the test server's."""
    return Stack(TEMPLATE, read_parameters("prod"), in_one_bucket)


@pytest.fixture(scope="module")
def machine(
    image: Image,
    stack: Stack,
    s3_server: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Machine:
    """A machine on which no night has run."""
    place = settings(stack)["SUPPRESSIONS_CSV"].removeprefix(f"s3://{BUCKET}/")
    s3_server.client().put_object(Bucket=BUCKET, Key=place, Body=HEADER.encode())
    rights = s3_server.environment(new_user(s3_server, stack, "LiveRole"))
    folder = tmp_path_factory.mktemp("machine")
    return Machine(image, folder, settings(stack) | rights)


def settings(stack: Stack) -> dict[str, str]:
    """Return the settings of both tasks that concern the buckets."""
    (container,) = stack.properties("Blue")["ContainerDefinitions"]
    given = {each["Name"]: each["Value"] for each in container["Environment"]}
    # prod refuses the image of a working tree that differs from its commit.
    return {name: given[name] for name in SETTINGS} | {"DBT_TARGET": "staging"}


@pytest.fixture(scope="module")
def stopped(machine: Machine) -> Night:
    """A night that was told to stop while it was loading."""
    container = machine.start("stopped", "nightly", "export", "--sandbox")
    assert container.process.stdout is not None
    for line in container.process.stdout:
        if line.endswith(" load\n"):
            container.signal("TERM")
            break
    return ended(container)


@pytest.fixture(scope="module")
def night(machine: Machine, stack: Stack, stopped: Night) -> Night:
    """A whole night, started as the schedule does, after one that was stopped."""
    del stopped
    asked = json.loads(stack.properties("Night")["Target"]["Input"])
    command = asked["containerOverrides"][0]["command"]
    return machine.run("night", *command, "--sandbox")


def stored(server: Server, place: str) -> dict[str, Any]:
    """Return a JSON object of the bucket."""
    body = server.client().get_object(Bucket=BUCKET, Key=place)["Body"].read()
    found: dict[str, Any] = json.loads(body)
    return found


def test_the_image_is_what_its_task_says(image: Image, stack: Stack) -> None:
    (container,) = stack.properties("Blue")["ContainerDefinitions"]
    assert image.config["User"] == container["User"]
    assert image.config["Entrypoint"] == ["sms"]
    (mounted,) = container["MountPoints"]
    assert list(image.config["Volumes"]) == [mounted["ContainerPath"]]
    folder = (image.files / "data").stat()
    assert f"{folder.st_uid}:{folder.st_gid}" == container["User"]
    assert stat.S_IMODE(folder.st_mode) == 0o700
    written = {"HOME", "TMPDIR", "XDG_STATE_HOME", "LANDING_DIR", "DUCKDB_PATH"}
    written |= {"DBT_TARGET_PATH", "DBT_LOG_PATH"}
    assert all(image.environment[name].startswith("/data") for name in written)


def test_the_image_holds_the_project_and_nothing_else(image: Image) -> None:
    app = image.files / "app"
    assert {path.name for path in app.iterdir()} == {
        *(".venv", "dbt_project.yml", "macros", "models", "profiles.yml"),
        *("sbom.json", "seeds", "tests"),
    }
    assert not list(app.glob("tests/**/*.py"))
    packages = app / ".venv" / "lib" / "python3.12" / "site-packages"
    assert not (packages / "pytest").exists()
    for path in [app, *app.rglob("*")]:
        about = path.lstat()
        assert about.st_uid == 0, path
        assert path.is_symlink() or not about.st_mode & 0o022, path


def test_the_bill_of_materials_lists_what_is_installed(image: Image) -> None:
    bill = json.loads((image.files / "app" / "sbom.json").read_text())
    listed = {each["name"]: each["version"] for each in bill["components"]}
    site = image.files / "app" / ".venv" / "lib" / "python3.12" / "site-packages"
    metadata = [path.read_text() for path in site.glob("*.dist-info/METADATA")]
    installed = {
        re.sub(r"[-_.]+", "-", field("Name", text)).lower(): field("Version", text)
        for text in metadata
    }
    assert installed.pop("sms-campaigns").startswith("0.1.0+")
    assert installed.items() <= listed.items()
    # The lock also lists what other systems need.
    assert set(listed) - set(installed) <= {"colorama", "tzdata"}


def field(name: str, metadata: str) -> str:
    """Return a field of a package's metadata."""
    found = re.search(rf"^{name}: (.+)$", metadata, re.MULTILINE)
    assert found
    return found[1]


def test_the_version_names_the_commit(machine: Machine) -> None:
    said = machine.run("version", "--version")
    assert (said.status, said.errors) == (0, "")
    assert said.output == f"sms {machine.image.version}\n"


def test_a_stop_signal_ends_a_night_as_it_does_outside(stopped: Night) -> None:
    assert stopped.status == TERMINATED
    assert stopped.errors.splitlines()[-1] == "sms: load: stopped"
    assert "Traceback" not in stopped.errors


def test_a_night_promotes_into_the_bucket_and_writes_to_its_volume_only(
    night: Night, machine: Machine, stack: Stack, s3_server: Server
) -> None:
    assert night.status == 0, night.output + night.errors
    assert "Read-only" not in night.output + night.errors
    prefix = stack.outputs()["ExportRoot"].removeprefix(f"s3://{BUCKET}/")
    current = stored(s3_server, f"{prefix}/current.json")
    *_, last = night.output.splitlines()
    done = json.loads(last)
    assert (done["event"], done["is_promoted"]) == ("night_done", True)
    assert done["run_id"] == current["run_id"]
    manifest = stored(s3_server, f"{prefix}/{current['manifest']}")
    assert manifest["code_version"] == machine.image.version
    assert sum(file["rows"] for file in manifest["files"]) > 0
    store = stack.outputs()["LandingStore"].removeprefix(f"s3://{BUCKET}/")
    load = stored(s3_server, f"{store}/loads/{manifest['load_id']}/load.json")
    assert load["code_version"] == machine.image.version
    data = machine.folder / "data"
    owner = data.stat().st_uid
    for path in data.rglob("*"):
        about = path.lstat()
        assert about.st_uid == owner, path
        assert path.is_symlink() or not about.st_mode & 0o077, path


def test_a_candidate_sees_the_run_and_cannot_promote_it(
    night: Night, machine: Machine, stack: Stack, s3_server: Server, tmp_path: Path
) -> None:
    del night
    rights = s3_server.environment(new_user(s3_server, stack, "CandidateRole"))
    candidate = Machine(machine.image, tmp_path, settings(stack) | rights)
    admin = s3_server.client()
    key = f"{settings(stack)['EXPORT_ROOT']}/current.json".removeprefix(
        f"s3://{BUCKET}/"
    )
    current = admin.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    run_id = json.loads(current)["run_id"]
    shown = candidate.run("show", "publish", "show", run_id)
    assert shown.status == 0, shown.errors
    admin.delete_object(Bucket=BUCKET, Key=key)
    refused = candidate.run("promote", "publish", "promote", run_id)
    assert refused.status == DENIED
    assert "s3:PutObject is denied" in refused.errors
    listed = admin.list_objects_v2(Bucket=BUCKET, Prefix=key)
    assert listed["KeyCount"] == 0
