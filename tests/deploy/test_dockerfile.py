"""The Dockerfile agrees with the project's other files; building it takes minutes."""

import re
import tomllib

from tests.e2e.project import SOURCE

DOCKERFILE = (SOURCE / "deploy" / "Dockerfile").read_text()
COPIED = set(re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.MULTILINE))
ALLOWED = {
    line.removeprefix("!")
    for line in (SOURCE / ".dockerignore").read_text().splitlines()
    if line.startswith("!")
}


def test_the_image_is_built_with_the_uv_that_the_project_uses() -> None:
    (pinned,) = re.findall(r"uv==[0-9.]+", DOCKERFILE)
    assert pinned in (SOURCE / "Makefile").read_text()


def test_every_package_and_part_is_copied_and_nothing_more() -> None:
    project = tomllib.loads((SOURCE / "pyproject.toml").read_text())
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    copied = {name for names in COPIED for name in names.split()}
    assert packages <= copied
    assert {name.split("/")[0] for name in ALLOWED} == copied


def test_nothing_reaches_the_build_unless_it_is_named() -> None:
    lines = (SOURCE / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "*"
    assert all("landing" not in name and ".env" not in name for name in ALLOWED)
