"""What can go wrong here, by the exit code that it leads to."""

from publish.commandline import CommandError


class AudienceError(CommandError):
    """An error of asking a build."""


class UnknownPersonError(AudienceError):
    """Nobody in the build is meant."""


class UsageError(AudienceError):
    """An argument that cannot be used, or a file that cannot be written."""

    exit_code = 2


class DatabaseError(AudienceError):
    """A database that cannot be read, relied on or compared with the other."""

    exit_code = 3
