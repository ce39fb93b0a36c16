"""Reading an object as a stream that survives a broken connection."""

import io
from collections.abc import Buffer, Callable, Mapping
from typing import Any

from botocore.exceptions import HTTPClientError, IncompleteReadError

TRIES = 5

# boto3's get_object, for one object.
type Get = Callable[..., Mapping[str, Any]]


class ObjectReader(io.RawIOBase):
    """An object, read from its beginning; a broken connection is resumed.

    botocore retries a request until the headers of its answer have come, but not the
    body. The rest is requested with the same version.
    """

    def __init__(self, get: Get) -> None:
        self._get = get
        self._at = 0
        self._tries = TRIES
        answer = get()
        self._body = answer["Body"]
        self._bytes = answer["ContentLength"]
        self.version: str = answer["ETag"]
        self.metadata: Mapping[str, str] = answer["Metadata"]

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Read a piece; return its length, 0 at the end."""
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
            self._resume()

    def _resume(self) -> None:
        rest = {"Range": f"bytes={self._at}-"} if self._at else {}
        self._body = self._get(IfMatch=self.version, **rest)["Body"]

    def close(self) -> None:
        """Release the connection."""
        self._body.close()
        super().close()
