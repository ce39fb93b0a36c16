"""What can go wrong here, by the exit code that it leads to."""


class AudienceError(Exception):
    """An error that one line says in full. Never holds personal data."""

    exit_code = 1


class UnknownPersonError(AudienceError):
    """Nobody in the build is meant."""


class UsageError(AudienceError):
    """An argument that cannot be used, or a file that cannot be written."""

    exit_code = 2


class DatabaseError(AudienceError):
    """A database that cannot be read, relied on or compared with the other."""

    exit_code = 3
