"""The command `sms suppressions`: who said stop, and what a list adds to that."""

from collections import Counter
from pathlib import Path

import click

from common.errors import ConfigError, UnknownPersonError
from common.options import json_option
from common.output import print_json
from publish.settings import export_root
from publish.suppressions import ledger
from publish.suppressions.addresses import (
    CHANNELS,
    EMAIL,
    SMS,
    mask,
    phones,
    read_email,
    read_time,
)
from publish.suppressions.entries import (
    ACTIONS,
    START,
    STOP,
    WITHDRAW,
    Address,
    Entry,
    taken_back,
    target,
)
from publish.suppressions.formats import FORMATS
from publish.suppressions.lists import describe_unreadable

MONTH = len("2025-01")

show_option = click.option(
    "--show", "is_shown", is_flag=True, help="Print addresses and reasons in full."
)
phone_option = click.option("--phone", metavar="E164", help="A phone, as +12065550100.")
email_option = click.option("--email", metavar="ADDRESS", help="An e-mail.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Keep the ledger of opt-outs under EXPORT_ROOT (default: exports).

    The ledger only grows: a list that lacks an address never brings it back.
    """


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(FORMATS)),
    help="The format of the file (default: the one that its header fits).",
)
@click.option(
    "--allow-unreadable",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    show_default=True,
    help="Accept up to N lines that cannot be read.",
)
@json_option
def add(
    file: Path, format_name: str | None, allow_unreadable: int, *, as_json: bool
) -> None:
    """Record a list of people who said stop.

    Lines that can be read are always recorded. A line that cannot be read then ends
    the command with exit code 2, unless --allow-unreadable lets it through.
    """
    done = ledger.record(
        export_root(),
        file,
        format_name=format_name or "",
        allow_unreadable=allow_unreadable,
    )
    listing = done.listing
    counts = {
        "rows": listing.rows,
        "entries": len(listing.entries),
        "added": done.added,
        "known": done.known,
        "repaired": listing.repaired,
        "rejected_emails": listing.rejected_emails,
        "unreadable": len(listing.unreadable),
    }
    if as_json:
        lines = [{"line": n, "reason": reason} for n, reason in listing.unreadable]
        print_json(
            {
                "format": listing.format,
                "source": listing.source,
                **counts,
                "unreadable_lines": lines,
                "suppressed": len(done.ledger.suppressed),
            }
        )
        return
    click.echo(f"Recorded {listing.source}")
    for name, count in counts.items():
        click.echo(f"  {name.replace('_', ' '):<16} {count:>9,}")
    if listing.unreadable:
        click.echo(f"Not recorded: {describe_unreadable(listing)}")
    if done.added:
        click.echo("`sms publish refresh` leaves new stops out of the promoted run now")


@cli.command("list")
@json_option
def list_entries(*, as_json: bool) -> None:
    """Count the entries by channel, month and source."""
    found = ledger.read_ledger(export_root())
    counts = Counter(_group(entry) for entry in found.entries)
    groups = sorted({key[:3] for key in counts})
    suppressed = Counter(channel for channel, _ in found.suppressed)
    if as_json:
        print_json(
            {
                "segments": len(found.segments),
                "entries": len(found.entries),
                "suppressed": {channel: suppressed[channel] for channel in CHANNELS},
                "digest": found.digest,
                "counts": [
                    {
                        "channel": group[0],
                        "month": group[1],
                        "source": group[2],
                        **{action: counts[(*group, action)] for action in ACTIONS},
                    }
                    for group in groups
                ],
            }
        )
        return
    click.echo(
        f"{'CHANNEL':<8}{'MONTH':<9}{'STOP':>8}{'START':>8}{'WITHDRAW':>10}  SOURCE"
    )
    for group in groups:
        channel, month, source = group
        stops, starts, taken = (counts[(*group, a)] for a in (STOP, START, WITHDRAW))
        click.echo(f"{channel:<8}{month:<9}{stops:>8}{starts:>8}{taken:>10}  {source}")
    click.echo(
        f"{len(found.entries):,} entries in {len(found.segments):,} segments; "
        f"suppressed: {suppressed[SMS]:,} phones, {suppressed[EMAIL]:,} e-mails"
    )


@cli.command()
@phone_option
@email_option
@show_option
@json_option
def show(
    phone: str | None, email: str | None, *, is_shown: bool, as_json: bool
) -> None:
    """Show the history of one address."""
    address = asked_address(phone, email)
    found = ledger.read_ledger(export_root())
    history = sorted(
        (entry for entry in found.entries if entry.who == address),
        key=lambda entry: (entry.at, entry.recorded_at),
    )
    if not history:
        raise UnknownPersonError("the ledger has no entry of this address")
    gone = taken_back(found.entries)
    since = found.suppressed.get(address)
    rows = [
        {
            "action": entry.action,
            "at": entry.at,
            "reason": entry.reason if is_shown else "",
            "source": entry.source,
            "recorded_at": entry.recorded_at,
            "withdrawn": entry in gone,
        }
        for entry in history
    ]
    shown = address[1] if is_shown else mask(address[1])
    if as_json:
        print_json(
            {
                "channel": address[0],
                "address": shown,
                "suppressed_at": since,
                "entries": rows,
            }
        )
        return
    click.echo(f"{shown}: {f'suppressed since {since}' if since else 'not suppressed'}")
    for row in rows:
        taken = ", taken back" if row["withdrawn"] else ""
        reason = f": {' '.join(str(row['reason']).split())}" if row["reason"] else ""
        click.echo(
            f"  {row['at']}  {row['action']:<8} {row['source']}, recorded "
            f"{row['recorded_at']}{taken}{reason}"
        )


@cli.command()
@phone_option
@email_option
@click.option("--source", metavar="TEXT", help="A source, as `list` shows it.")
@click.option("--at", "at_text", metavar="TIME", help="Only the entry of this time.")
@click.option("--reason", required=True, metavar="TEXT", help="Why it was wrong.")
@json_option
def withdraw(
    phone: str | None,
    email: str | None,
    source: str | None,
    at_text: str | None,
    reason: str,
    *,
    as_json: bool,
) -> None:
    """Take a wrong entry back: of an address, of one time of it, or of a source.

    Nothing is deleted, and what is recorded later counts again.
    """
    if source is not None and (phone or email or at_text):
        raise ConfigError(
            "give --source alone, or --phone or --email with or without --at"
        )
    address = None if source is not None else asked_address(phone, email)
    at = read_time(at_text) if at_text else ""
    if at is None:
        raise ConfigError("--at must be a time such as 2025-01-31T12:00:00Z")
    if not reason.strip():
        raise ConfigError("--reason must say why the entry was wrong")
    root = export_root()
    taken = ledger.withdraw(
        root, reason.strip(), address=address, at=at, source=source or ""
    )
    since = ledger.read_ledger(root).suppressed
    still = sum(who in since for who in {entry.who for entry in taken})
    if as_json:
        print_json({"withdrawn": len(taken), "still_suppressed": still})
        return
    click.echo(
        f"{len(taken):,} entries taken back; addresses still suppressed: {still:,}"
    )


def asked_address(phone: str | None, email: str | None) -> Address:
    """Return the address that was asked for; it is in no error."""
    if (phone is None) == (email is None):
        raise ConfigError("give --phone or --email")
    if phone is not None:
        found = phones(phone, ()) if phone.strip().startswith("+") else set()
        if not found:
            raise ConfigError("--phone must begin with + and the country code")
        return SMS, found.pop()
    read = read_email(email or "")
    if read is None:
        raise ConfigError("--email is not a valid e-mail")
    return EMAIL, read


def _group(entry: Entry) -> tuple[str, str, str, str]:
    source = target(entry).source if entry.action == WITHDRAW else entry.source
    return entry.channel, entry.at[:MONTH], source, entry.action
