"""The image, built without a daemon, and containers of it, run as ECS runs them."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from shutil import copytree, ignore_patterns
from typing import Any

from common.version import code_version
from tests.e2e.project import SOURCE

NAME = "localhost/sms-campaigns"
TEST_BASE = "localhost/base"
BUILD = ("bud", "--isolation", "chroot")
# What Python's own modules and the builder need of Debian.
PACKAGES = (
    *("ca-certificates", "libbz2-1.0", "libffi8", "liblzma5", "libreadline8"),
    *("libsqlite3-0", "libssl3", "passwd", "zlib1g"),
)
# How this machine reaches package indexes, if that takes settings.
PASSED_ON = ("PIP_", "UV_", "SSL_CERT_", "REQUESTS_CA_BUNDLE")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
BASE_FILE = """\
FROM scratch
ADD debian.tar /
COPY python /usr/local
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
RUN ln -s python3.12 /usr/local/bin/python3 && ldconfig
"""
UNUSED = ("__pycache__", "config-*", "idlelib", "site-packages", "test", "tkinter")


@dataclass(frozen=True)
class Image:
    """A built image: its files, and how its containers are started."""

    files: Path
    config: Mapping[str, Any]
    version: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that every container of it has."""
        return dict(each.split("=", 1) for each in self.config["Env"])


@dataclass(frozen=True)
class Container:
    """A running container."""

    id: str
    process: "subprocess.Popen[str]"

    def signal(self, name: str) -> None:
        """Send a signal to its first process, as `docker stop` does."""
        run("runc", "kill", self.id, name)

    def wait(self, seconds: float) -> tuple[int, str, str]:
        """Return the exit code, output and errors; kill it if it does not end."""
        try:
            output, errors = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.signal("KILL")
            raise
        return self.process.returncode, output, errors


def build(folder: Path) -> Image:
    """Build the image of the working tree, as `make image` does, into a folder.

    Its base is IMAGE_BASE or, without that, a Debian made here with this Python.
    """
    store = Store(folder / "store")
    base = os.environ.get("IMAGE_BASE") or _build_base(store, folder / "base")
    build_command = shlex.join([str(each) for each in (*store.buildah, *BUILD)])
    run(
        *("make", "--directory", SOURCE, "image", f"BUILD={build_command}"),
        *(f"IMAGE={NAME}", f"IMAGE_BASE={base}"),
    )
    config = json.loads(store.run("inspect", "--type", "image", NAME))
    container = store.run("from", NAME)
    files = Path(store.run("mount", container))
    return Image(files, config["OCIv1"]["config"], code_version())


@dataclass(frozen=True)
class Store:
    """Where buildah keeps images. Each layer is a whole copy, so there are few."""

    folder: Path

    @property
    def buildah(self) -> tuple[str | Path, ...]:
        """Return the command for this store."""
        places = ("--root", self.folder / "root", "--runroot", self.folder / "run")
        return ("buildah", *places, "--storage-driver", "vfs")

    def run(self, *command: str | Path) -> str:
        """Run buildah; return what it prints."""
        return run(*self.buildah, *command)


def _build_base(store: Store, folder: Path) -> str:
    folder.mkdir()
    run(
        *("mmdebstrap", "--quiet", "--variant=minbase"),
        f"--include={','.join(PACKAGES)}",
        *("bookworm", folder / "debian.tar"),
    )
    source, target = Path(sys.base_prefix), folder / "python"
    copytree(
        source / "lib" / "python3.12",
        target / "lib" / "python3.12",
        symlinks=True,
        ignore=ignore_patterns(*UNUSED),
    )
    for path in [source / "bin" / "python3.12", *source.glob("lib/libpython3.12.so*")]:
        copy = target / path.relative_to(source)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
        copy.chmod(0o755)
    (folder / CERTIFICATES.name).write_bytes(CERTIFICATES.read_bytes())
    settings = [
        f'ENV {name}="{value}"\n'
        for name, value in os.environ.items()
        if name.startswith(PASSED_ON)
    ]
    (folder / "Dockerfile").write_text(BASE_FILE + "".join(settings))
    store.run(*BUILD, "--tag", TEST_BASE, folder)
    return TEST_BASE


def start(
    image: Image,
    command: list[str],
    bundle: Path,
    data: Path,
    environment: Mapping[str, str],
) -> Container:
    """Start a container: its root is read-only, `data` is its volume, it has no rights.

    It shares this machine's network, where the S3 server is.
    """
    owner = [int(each) for each in image.config["User"].split(":")]
    if not data.exists():
        data.mkdir(mode=0o700)
        os.chown(data, *owner)
    bundle.mkdir()
    variables = {**image.environment, **environment}
    spec = {
        "ociVersion": "1.0.2",
        "process": {
            "args": [*image.config["Entrypoint"], *command],
            "cwd": image.config["WorkingDir"],
            "env": [f"{name}={value}" for name, value in variables.items()],
            "noNewPrivileges": True,
            "user": {"uid": owner[0], "gid": owner[1]},
        },
        "root": {"path": str(image.files), "readonly": True},
        "mounts": [
            _memory("/proc", "proc"),
            _memory("/dev", "tmpfs", "mode=755"),
            # As every runtime has it: dbt's locks are semaphores.
            _memory("/dev/shm", "tmpfs", "mode=1777", "size=64m"),
            {
                "destination": "/data",
                "type": "bind",
                "source": str(data),
                "options": ["bind", "rw"],
            },
        ],
        "linux": {
            "namespaces": [{"type": each} for each in ("pid", "mount", "ipc", "uts")]
        },
    }
    (bundle / "config.json").write_text(json.dumps(spec))
    name = f"sms-test-{token_hex(4)}"
    process = subprocess.Popen(
        ["runc", "run", "--bundle", bundle, name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return Container(name, process)


def _memory(place: str, kind: str, *options: str) -> dict[str, Any]:
    """Return a mount in memory."""
    shared = ["nosuid", *options]
    return {"destination": place, "type": kind, "source": kind, "options": shared}


def run(*command: str | Path) -> str:
    """Run a program; return what it prints, or fail with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stdout}\n{done.stderr}"
    return done.stdout.strip()
