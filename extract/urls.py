"""Addresses: base URLs, origins, path segments, and where a `next` link can lead.

A request has an origin, which the seed fixes, and a target: path and query. So the
credentials cannot leave a portal's origin.
"""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, quote, unquote, urlsplit

API_PATH = "/api/v1"
DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_LINK = 8192
UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")


def split_base_url(text: str) -> tuple[str, str]:
    """Split a base URL into its origin and its path, which ends in `/api/v1`.

    `https://Host.example/shop/` becomes `("https://host.example", "/shop/api/v1")`.
    Plain HTTP is allowed for loopback hosts only. Raises ValueError with the reason.
    """
    if UNSAFE.search(text) or not text.isascii():
        raise ValueError("has characters that are not allowed in a URL")
    parts = _split(text)
    if "?" in text or "#" in text:
        raise ValueError("has a query or a fragment")
    path = parts.path.rstrip("/").removesuffix(API_PATH)
    if any(unquote(segment) in ("", ".", "..") for segment in path.split("/")[1:]):
        raise ValueError("has an empty or a dot segment in its path")
    return origin_of(parts), path + API_PATH


def origin_of(parts: SplitResult) -> str:
    """Return `scheme://host[:port]` in one spelling; ValueError if not allowed."""
    host, scheme = parts.hostname, parts.scheme
    if scheme not in DEFAULT_PORTS or not host:
        raise ValueError("is not an http or https address")
    if "@" in parts.netloc:
        raise ValueError("has a user in it")
    if scheme == "http" and not is_loopback(host):
        raise ValueError("is plain http, which only loopback hosts may use")
    port = _port(parts)
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" + (
        "" if port in (None, DEFAULT_PORTS[scheme]) else f":{port}"
    )


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError as error:
        raise ValueError("is not a URL") from error


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError as error:
        raise ValueError("has an invalid port") from error


def is_loopback(host: str) -> bool:
    """Return whether a host can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def segment(text: str) -> str:
    """Encode one path segment strictly, `.` and `..` too."""
    return quote(text, safe="") if text.strip(".") else text.replace(".", "%2E")


def next_target(link: str, origin: str, base_path: str, current: str) -> str:
    """Return the target of a `next` link on the same origin.

    Links are absolute, relative to the host (`/api/v1/...`, or with the base URL's path
    before it; both are used as they are), relative to the base URL, or only a query.
    Raises ValueError with the reason if a link must not be followed.
    """
    link = link.strip()
    if UNSAFE.search(link) or len(link) > MAX_LINK:
        raise ValueError("has characters that are not allowed in a URL, or is too long")
    parts = _split(link)
    if not parts.path and not parts.query:
        raise ValueError("leads nowhere")
    if parts.scheme or parts.netloc or link.startswith("//"):
        if origin_of(parts) != origin:
            raise ValueError("leads to another host, port or scheme")
        path = parts.path or "/"
    else:
        path = _own_path(parts.path, base_path, current)
    if any(unquote(part) in (".", "..") for part in path.split("/")):
        raise ValueError("has a dot segment in its path")
    return f"{path}?{parts.query}" if parts.query else path


def _own_path(path: str, base_path: str, current: str) -> str:
    if not path:
        return current.partition("?")[0]
    path = path if path.startswith("/") else f"/{path}"
    if path.startswith((f"{base_path}/", f"{API_PATH}/")):
        return path
    return base_path + path
