"""The `publish` command as a user meets it: real processes, real folders."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from publish.local import LocalRoot
from publish.terminal import list_runs
from tests.publish.publishing import (
    RUN_A,
    RUN_B,
    RUN_C,
    SMS,
    build,
    facts,
    publish,
    published,
    tree,
    write_files,
)


def test_list_shows_the_newest_run_first(root: Path) -> None:
    build(RUN_A, rows=10)
    build(RUN_C, rows=2, promote=False)
    write_files(RUN_B)
    done = publish("list")
    assert (done.returncode, done.stderr) == (0, "")
    load = "20241231T000000000000Z-00000000"
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["RUN", "LOAD", "BUYERS", "NON_BUYERS", "STATE"],
        [RUN_C, load, "4", "4", "not", "promoted"],
        [RUN_B, "-", "-", "-", "unfinished"],
        [RUN_A, load, "20", "20", "promoted"],
    ]


def test_list_names_a_damaged_run(root: Path) -> None:
    build(RUN_A)
    build(RUN_B)
    (root / "runs" / RUN_A / "manifest.json").write_text("{}")
    done = publish("list")
    assert done.returncode == 0
    states = [line.split()[-1] for line in done.stdout.splitlines()]
    assert states == ["STATE", "promoted", "damaged"]


def test_list_without_runs(root: Path) -> None:
    done = publish("list")
    assert (done.returncode, done.stdout) == (
        0,
        f"no runs under {root} (EXPORT_ROOT): `dbt build` makes one\n",
    )
    assert not root.exists()


def test_list_reads_each_manifest_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run_id in (RUN_A, RUN_B, RUN_C):
        build(run_id)
    keys: list[str] = []
    read = LocalRoot.read

    def counted(self: LocalRoot, key: str) -> bytes | None:
        keys.append(key)
        return read(self, key)

    monkeypatch.setattr(LocalRoot, "read", counted)
    assert len(list_runs(LocalRoot(root))) == 3
    manifests = [f"runs/{run_id}/manifest.json" for run_id in (RUN_A, RUN_B, RUN_C)]
    assert sorted(keys) == ["current.json", *manifests]


def test_lists_and_counts_as_json(root: Path) -> None:
    build(RUN_A)
    write_files(RUN_B)
    load_id = "20241231T000000000000Z-00000000"
    no_copy = {"replaced_by": None, "derived_from": None}
    assert json.loads(publish("list", "--json").stdout) == [
        {"run_id": RUN_B, "load_id": None, "buyers": None, "non_buyers": None}
        | {"state": "unfinished"}
        | no_copy,
        {"run_id": RUN_A, "load_id": load_id, "buyers": 6, "non_buyers": 6}
        | {"state": "promoted"}
        | no_copy,
    ]
    shown = json.loads(publish("show", "--json").stdout)
    assert shown["counts"] == facts(RUN_A)["counts"]
    assert (shown["run_id"], shown["state"]) == (RUN_A, "promoted")
    assert shown["folder"] == f"{root}/runs/{RUN_A}"
    assert shown["latest"] == f"{root}/latest"
    assert "variables" not in shown
    verified = publish("verify", "--json")
    assert json.loads(verified.stdout) == {"run_id": RUN_A, "problems": []}
    (root / "latest" / "sandbox2" / "buyers.csv").unlink()
    verified = publish("verify", "--json")
    assert verified.returncode == 10
    assert json.loads(verified.stdout)["problems"] == [
        "latest/sandbox2/buyers.csv: missing"
    ]


def test_list_without_runs_as_json(root: Path) -> None:
    assert publish("list", "--json").stdout == "[]\n"


def test_show_explains_the_promoted_run(root: Path) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    done = publish("show")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"Run {RUN_A}, promoted\n"
        "Load 20241231T000000000000Z-00000000, as of 2024-12-31T00:00:00.000000Z, "
        "code 0.1.0\n"
        "\n"
        "PORTAL    AUDIENCE    CANDIDATES  EXPORTED  EXCLUDED  REASON\n"
        "sandbox1  buyers               6         3         3\n"
        "                                                   2  contact_missing\n"
        "                                                   1  duplicate\n"
        "sandbox1  non_buyers           6         3         3\n"
        "                                                   2  contact_missing\n"
        "                                                   1  duplicate\n"
        "sandbox2  buyers               6         3         3\n"
        "                                                   2  contact_missing\n"
        "                                                   1  duplicate\n"
        "sandbox2  non_buyers           6         3         3\n"
        "                                                   2  contact_missing\n"
        "                                                   1  duplicate\n"
        "\n"
        f"Files in {root}/latest\n"
        f"and, with exclusions.csv, in {root}/runs/{RUN_A}\n"
    )


def test_show_takes_a_run_or_the_newest(root: Path) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    newest = publish("show", "--latest-run")
    assert newest.stdout == publish("show", RUN_B).stdout
    assert newest.stdout.startswith(f"Run {RUN_B}, not promoted\n")
    assert newest.stdout.endswith(f"Files in {root}/runs/{RUN_B}\n")
    _assert_fails(publish("show", RUN_B, "--latest-run"), 2, "not both")


def test_show_says_that_a_run_did_not_finish(root: Path) -> None:
    write_files(RUN_A)
    for arguments in (["--latest-run"], [RUN_A]):
        _assert_fails(publish("show", *arguments), 10, "has no manifest")


def test_verify_reads_all_back(root: Path) -> None:
    build(RUN_A)
    build(RUN_B)
    for arguments, run_id in (([], RUN_B), ([RUN_A], RUN_A)):
        done = publish("verify", *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"run {run_id}: all files match the manifest\n"


def test_verify_names_every_file_that_is_wrong(root: Path) -> None:
    build(RUN_A)
    run = root / "runs" / RUN_A
    damaged = run / "sandbox1" / "buyers.csv"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    flipped = run / "sandbox1" / "non_buyers.csv"
    flipped.write_bytes(flipped.read_bytes().replace(b"5550123", b"5550122"))
    (run / "sandbox2" / "buyers.csv").unlink()
    (run / "sandbox2" / "extra.csv").write_text("a\n")
    (root / "latest" / "sandbox2" / "buyers.csv").unlink()
    done = publish("verify")
    assert done.returncode == 10
    size = damaged.stat().st_size
    assert done.stdout.splitlines() == [
        f"sandbox1/buyers.csv: damaged, {size} bytes instead of {size + 1}",
        "sandbox1/non_buyers.csv: damaged, its sha256 is not the manifest's",
        "sandbox2/buyers.csv: missing",
        "sandbox2/extra.csv: extra",
        "latest/sandbox2/buyers.csv: missing",
    ]
    assert done.stderr == f"sms: run {RUN_A}: 5 problems found\n"


def test_verify_reads_the_manifest_against_current_json(root: Path) -> None:
    build(RUN_A)
    manifest = root / "runs" / RUN_A / "manifest.json"
    manifest.write_text(manifest.read_text() + "\n")
    done = publish("verify")
    assert done.returncode == 10
    assert done.stdout.startswith("manifest.json: damaged")


@pytest.mark.parametrize("content", ["", "{}", "[" * 100_000, '{"run_id": 1}'])
def test_a_manifest_that_cannot_be_read(root: Path, content: str) -> None:
    build(RUN_A)
    (root / "runs" / RUN_A / "manifest.json").write_text(content)
    for command in ("verify", "show"):
        _assert_fails(publish(command), 10, f"run {RUN_A}: manifest.json")
    _assert_fails(publish("promote", RUN_A), 10, f"run {RUN_A}: manifest.json")


def test_a_manifest_that_leads_outside_is_refused(root: Path) -> None:
    build(RUN_A, promote=False)
    manifest = root / "runs" / RUN_A / "manifest.json"
    manifest.write_text(manifest.read_text().replace("exclusions.csv", "../x.csv"))
    for command in ("verify", "promote"):
        _assert_fails(publish(command, RUN_A), 10, "'../x.csv' is not a file of a run")


def test_promote_moves_forward_and_back(root: Path) -> None:
    build(RUN_A)
    build(RUN_B)
    done = publish("promote", RUN_A)
    assert (done.returncode, done.stdout) == (0, f"run {RUN_A}: promoted\n")
    assert published(root) == RUN_A
    again = publish("promote", RUN_A)
    assert (again.returncode, again.stdout) == (
        0,
        f"run {RUN_A}: was promoted already\n",
    )
    assert publish("promote", RUN_B).returncode == 0
    assert published(root) == RUN_B


def test_promote_verifies_first(root: Path) -> None:
    build(RUN_A)
    build(RUN_B, promote=False)
    (root / "runs" / RUN_B / "sandbox1" / "buyers.csv").write_text("torn")
    (root / "runs" / RUN_B / "exclusions.csv").unlink()
    before = tree(root)
    _assert_fails(
        publish("promote", RUN_B),
        10,
        f"run {RUN_B}: exclusions.csv: missing (and 1 more)",
    )
    assert tree(root) == before


def test_promote_refuses_a_run_without_a_manifest(root: Path) -> None:
    build(RUN_A)
    write_files(RUN_B)
    before = tree(root)
    _assert_fails(publish("promote", RUN_B), 10, "has no manifest")
    assert tree(root) == before


def test_without_a_promoted_run(root: Path) -> None:
    for command in ("show", "verify"):
        _assert_fails(publish(command), 10, f"no run is promoted under {root}")
        _assert_fails(publish(command), 10, "`dbt build` promotes one")
    _assert_fails(publish("show", "--latest-run"), 10, f"no runs under {root}")


def test_a_run_that_does_not_exist(root: Path) -> None:
    build(RUN_A)
    for command in ("show", "verify", "promote"):
        _assert_fails(publish(command, RUN_B), 2, f"run {RUN_B}: not found")


@pytest.mark.parametrize(
    "arguments",
    [["frobnicate"], ["promote"], ["list", "more"], ["show", "--wrong"], ["--wrong"]],
)
def test_wrong_usage_is_one_line(root: Path, arguments: list[str]) -> None:
    _assert_fails(publish(*arguments), 2, "sms: ")
    assert not root.exists()


def test_no_command_is_answered_with_help() -> None:
    done = publish()
    assert done.returncode == 2
    assert "Commands:" in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["list", "show", "verify"])
@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("s3://", "EXPORT_ROOT must be a folder or s3://BUCKET/PREFIX"),
        ("gs://bucket/prefix", "EXPORT_ROOT begins with gs://"),
    ],
)
def test_an_address_that_is_no_root_is_a_configuration_error(
    monkeypatch: pytest.MonkeyPatch, address: str, message: str, command: str
) -> None:
    monkeypatch.setenv("EXPORT_ROOT", address)
    _assert_fails(publish(command), 2, message)


@pytest.mark.parametrize("command", ["list", "show", "verify"])
def test_a_file_in_the_place_of_the_root(root: Path, command: str) -> None:
    root.write_text("a file")
    _assert_fails(publish(command), 30, "Not a directory")


def test_a_file_in_the_place_of_the_copies(root: Path) -> None:
    build(RUN_A, promote=False)
    (root / ".latest").write_text("a file")
    _assert_fails(publish("promote", RUN_A), 30, "a file where a folder must be")
    assert not (root / "current.json").exists()


def test_output_that_nobody_reads_is_no_traceback(root: Path) -> None:
    build(RUN_A)
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [SMS, "publish", "show"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert "Traceback" not in done.stderr


def test_nothing_printed_is_personal(root: Path) -> None:
    build(RUN_A)
    (root / "runs" / RUN_A / "sandbox1" / "buyers.csv").write_text(
        'a,b\n"+12025550199"x,Canary\n'
    )
    for arguments in (["list"], ["show"], ["verify"], ["promote", RUN_A]):
        done = publish(*arguments)
        for canary in ("2025550123", "2025550199", "Canary"):
            assert canary not in done.stdout + done.stderr


def _assert_fails(
    done: subprocess.CompletedProcess[str], status: int, message: str
) -> None:
    assert done.returncode == status
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
    assert done.stdout == ""


def test_report_names_the_newest_run_that_has_one(root: Path) -> None:
    done = publish("report")
    assert (done.returncode, done.stdout) == (10, "")
    assert "has a report: a whole `dbt build` writes one" in done.stderr
    for run_id in (RUN_A, RUN_B, RUN_C):
        build(run_id)
    for run_id in (RUN_A, RUN_B):
        (root / "runs" / run_id / "report.html").write_text("<!doctype html>")
    for arguments, run_id in (([], RUN_B), ([RUN_A], RUN_A)):
        done = publish("report", *arguments)
        path = root / "runs" / run_id / "report.html"
        assert (done.returncode, done.stdout) == (0, f"{path}\n")
    assert publish("verify", RUN_B).returncode == 0
    for arguments, state in (
        ([], f"run {RUN_B}: replaced by {RUN_C}\n"),
        ([RUN_A], f"run {RUN_A}: promoted\n"),
    ):
        if arguments:
            assert publish("promote", RUN_A).returncode == 0
        assert publish("report", *arguments).stderr == state
    done = publish("report", RUN_C)
    assert (done.returncode, done.stdout) == (10, "")
    assert done.stderr == f"sms: run {RUN_C}: has no report\n"


def test_report_opens_a_browser_if_there_is_one(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(RUN_A)
    page = root / "runs" / RUN_A / "report.html"
    page.write_text("<!doctype html>")
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", str(browser))
    assert publish("report", "--open").stdout == f"{page}\n"
    assert opened.read_text() == f"{page.as_uri()}\n"
    monkeypatch.setenv("BROWSER", str(tmp_path / "nothing"))
    monkeypatch.setenv("PATH", "")
    done = publish("report", "--open")
    assert (done.returncode, done.stdout) == (0, f"{page}\n")
