"""How a night ends when a step fails or a signal stops it."""

from common.errors import CommandError


class StopSignal(BaseException):
    """A signal to stop. Not an Exception, so that no handler swallows it."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class StoppedError(CommandError):
    """A signal stopped the night; the exit code is the signal's."""

    def __init__(self, where: str, exit_code: int) -> None:
        super().__init__(f"{where}: stopped")
        self.exit_code = exit_code


class CommandFailedError(CommandError):
    """A command failed: its exit code, and the last line of its errors."""

    def __init__(self, exit_code: int, reason: str) -> None:
        super().__init__(reason)
        self.exit_code = exit_code


class StepError(CommandError):
    """A step failed; the exit code is that of the failure."""

    def __init__(self, step: str, exit_code: int, reason: str) -> None:
        said = f": {reason}" if reason else "; the reason is above"
        super().__init__(f"step {step} failed (exit code {exit_code}){said}")
        self.exit_code = exit_code
