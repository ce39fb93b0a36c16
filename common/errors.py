"""The errors of the project and their exit codes, which `sms --help` explains.

A message is one line for people: what is wrong and where. It never contains a name, a
phone, an e-mail, a key or a credential.
"""


class CommandError(Exception):
    """An error that is printed as one line, without a stack trace."""

    exit_code = 1


class UnknownPersonError(CommandError):
    """No subject of the build matches the question."""


class ConfigError(CommandError):
    """A setting, option, argument or name is invalid."""

    exit_code = 2


class DatabaseError(CommandError):
    """A database cannot be read, trusted or compared."""

    exit_code = 3


class ContractError(CommandError):
    """A load, a run or a manifest violates its contract."""

    exit_code = 10


class PortalError(CommandError):
    """The portal failed, and retries did not help.

    `reason` is the message without the place; `advice` says what to do.
    """

    exit_code = 20

    def __init__(self, message: str, reason: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message
        self.advice = advice


class NotFoundError(PortalError):
    """The portal answered 404."""


class StorageError(CommandError):
    """Files, a bucket or a lock failed."""

    exit_code = 30


class LostRaceError(StorageError):
    """Another process is promoting a run, or has promoted one meanwhile."""


def written_once(address: str) -> StorageError:
    """Return the error for a file that already exists."""
    return StorageError(
        f"{address}: already exists, and the files of a run are written once"
    )


def lost_race(run_id: str) -> LostRaceError:
    """Return the error for a run that lost to another."""
    return LostRaceError(
        f"run {run_id}: another run was promoted meanwhile; this one was not"
    )


def lost_removal(run_id: str) -> LostRaceError:
    """Return the error for a run kept because another was promoted meanwhile."""
    return LostRaceError(
        f"run {run_id}: not removed: another run was promoted meanwhile; prune again"
    )
