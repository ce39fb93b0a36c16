"""A proxy between a client and the S3 server, which plays faults.

It is a real HTTP server on this machine and passes all on as it is, `Host` too, which
signatures cover.
"""

import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SECONDS = 60
HOP_BY_HOP = {"connection", "expect", "keep-alive", "transfer-encoding"}
POLL = 0.02  # Seconds until an end is noticed.
FOR_EVER = 1_000_000
# Closing at once, without what is left to send: the other end sees a reset.
NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Request:
    """What a client sent; `target` is its path and query."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return what a header says, whatever its case."""
        said = (value for key, value in self.headers if key.lower() == name.lower())
        return next(said, None)


@dataclass(frozen=True)
class Answer:
    """What it gets; `body` is empty for HEAD, whose length is among the headers.

    With `sent`, the connection is closed after so many bytes of the body.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    sent: int | None = None


type Forward = Callable[[Request], Answer]
# None: the connection is reset.
type Fault = Callable[[Request, Forward], Answer | None]


def answers(status: int, code: str) -> Fault:
    """Answer with an error of S3's and pass nothing on."""
    body = f"<Error><Code>{code}</Code><Message>As asked for</Message></Error>"

    def play(request: Request, forward: Forward) -> Answer:
        del request, forward
        return Answer(status, [("Content-Type", "application/xml")], body.encode())

    return play


def resets(request: Request, forward: Forward) -> None:
    """Reset the connection and pass nothing on."""
    del request, forward


def loses_the_answer(request: Request, forward: Forward) -> None:
    """Pass the request on, and reset the connection instead of answering."""
    forward(request)


def flips_a_bit_up(request: Request, forward: Forward) -> Answer:
    """Pass the request on with one bit changed in its body."""
    return forward(
        Request(request.method, request.target, request.headers, _flip(request.body))
    )


def flips_a_bit_down(request: Request, forward: Forward) -> Answer:
    """Pass the answer back with one bit changed in its body."""
    answer = forward(request)
    return Answer(answer.status, answer.headers, _flip(answer.body))


def breaks_off(request: Request, forward: Forward) -> Answer:
    """Pass half of the answer back."""
    answer = forward(request)
    return replace(answer, sent=len(answer.body) // 2)


def is_overtaken_by(action: Callable[[], object]) -> Fault:
    """Do something else first, and reset the connection."""

    def play(request: Request, forward: Forward) -> None:
        del request, forward
        action()

    return play


def _flip(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


@dataclass
class _Rule:
    method: str
    target: re.Pattern[str]
    fault: Fault
    left: int


@dataclass
class Proxy:
    """A running proxy. `requests` are those it was sent, also where it played a fault.

    Rules are tried in the order in which they were made.
    """

    url: str
    requests: list[Request] = field(default_factory=list)
    _rules: list[_Rule] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def play(
        self, fault: Fault, method: str, target: str, times: int = FOR_EVER
    ) -> None:
        """Play a fault for the next requests of a method.

        `target` is a regular expression found in path and query.
        """
        self._rules.append(_Rule(method, re.compile(target), fault, times))

    def count(self, method: str, target: str) -> int:
        """Return how many requests of a method were sent to such a target."""
        return sum(
            request.method == method and re.search(target, request.target) is not None
            for request in self.requests
        )

    def forget(self) -> None:
        """Play nothing any more, and forget what was sent."""
        with self._guard:
            self._rules.clear()
            self.requests.clear()

    def take(self, request: Request) -> Fault | None:
        """Take note of a request; return the fault to play for it."""
        with self._guard:
            self.requests.append(request)
            for rule in self._rules:
                if (
                    rule.left
                    and rule.method == request.method
                    and rule.target.search(request.target)
                ):
                    rule.left -= 1
                    return rule.fault
        return None


@contextmanager
def serve_proxy(server_url: str) -> Iterator[Proxy]:
    """Run a proxy to a server until the block ends."""
    address = urlsplit(server_url).netloc

    class Handler(_Handler):
        proxy = Proxy("")
        server_address = address

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Handler.proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(POLL,), daemon=True).start()
        try:
            yield Handler.proxy
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SECONDS
    proxy: Proxy
    server_address: str

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        headers = list(self.headers.items())
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        fault = self.proxy.take(request)
        answer = fault(request, self._forward) if fault else self._forward(request)
        if answer is None:
            self._reset()
        else:
            self._answer(answer)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def _forward(self, request: Request) -> Answer:
        connection = HTTPConnection(self.server_address, timeout=SECONDS)
        connection.putrequest(
            request.method, request.target, skip_host=True, skip_accept_encoding=True
        )
        for name, value in _passed_on(request.headers):
            connection.putheader(name, value)
        connection.endheaders(request.body)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return Answer(response.status, _passed_on(response.getheaders()), body)

    def _answer(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() != "content-length" or self.command == "HEAD":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: answer.sent])
        if answer.sent is not None:
            self.close_connection = True

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self.rfile.close()
        self.connection.close()


def _passed_on(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in HOP_BY_HOP]
