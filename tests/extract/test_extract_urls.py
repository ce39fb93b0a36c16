"""Base URLs, path segments, and where a next link can lead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.urls import next_target, segment, split_base_url

ORIGIN = "https://studio.example"
BASE = "/shop/api/v1"
CURRENT = "/shop/api/v1/jobs/j/subjects?filter_has_order=true"


@pytest.mark.parametrize(
    ("text", "origin", "path"),
    [
        ("https://studio.example", ORIGIN, "/api/v1"),
        ("https://Studio.Example:443/", ORIGIN, "/api/v1"),
        ("https://studio.example/api/v1", ORIGIN, "/api/v1"),
        ("https://studio.example/api/v1/", ORIGIN, "/api/v1"),
        ("https://studio.example/shop/", ORIGIN, BASE),
        ("https://studio.example/shop/api/v1//", ORIGIN, BASE),
        ("https://studio.example:8443/shop", f"{ORIGIN}:8443", BASE),
        ("http://127.0.0.1:8808/1/api/v1", "http://127.0.0.1:8808", "/1/api/v1"),
        ("http://localhost", "http://localhost", "/api/v1"),
        ("http://[::1]:80/", "http://[::1]", "/api/v1"),
    ],
)
def test_a_base_url_is_split_into_origin_and_path(
    text: str, origin: str, path: str
) -> None:
    assert split_base_url(text) == (origin, path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://studio.example/api/v1", "plain http"),
        ("http://127.0.0.1.example.com", "plain http"),
        ("http://localhost.example.com", "plain http"),
        ("ftp://studio.example", "not an http"),
        ("studio.example/api/v1", "not an http"),
        ("https:///api/v1", "not an http"),
        ("https://user@studio.example", "a user"),
        ("https://@studio.example", "a user"),
        ("https://studio.example/api/v1?x=1", "a query"),
        ("https://studio.example/#x", "a query or a fragment"),
        ("https://studio.example/a/../api/v1", "dot segment"),
        ("https://studio.example/%2e%2E/api/v1", "dot segment"),
        ("https://studio.example//x/api/v1", "an empty"),
        ("https://studio.example/a b", "characters"),
        ("https://studio.example\\@other.example", "characters"),
        ("https://stüdio.example", "characters"),
        ("https://studio.example:x", "an invalid port"),
        ("https://studio.example:99999", "an invalid port"),
        ("https://[::1", "not a URL"),
        ("", "not an http"),
    ],
)
def test_an_unsafe_base_url_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        split_base_url(text)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("plain-uuid_1.2~", "plain-uuid_1.2~"),
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("...", "%2E%2E%2E"),
        ("a/../b", "a%2F..%2Fb"),
        ("a?b#c%2F", "a%3Fb%23c%252F"),
        ("a\r\nHost: x", "a%0D%0AHost%3A%20x"),
        ("é\x00", "%C3%A9%00"),
    ],
)
def test_a_segment_is_strictly_encoded(text: str, encoded: str) -> None:
    assert segment(text) == encoded


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_no_segment_can_leave_its_place(text: str) -> None:
    encoded = segment(text)
    assert encoded.isascii()
    assert not set(encoded) & set("/?#\\ \r\n")
    assert encoded not in ("", ".", "..")


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("https://studio.example/shop/api/v1/x?page=2", "/shop/api/v1/x?page=2"),
        ("HTTPS://STUDIO.example:443/shop/api/v1/x", "/shop/api/v1/x"),
        ("https://studio.example?page=2", "/?page=2"),
        ("//studio.example/x", None),
        ("/shop/api/v1/jobs?page=2", "/shop/api/v1/jobs?page=2"),
        ("/api/v1/jobs?page=2", "/api/v1/jobs?page=2"),
        ("/jobs?page=2", "/shop/api/v1/jobs?page=2"),
        ("/shop/api/v1x", "/shop/api/v1/shop/api/v1x"),
        ("jobs?page=2", "/shop/api/v1/jobs?page=2"),
        ("?page=2", "/shop/api/v1/jobs/j/subjects?page=2"),
        ("  /jobs?page=2\n", "/shop/api/v1/jobs?page=2"),
        ("/jobs?page=2#top", "/shop/api/v1/jobs?page=2"),
        ("/jobs?after=a%2Fb&x=é", "/shop/api/v1/jobs?after=a%2Fb&x=é"),
        (
            "/jobs?at=https://evil.example/",
            "/shop/api/v1/jobs?at=https://evil.example/",
        ),
    ],
)
def test_a_next_link_of_any_style_stays_on_the_origin(
    link: str, target: str | None
) -> None:
    if target is None:
        with pytest.raises(ValueError, match="not an http"):
            next_target(link, ORIGIN, BASE, CURRENT)
    else:
        assert next_target(link, ORIGIN, BASE, CURRENT) == target


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("https://other.example/shop/api/v1/x", "another host"),
        ("https://studio.example.evil.example/x", "another host"),
        ("https://studio.example:8443/x", "another host, port"),
        ("http://studio.example/x", "plain http"),
        ("http://127.0.0.1/x", "another host"),
        ("//other.example/x", "not an http"),
        ("///other.example/x", "not an http"),
        ("https://user:secret@studio.example/x", "a user"),
        ("https://studio.example@other.example/x", "a user"),
        ("https:/studio.example/x", "not an http"),
        ("javascript:alert(1)", "not an http"),
        ("file:///etc/passwd", "not an http"),
        ("/\\other.example/x", "characters"),
        ("/jobs?x=\r\nHost: other.example", "characters"),
        ("/jobs?x=a b", "characters"),
        ("/../../secret", "dot segment"),
        ("/jobs/%2e%2E/x", "dot segment"),
        ("https://studio.example/a/../x", "dot segment"),
        ("#top", "nowhere"),
        ("?", "nowhere"),
        ("https://[::1/x", "not a URL"),
        ("https://studio.example:x/x", "an invalid port"),
        ("/jobs?x=" + "a" * 9000, "too long"),
    ],
)
def test_an_unsafe_next_link_is_refused(link: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        next_target(link, ORIGIN, BASE, CURRENT)


@given(st.text())
def test_any_next_link_is_a_safe_target_or_refused(link: str) -> None:
    try:
        target = next_target(link, ORIGIN, BASE, CURRENT)
    except ValueError:
        return
    assert target.startswith("/")
    assert not any(part in (".", "..") for part in target.split("?")[0].split("/"))
