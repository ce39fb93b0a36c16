"""What can go wrong, each kind with the exit code of the commands.

A message is one line for people: what is wrong and where. It never holds a name, a
phone, an e-mail, a key or a credential.
"""


class ExtractError(Exception):
    """Any failure that a command ends with, as one line."""

    exit_code = 1


class ConfigError(ExtractError):
    """The command was asked for something that cannot be: options, settings, seeds."""

    exit_code = 2


class ContractError(ExtractError):
    """What was landed is not what it may be."""

    exit_code = 10


class PortalError(ExtractError):
    """The portal failed, for good or for longer than patience goes.

    `reason` is the message without where it happened; `advice` says what to do.
    """

    exit_code = 20

    def __init__(self, message: str, reason: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message
        self.advice = advice


class NotFoundError(PortalError):
    """The portal says that there is no such thing (404)."""


class StorageError(ExtractError):
    """Files could not be read or written."""

    exit_code = 30
