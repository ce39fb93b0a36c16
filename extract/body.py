"""The body of an answer: decompressed, capped, and kept on disk when large."""

import mmap
import zlib
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

import httpx

from common.files import storage
from extract.attempts import Again, AttemptError
from extract.jsontext import Body

MIB = 1024 * 1024
IN_MEMORY = 2 * MIB
# How much of a compressed body is decompressed at a time.
PIECE = MIB
GZIP = 16 + zlib.MAX_WBITS


async def read_body(response: httpx.Response, cap: int, folder: Path) -> Body:
    """Return a body of at most `cap` decoded bytes; AttemptError, StorageError.

    A large one is kept in an unnamed file in `folder`, which is freed with it.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise AttemptError("answered in a content encoding that was not asked for")
    inflate = zlib.decompressobj(GZIP) if encoding == "gzip" else None
    size = 0
    with SpooledTemporaryFile(IN_MEMORY, dir=str(folder)) as file:
        async for chunk in response.aiter_raw():
            left = chunk
            while left:
                most = min(PIECE, cap + 1 - size)
                part = _inflated(inflate, left, most) if inflate else left
                left = inflate.unconsumed_tail if inflate else b""
                size += len(part)
                if size > cap:
                    raise AttemptError(f"answered more than {cap:,} bytes")
                with storage(folder):
                    file.write(part)
        if inflate and not inflate.eof:
            raise _broken("is incomplete")
        with storage(folder):
            return _whole(file, size)


def _inflated(inflate: "zlib._Decompress", chunk: bytes, most: int) -> bytes:
    try:
        part = inflate.decompress(chunk, most)
    except zlib.error:
        raise _broken("is broken") from None
    if inflate.unused_data:
        raise _broken("has something after it")
    return part


def _broken(how: str) -> AttemptError:
    return AttemptError(f"answered a gzip body that {how}", Again.PATIENTLY)


def _whole(file: IO[bytes], size: int) -> Body:
    file.seek(0)
    if size <= IN_MEMORY:
        return file.read()
    file.flush()
    return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
