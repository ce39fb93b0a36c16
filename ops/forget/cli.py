"""The command `sms forget`: erase one person's data."""

import os
from collections import Counter
from pathlib import Path

import click

from common.errors import ContractError
from common.options import json_option
from common.output import print_json


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--phone", metavar="E164", help="A phone, such as +12065550100.")
@click.option("--email", metavar="ADDRESS", help="An e-mail.")
@click.option("--subject", metavar="UUID", help="A subject, with all of its rows.")
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
@json_option
def cli(
    phone: str | None,
    email: str | None,
    subject: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Erase one person from loads, databases and runs that are not promoted.

    The ledger of opt-outs keeps the bare address. The promoted run cannot be changed:
    if it has the person, the exit code is 10, and the last line says what to do.
    docs/compliance.md says what is erased and what is not.
    """
    from ops.forget.landing import forget_loads  # noqa: PLC0415
    from ops.forget.person import SUBJECT, read_person  # noqa: PLC0415
    from ops.forget.places import forget_databases, forget_runs  # noqa: PLC0415
    from publish.settings import export_root  # noqa: PLC0415
    from publish.suppressions.addresses import mask  # noqa: PLC0415
    from publish.suppressions.ledger import read_ledger  # noqa: PLC0415

    person = read_person(phone, email, subject)
    root = export_root()
    is_subject = person.kind == SUBJECT
    is_suppressed = (
        not is_subject and (person.kind, person.value) in read_ledger(root).suppressed
    )
    landing = Path(os.environ.get("LANDING_DIR") or "landing")
    counts: Counter[str] = Counter()
    forget_loads(landing, person, counts, dry_run=dry_run)
    forget_databases(counts, dry_run=dry_run)
    promoted = forget_runs(root, person, counts, dry_run=dry_run)
    notes = _notes(os.environ.get("LANDING_STORE", ""), is_subject, is_suppressed)
    erased = {what: number for what, number in sorted(counts.items()) if number}
    if as_json:
        print_json(
            {
                "kind": person.kind,
                "dry_run": dry_run,
                "erased": erased,
                "is_suppressed": is_suppressed,
                "promoted_run": promoted,
                "notes": notes,
            }
        )
    else:
        shown = "the subject" if is_subject else mask(person.value)
        click.echo(f"{'Would erase' if dry_run else 'Erased'} {shown}:")
        for what, number in erased.items():
            click.echo(f"  {what:<36}{number:>9,}")
        for note in notes if erased else ["Nothing to erase.", *notes]:
            click.echo(note)
    if promoted is not None:
        again = (
            "build and promote again"
            if is_subject or not is_suppressed
            else ("run `sms publish refresh` or the next night")
        )
        message = (
            f"not complete: the promoted run {promoted} and latest/ still have the "
            f"person: {again}, then `sms forget` again"
        )
        if not dry_run:
            raise ContractError(message)
        if not as_json:
            click.echo(message)


def _notes(store: str, is_subject: bool, is_suppressed: bool) -> list[str]:
    """Return what the command does not reach."""
    notes = []
    if store:
        notes.append("Not covered: the loads in LANDING_STORE and their versions.")
    if is_subject:
        notes.append(
            "The portal still has the subject: the next load brings it back unless it "
            "is deleted there."
        )
    elif not is_suppressed:
        notes.append(
            "The ledger does not suppress this address: the portal still has it, so "
            "after the next load it can be texted again. Delete it there, and record "
            "it with `sms suppressions add FILE`."
        )
    else:
        notes.append(
            "The ledger keeps the bare address, so that it is not texted. The portal "
            "still has the person: the next load brings the data back."
        )
    return notes
