"""Progress bars on standard error: one for each portal, with jobs and requests."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from extract.client import Ask

REFRESHES = 5
WIDTH = 30


@contextmanager
def progress(asks: Sequence[Ask]) -> Iterator[None]:
    """Show how far each portal is, until the block ends."""
    with Live(
        console=Console(stderr=True),
        get_renderable=lambda: bars(asks),
        refresh_per_second=REFRESHES,
        # Log lines go to standard output as they are.
        redirect_stdout=False,
    ):
        yield


def bars(asks: Sequence[Ask]) -> Table:
    """Return the bars of the current progress."""
    table = Table.grid(padding=(0, 2))
    for ask in asks:
        meter = ask.meter
        table.add_row(
            ask.portal.key,
            ProgressBar(
                total=meter.jobs or None, completed=meter.jobs_read, width=WIDTH
            ),
            f"{meter.jobs_read}/{meter.jobs or '?'} jobs",
            f"{meter.requests} requests",
            f"{meter.retries} retries" if meter.retries else "",
        )
    return table
