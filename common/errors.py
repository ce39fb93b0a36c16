"""The errors of the project, by the exit code that each leads to.

A message is one line for people: what is wrong and where. It never holds a name, a
phone, an e-mail, a key or a credential.

    0    done
    1    a guard failed, a step failed, or nobody was found
    2    usage or configuration
    3    databases that cannot be read or compared
    10   a contract failed
    20   the portal failed
    30   files or storage failed
    130  stopped by SIGINT; 143 by SIGTERM; 141 by a closed pipe
"""


class CommandError(Exception):
    """An error that one line says in full. Never holds personal data."""

    exit_code = 1


class UnknownPersonError(CommandError):
    """No subject of the build matches the question."""


class ConfigError(CommandError):
    """A setting, an option, an argument or a name that cannot be used."""

    exit_code = 2


class DatabaseError(CommandError):
    """A database that cannot be read, relied on or compared with the other."""

    exit_code = 3


class ContractError(CommandError):
    """A load, a run or a manifest that violates its contract."""

    exit_code = 10


class PortalError(CommandError):
    """The portal failed for good, or for longer than the retries last.

    `reason` is the message without the place; `advice` says what to do.
    """

    exit_code = 20

    def __init__(self, message: str, reason: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message
        self.advice = advice


class NotFoundError(PortalError):
    """The portal answered 404: it knows no such thing."""


class StorageError(CommandError):
    """Files, a bucket or a lock failed."""

    exit_code = 30


class LostRaceError(StorageError):
    """Another process promotes, or has promoted, a run at the same time."""


def written_once(address: str) -> StorageError:
    """Return the error for a file that exists already."""
    return StorageError(
        f"{address}: is there already, and a run's files are written once"
    )


def lost_race(run_id: str) -> LostRaceError:
    """Return the error for a run that another one overtook."""
    return LostRaceError(
        f"run {run_id}: another run was promoted meanwhile; nothing was moved"
    )


def lost_removal(run_id: str) -> LostRaceError:
    """Return the error for a run kept because another was promoted meanwhile."""
    return LostRaceError(
        f"run {run_id}: is not removed, as another run was promoted meanwhile: prune "
        "again"
    )
