"""Reading an object as a stream that outlives a broken connection."""

import io
from collections.abc import Buffer, Callable, Mapping
from typing import Any

from botocore.exceptions import HTTPClientError, IncompleteReadError

TRIES = 5

# boto3's get_object, for one object.
type Get = Callable[..., Mapping[str, Any]]


class ObjectReader(io.RawIOBase):
    """An object from its beginning; where an answer breaks off, it is gone on with.

    botocore retries what gets no answer, and not what comes after its headers. What
    goes on is of the same version as what was begun.
    """

    def __init__(self, get: Get, **first: str) -> None:
        self._get = get
        self._at = 0
        self._tries = TRIES
        answer = get(**first)
        self._body = answer["Body"]
        self._bytes = answer["ContentLength"]
        self.version: str = answer["ETag"]

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Read a piece; 0 is the end."""
        view = memoryview(buffer)
        piece = self._next(len(view)) if self._at < self._bytes else b""
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _next(self, size: int) -> bytes:
        while True:
            try:
                piece: bytes = self._body.read(size)
            except (HTTPClientError, IncompleteReadError):
                self._tries -= 1
                if not self._tries:
                    raise
            else:
                return piece
            self._go_on()

    def _go_on(self) -> None:
        rest = {"Range": f"bytes={self._at}-"} if self._at else {}
        self._body = self._get(IfMatch=self.version, **rest)["Body"]

    def close(self) -> None:
        """Close the connection, unless it can be used again."""
        self._body.close()
        super().close()
