from __future__ import annotations

import pytest

from callscribe.addresses import host_and_port, is_loopback_name


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Example.ORG:80", ("example.org", "80")),
        ("[::1]:8080", ("::1", "8080")),
        ("localhost.", ("localhost", "")),
        ("a@b", ("", "")),
        ("a/b", ("", "")),
        ("a:port", ("", "")),
        ("[::1", ("", "")),
        ("", ("", "")),
    ],
)
def test_host_headers_are_read_strictly(given: str, expected: tuple[str, str]) -> None:
    assert host_and_port(given) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("localhost", True), ("127.8.9.1", True), ("::1", True), ("127.0.0.1.x", False), ("", False)],
)
def test_loopback_names(name: str, expected: bool) -> None:
    assert is_loopback_name(name) is expected
