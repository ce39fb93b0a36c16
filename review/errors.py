"""What can go wrong before there is anything to compare."""

from publish.commandline import CommandError


class ReviewError(CommandError):
    """The two sides cannot be made ready. The message says what to do about it."""

    exit_code = 2
