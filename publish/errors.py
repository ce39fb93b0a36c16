"""What can go wrong here, by the exit code that it leads to."""

from publish.commandline import CommandError


class PublishError(CommandError):
    """An error of publishing."""


class ConfigurationError(PublishError):
    """A setting, an argument or a name that cannot be used."""

    exit_code = 2


class ContractError(PublishError):
    """Files, counts or a manifest that are not what they must be."""

    exit_code = 10


class StorageError(PublishError):
    """The export root cannot be read or written."""

    exit_code = 30


class LostRaceError(StorageError):
    """Another process promotes, or has promoted, a run at the same time."""


def written_once(address: str) -> StorageError:
    """Return the error of a file whose place is taken."""
    return StorageError(
        f"{address}: is there already, and a run's files are written once"
    )


def lost_race(run_id: str) -> LostRaceError:
    """Return the error of a run that was overtaken."""
    return LostRaceError(
        f"run {run_id}: another run was promoted meanwhile; nothing was moved"
    )


def lost_removal(run_id: str) -> LostRaceError:
    """Return the error of a run that is kept, as what is promoted has changed."""
    return LostRaceError(
        f"run {run_id}: is not removed, as another run was promoted meanwhile: prune "
        "again"
    )
