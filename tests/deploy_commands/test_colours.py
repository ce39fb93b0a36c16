"""`sms deploy`: a candidate, its comparison, the switch and the way back."""

import os
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from common.errors import StorageError
from ops.deploy.aws import Colours
from publish.settings import export_root
from publish.suppressions import ledger
from tests.commands import sms
from tests.deploy_commands.colours import LIVE_ROLE, NEW, OLD, PLAN_ROLE, Account
from tests.extract.moto_aws import Aws, serve_aws
from tests.publish.people import Person, build_people, promoted, subjects
from tests.publish.publishing import RUN_A, RUN_B

pytestmark = pytest.mark.slow

LOAD = "20241231T000000000000Z-00000000"
ANN, BEN = Person("s1"), Person("s2", phone="+12065550151")


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """An AWS of moto's."""
    with serve_aws(tmp_path_factory.mktemp("moto")) as running:
        yield running


@pytest.fixture
def account(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account whose promoted run has Ann, and two colours of the same image."""
    root = str(tmp_path / "exports")
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("EXPORT_ROOT", root)
    monkeypatch.delenv("SUPPRESSIONS_CSV", raising=False)
    made = Account(aws, f"sms-campaigns-{token_hex(4)}", root, people=[ANN])
    monkeypatch.setenv("DEPLOY_SCHEDULE", made.name)
    monkeypatch.setattr("ops.deploy.comparing.sleep", made.play)
    build_people(RUN_A, [ANN])
    return made


def deploy(*arguments: str, status: int = 0) -> str:
    """Run `sms deploy`; return what it prints."""
    done = sms("deploy", *arguments)
    assert done.returncode == status, done.stderr
    assert len(done.stderr.splitlines()) == bool(status)
    return done.stdout + done.stderr


def compared(account: Account, *people: Person) -> str:
    """Have a candidate of the new image compared; return its run."""
    account.people = people
    deploy("candidate", NEW)
    deploy("compare")
    return max(export_root().run_ids())


def test_a_candidate_cannot_promote_and_keeps_all_but_its_image(
    account: Account,
) -> None:
    before, live = account.newest("green"), account.schedule()
    assert "would register a revision of green" in deploy("candidate", NEW, "--plan")
    assert account.newest("green") == before
    assert ":2 has registry" in deploy("candidate", NEW)
    assert account.newest("green") == (PLAN_ROLE, NEW, 2)
    assert "has registry/sms@sha256:1" in deploy("candidate", NEW)
    assert account.newest("green") == (PLAN_ROLE, NEW, 2)
    old, new = (
        account.ecs.describe_task_definition(taskDefinition=f"{account.name}-green:{n}")
        for n in (1, 2)
    )
    for name in ("cpu", "memory", "volumes", "networkMode", "executionRoleArn"):
        assert old["taskDefinition"][name] == new["taskDefinition"][name]
    assert account.schedule() == live


def test_a_candidate_plans_the_load_of_the_promoted_run_and_nothing_else(
    account: Account,
) -> None:
    deploy("candidate", NEW)
    assert '"--load"' in deploy("compare", "--plan")
    assert account.commands == []
    said = deploy("compare")
    assert account.commands == [["nightly", "plan", "--load", LOAD]]
    assert "texts the same people" in said
    # The answer is remembered, and a new comparison needs no task.
    assert "would use the task" in deploy("compare", "--plan")
    assert deploy("compare") == said
    assert len(account.commands) == 1
    assert promoted(export_root())["run_id"] == RUN_A


def test_a_clean_candidate_goes_live_and_back(account: Account) -> None:
    before = account.schedule()
    run_id = compared(account, ANN)
    assert f"would promote run {run_id}" in deploy("switch", "--plan")
    assert account.schedule() == before
    said = deploy("switch")
    assert f"run {run_id} is promoted\n" in said
    assert said.endswith(
        "The next update of the stack needs the parameter Live=green\n"
    )
    assert account.live() == ("green", LIVE_ROLE, NEW)
    assert account.newest("blue")[:2] == (PLAN_ROLE, OLD)
    assert promoted(export_root())["run_id"] == run_id

    after = account.schedule()
    for found in (before, after):
        del found["Target"]["EcsParameters"]["TaskDefinitionArn"]
    assert after == before

    assert f"would promote run {RUN_A} again" in deploy("back", "--plan")
    assert account.live()[0] == "green"
    assert f"run {RUN_A} is promoted\n" in deploy("back")
    assert account.live() == ("blue", LIVE_ROLE, OLD)
    assert account.newest("green")[:2] == (PLAN_ROLE, NEW)
    assert promoted(export_root())["run_id"] == RUN_A


def test_switch_and_back_can_be_repeated(account: Account) -> None:
    compared(account, ANN)
    for command in ("switch", "back"):
        deploy(command)
        state = account.newest("blue"), account.newest("green"), account.schedule()
        assert "is live already" in deploy(command)
        assert (
            account.newest("blue"),
            account.newest("green"),
            account.schedule(),
        ) == state


def test_other_people_must_be_accepted_by_the_run_that_has_them(
    account: Account,
) -> None:
    run_id = compared(account, ANN, BEN)
    said = deploy("switch", status=10)
    assert said.endswith(f"sms deploy switch --accept {run_id}\n")
    assert f"compared by run {run_id}" in deploy("switch", "--accept", RUN_B, status=10)
    assert account.live()[0] == "blue"
    assert promoted(export_root())["run_id"] == RUN_A
    deploy("switch", "--accept", run_id)
    assert account.live() == ("green", LIVE_ROLE, NEW)
    assert subjects(export_root()) == ["s1", "s2"]


def test_an_image_that_was_not_compared_cannot_go_live(account: Account) -> None:
    assert "is not compared with the promoted run" in deploy("switch", status=10)
    compared(account, ANN)
    deploy("candidate", f"{NEW}2")
    assert "is not compared with the promoted run" in deploy("switch", status=10)


def test_a_comparison_with_an_earlier_promoted_run_does_not_count(
    account: Account,
) -> None:
    compared(account, ANN)
    build_people(RUN_B, [ANN])
    said = deploy("switch", status=10)
    assert f"is not compared with the promoted run {RUN_B}" in said
    deploy("compare")
    assert len(account.commands) == 2
    deploy("switch")
    assert account.live()[0] == "green"


def test_a_night_that_leaves_no_run_is_asked_again(account: Account) -> None:
    account.people = None
    deploy("candidate", NEW)
    assert "left no run" in deploy("compare", status=30)
    assert "is not compared" in deploy("switch", status=10)
    account.people = [ANN]
    assert "texts the same people" in deploy("compare")
    assert len(account.commands) == 2


def test_a_long_night_is_waited_for_again(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.deploy.comparing.sleep", lambda _: None)
    deploy("candidate", NEW)
    assert "is still running" in deploy("compare", "--timeout", "1s", status=30)
    monkeypatch.setattr("ops.deploy.comparing.sleep", account.play)
    assert "texts the same people" in deploy("compare")
    assert len(account.commands) == 1


def test_a_switch_that_was_interrupted_is_repeated(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = compared(account, ANN, BEN)

    def fail(*_: object, **__: object) -> None:
        raise StorageError("interrupted")

    for name in ("register", "point_to"):
        with monkeypatch.context() as patch:
            patch.setattr(Colours, name, fail)
            assert "interrupted" in deploy("switch", "--accept", run_id, status=30)
        assert promoted(export_root())["run_id"] == run_id
        assert account.live() == ("blue", LIVE_ROLE, OLD)
    revisions = account.newest("blue")[2], account.newest("green")[2]
    deploy("switch", "--accept", run_id)
    assert account.live() == ("green", LIVE_ROLE, NEW)
    assert (account.newest("blue")[2], account.newest("green")[2]) == revisions
    deploy("back")
    assert account.live() == ("blue", LIVE_ROLE, OLD)
    assert promoted(export_root())["run_id"] == RUN_A


def test_who_says_stop_in_between_is_left_out_there_and_back(
    account: Account, tmp_path: Path
) -> None:
    build_people(RUN_B, [ANN, BEN])
    compared(account, ANN, BEN)
    listed = tmp_path / "list.csv"
    listed.write_text(
        "channel,address,suppressed_at,reason\n"
        f"sms,{BEN.phone},2025-01-31T12:00:00Z,STOP\n"
    )
    ledger.record(export_root(), listed)
    assert "without people who have said stop since" in deploy("switch")
    assert subjects(export_root()) == ["s1"]
    assert "is live already" in deploy("switch")
    deploy("back")
    assert subjects(export_root()) == ["s1"]
    assert account.live()[0] == "blue"


def test_after_later_nights_the_way_back_leaves_their_run(account: Account) -> None:
    compared(account, ANN)
    deploy("switch")
    later = account.night({"SMS_TRACE_ID": "later"}, [ANN])
    assert sms("publish", "promote", later).returncode == 0
    assert "nights have promoted since" in deploy("back")
    assert account.live() == ("blue", LIVE_ROLE, OLD)
    assert promoted(export_root())["run_id"] == later


def test_the_way_back_is_to_the_image_that_was_live(account: Account) -> None:
    assert "there is nothing to go back to" in deploy("back", status=10)
    compared(account, ANN)
    deploy("switch")
    deploy("candidate", f"{NEW}2")
    assert account.newest("blue")[:2] == (PLAN_ROLE, f"{NEW}2")
    deploy("back")
    assert account.live() == ("blue", LIVE_ROLE, OLD)


def test_a_candidate_with_the_live_role_is_refused(account: Account) -> None:
    account.register("green", LIVE_ROLE)
    for command in (["candidate", NEW], ["candidate", OLD, "--plan"]):
        assert "so a candidate could promote" in deploy(*command, status=10)


def test_another_export_root_than_that_of_the_nights_is_refused(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPORT_ROOT", f"{account.root}2")
    for command in ("compare", "switch", "back"):
        assert "EXPORT_ROOT is " in deploy(command, status=2)


def test_a_wrong_schedule_is_one_line(account: Account) -> None:
    said = deploy("candidate", NEW, "--schedule", "nosuch", status=2)
    assert said == (
        "sms: the schedule nosuch: does not exist (ResourceNotFoundException)\n"
    )
    # A family alone would start whatever is its newest revision.
    target = account.schedule()["Target"]
    target["EcsParameters"]["TaskDefinitionArn"] = (
        "arn:aws:ecs:us-east-1:123456789012:task-definition/x-blue"
    )
    account.scheduler.update_schedule(
        Name=account.name,
        ScheduleExpression="cron(17 1 * * ? *)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=target,
    )
    assert "must start a revision" in deploy("candidate", NEW, status=2)


def test_without_credentials_it_is_one_line(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        if "KEY" in name:
            monkeypatch.delenv(name)
    assert "AWS cannot be asked" in deploy("candidate", NEW, status=2)
    assert account.newest("green")[2] == 1
