"""What can go wrong in a night, by the exit code that it leads to."""

from publish.commandline import CommandError


class NightError(CommandError):
    """An error of a night."""


class ConfigurationError(NightError):
    """A setting that is missing or cannot be used."""

    exit_code = 2


class ContractError(NightError):
    """A build, or a date, that is not what it must be."""

    exit_code = 10


class StorageError(NightError):
    """Files or a bucket failed, or another night is in progress."""

    exit_code = 30


class StopSignal(BaseException):
    """A signal to stop, wherever it comes; no Exception, that none may swallow it."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class StoppedError(NightError):
    """A night that was told to stop; ends as a shell says of that signal."""

    def __init__(self, where: str, exit_code: int) -> None:
        super().__init__(f"{where}: stopped")
        self.exit_code = exit_code


class StepError(NightError):
    """A step that failed; ends with the exit code of what failed in it."""

    def __init__(self, step: str, exit_code: int, reason: str) -> None:
        said = f": {reason}" if reason else ", and has said why above"
        super().__init__(f"step {step} failed (exit code {exit_code}){said}")
        self.exit_code = exit_code
