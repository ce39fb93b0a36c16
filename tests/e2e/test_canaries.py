"""Personal data and credentials reach no output and no log, also when things fail."""

from pathlib import Path
from typing import Any

from extract.sandbox import generate, serve
from tests.e2e.conftest import TODAY, at_address
from tests.e2e.project import Project, new_project
from tests.e2e.test_promotion import plant_raw_phone, plant_user_twice

CANARIES = (
    "canaryfirst",
    "canaryparent",
    "canary.mail",
    "canarykey",
    "canarypassword",
    "5550177",
    "555-0177",
    "555 0177",
)


def canary_world() -> dict[str, Any]:
    """A world whose people all have the same recognizable names and addresses."""
    world: dict[str, Any] = generate(1, 40, 1, TODAY)
    for portal in world["portals"].values():
        for user in portal["users"].values():
            user.update(name="Canaryparent", phone_number="(202) 555-0177")
        for job in portal["jobs"].values():
            for subject in [*job["buyers"], *job["non_buyers"]]:
                subject.update(
                    first_name="Canaryfirst",
                    email="Canary.Mail@example.com",
                    phone_number="202-555-0177",
                    # Who denies would stop the phone that all have.
                    sms_marketing_consent="yes",
                )
            for uuid in job["access_keys"]:
                job["access_keys"][uuid] = ["CANARYKEY"]
    return world


def everything_said(project: Project, outputs: list[str]) -> str:
    """All that was printed, and every file but landing, database and exports."""
    data = {"landing", "exports", "suppressions.csv"}
    files = [
        path
        for path in project.folder.rglob("*")
        if path.is_file()
        and path.relative_to(project.folder).parts[0] not in data
        and ".duckdb" not in path.name
    ]
    read = [path.read_bytes().decode("utf-8", "replace") for path in files]
    assert any(path.name == "dbt.log" for path in files)
    return "\n".join([*outputs, *read]).casefold()


def test_no_canary_is_said_by_a_whole_run_nor_by_its_failures(tmp_path: Path) -> None:
    """A good run, a refused password, a malformed list, and broken contracts."""
    outputs = []
    with serve(canary_world()) as sandbox:
        project = new_project(
            tmp_path / "project",
            list(at_address(sandbox.url).values()),
            has_unit_tests=False,
        )
        load = ("sms", "extract", "load", "--rate", "0")
        outputs.append(project.run(*load).output)
        refused = project.with_environment(PORTAL_PASSWORD="CANARYPASSWORD")
        outputs.append(refused.run(*load, status=20).output)
    variables = {"export_formats": ["json"], "max_subjects_per_address": 0}
    outputs.append(project.dbt("build", variables=variables).output)
    exported = next(project.promoted().glob("*/buyers.json")).read_text()
    assert "CANARYKEY" in exported
    assert "+12025550177" in exported
    for command in (("list",), ("show",), ("verify",)):
        outputs.append(project.run("sms", "publish", *command).output)
    database = project.database.name
    for question in (
        ("diff", database, database, "--examples", "9"),
        ("explain", "--db", database, "--phone", "+12025550177"),
        ("explain", "--db", database, "--email", "canary.mail@example.com", "--json"),
    ):
        outputs.append(project.run("sms", "audience", *question).output)
    malformed = [{"channel": "sms", "address": "202-555-0177", "reason": "x"}]
    malformed[0]["suppressed_at"] = "CANARYFIRST"
    outputs.append(project.suppress(malformed).dbt("build", status=2).output)
    plant_raw_phone(project)
    outputs.append(project.dbt("build", variables=variables, status=1).output)
    reports = sorted(project.exports.glob("runs/*/report.html"))
    assert len(reports) == 2
    plant_user_twice(project)
    users = ("build", "--select", "stg_portal__users")
    outputs.append(project.dbt(*users, variables=variables, status=1).output)
    outputs += [path.read_text() for path in reports]
    said = everything_said(project, outputs)
    assert [canary for canary in CANARIES if canary in said] == []
