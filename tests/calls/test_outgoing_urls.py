"""URLs that ACS opens: an attack table."""

from __future__ import annotations

import pytest

from calls.outgoing_urls import (
    COGNITIVE_SERVICES_HOSTS,
    MAX_URL_CHARACTERS,
    is_endpoint_of,
    is_file_of,
    parse_hosts,
)

HOSTS = [*COGNITIVE_SERVICES_HOSTS, "speech.example"]
HOST = "my-speech.cognitiveservices.azure.com"

ATTACKS = [
    "",
    HOST,
    f"http://{HOST}",
    f"HTTPS://{HOST}",
    f"https:{HOST}",
    f"https:/{HOST}",
    f"https:///{HOST}",
    f"//{HOST}",
    f"wss://{HOST}",
    f"file://{HOST}",
    f"javascript://{HOST}",
    # Hosts that are not on the list, or only look as if they were.
    "https://169.254.169.254",
    "https://2852039166",
    "https://0xA9FEA9FE",
    "https://0251.0376.0251.0376",
    "https://127.1",
    "https://[::1]",
    "https://[fd00::1]",
    "https://localhost",
    "https://metadata.google.internal",
    "https://example.com",
    "https://cognitiveservices.azure.com",
    "https://.cognitiveservices.azure.com",
    "https://a.b.cognitiveservices.azure.com",
    "https://evilcognitiveservices.azure.com",
    f"https://{HOST}.evil.example",
    f"https://{HOST}.",
    "https://a..cognitiveservices.azure.com",
    "https://-a.cognitiveservices.azure.com",
    "https://a-.cognitiveservices.azure.com",
    "https://*.cognitiveservices.azure.com",
    "https://a_b.cognitiveservices.azure.com",
    f"https://{'a' * 64}.cognitiveservices.azure.com",
    "https://а.cognitiveservices.azure.com",  # noqa: RUF001  # a Cyrillic letter
    "https://a。cognitiveservices.azure.com",  # an ideographic full stop
    "https://a%2ecognitiveservices.azure.com",
    "https://evil.example%2f.cognitiveservices.azure.com",
    "https://evil.example\\.cognitiveservices.azure.com",
    # User information and ports.
    f"https://user@{HOST}",
    f"https://user:password@{HOST}",
    f"https://{HOST}@evil.example",
    f"https://{HOST}:443",
    f"https://{HOST}:8080",
    f"https://{HOST}:@evil.example",
    # Queries, fragments, and what a parser may take for one.
    f"https://{HOST}?a",
    f"https://{HOST}/?a",
    f"https://{HOST}#a",
    f"https://evil.example#{HOST}",
    f"https://evil.example?{HOST}",
    f"https://evil.example/{HOST}",
    f"https://evil.example\\@{HOST}",
    f"https://evil.example;@{HOST}",
    # Characters that a URL does not have.
    f" https://{HOST}",
    f"https://{HOST} ",
    f"https://{HOST}\n",
    f"https://{HOST}\r\nX-Injected: 1",
    f"https://{HOST}/\r\nX-Injected: 1",
    f"https://{HOST}\t",
    f"https://{HOST}\0",
    f"https://my\u00adspeech{HOST}",
    f"https://my\u200bspeech.{HOST}",
]
PATHS = [
    "//",
    "/../",
    "/..",
    "/./",
    "/a/../b",
    "/a//b",
    "/a/",
    "/%2e%2e",
    "/a%0d%0a",
    "/a;b",
    "/a\\b",
]


@pytest.mark.parametrize("url", ATTACKS)
def test_an_attack_is_neither_an_endpoint_nor_a_file(url: str) -> None:
    assert not is_endpoint_of(url, HOSTS)
    assert not is_file_of(url, HOSTS)
    assert not is_file_of(url + "/a.wav", HOSTS)


@pytest.mark.parametrize("path", PATHS)
def test_tricks_with_paths_are_refused(path: str) -> None:
    assert not is_endpoint_of(f"https://{HOST}{path}", HOSTS)
    assert not is_file_of(f"https://{HOST}{path}", HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        f"https://{HOST}",
        f"https://{HOST}/",
        "https://MY-Speech.CognitiveServices.azure.com",
        "https://a.services.ai.azure.com/",
        "https://speech.example",
    ],
)
def test_an_endpoint(url: str) -> None:
    assert is_endpoint_of(url, HOSTS)
    assert not is_endpoint_of(url, [])
    assert not is_file_of(url, HOSTS), "a file has a path"


@pytest.mark.parametrize("path", ["/consent.wav", "/en/v2/consent-2026_1.~x.wav"])
def test_a_file(path: str) -> None:
    assert is_file_of("https://speech.example" + path, HOSTS)
    assert not is_file_of("https://speech.example" + path, [])
    assert not is_endpoint_of("https://speech.example" + path, HOSTS)


def test_a_url_has_a_bounded_length() -> None:
    path = "/".ljust(MAX_URL_CHARACTERS - len("https://speech.example"), "a")
    assert is_file_of("https://speech.example" + path, HOSTS)
    assert not is_file_of("https://speech.example" + path + "a", HOSTS)


def test_a_list_of_hosts() -> None:
    assert parse_hosts("") == parse_hosts(" ") == []
    assert parse_hosts("A.example, *.b.example") == ["a.example", "*.b.example"]


@pytest.mark.parametrize(
    "setting",
    [
        "*",
        "*.com",
        "*.*.example",
        "*a.example",
        "a.*",
        "a",
        "a.example,",
        "a.example:443",
        "a.example/b",
        "a b.example",
        "a.example\n.b.example",
        "https://a.example",
        "10.0.0.1",
        "[::1]",
    ],
)
def test_what_is_not_a_host_is_a_fault_of_the_setting(setting: str) -> None:
    with pytest.raises(ValueError, match="is neither a host name"):
        parse_hosts(setting)
