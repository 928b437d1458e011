"""The catalogue: the publisher's list in our terms, and the packaged one."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from callscribe.errors import ModelError
from callscribe.models.catalogue import fetch, is_safe_name, packaged
from callscribe.models.download import install
from callscribe.recognition.languages import same_language
from callscribe.recognition.vosk_layout import language_of
from tests.models.publisher import Publisher, Served

LISTED = [
    {
        "lang": "en-us",
        "lang_text": "US English",
        "md5": "ABCDEF",
        "name": "vosk-model-small-en-us-0.15",
        "obsolete": "false",
        "size": 41205931,
        "size_text": "39.3MiB",
        "type": "small",
        "url": "https://models.example.com/vosk-model-small-en-us-0.15.zip",
        "version": "0.15",
    },
    {
        "lang": "cn",
        "lang_text": "Chinese",
        "md5": "",
        "name": "vosk-model-cn-9",
        "obsolete": "false",
        "size": 5,
        "type": "big",
    },
    {"lang": "en-us", "name": "vosk-model-small-en-us-0.3", "obsolete": "true", "type": "small"},
    {"lang": "all", "name": "vosk-model-spk-0.4", "obsolete": "false", "type": "spk"},
    {"lang": "en", "name": "../evil", "obsolete": "false", "type": "small"},
]


def test_the_publishers_list(publisher: Publisher) -> None:
    publisher.paths["/list.json"] = Served(json.dumps(LISTED).encode())
    found = fetch(f"{publisher.url}/list.json")
    assert found.live
    assert found.names() == ["vosk-model-small-en-us-0.15", "vosk-model-cn-9"]
    english, chinese = found
    assert (english.language, english.licence) == ("en-US", "Apache-2.0")
    assert english.checksum.startswith("sha256:")  # the package's own
    assert english.url == "https://models.example.com/vosk-model-small-en-us-0.15.zip"
    assert (chinese.language, chinese.checksum, chinese.licence) == ("zh", "", "")
    assert chinese.url == f"{publisher.url}/vosk-model-cn-9.zip"
    assert found.find("vosk-model-small-en-us-0.3").obsolete


@pytest.mark.parametrize(
    ("served", "message"),
    [
        (Served(b"<html>"), "is not a model catalogue"),
        (Served(b'[{"name": 1}]'), "is not a model catalogue"),
        (Served(b"[]", status=500), "status 500"),
        (Served(b"[" + b" " * 6_000_000 + b"]"), "too large"),
    ],
)
def test_what_is_no_catalogue(publisher: Publisher, served: Served, message: str) -> None:
    publisher.paths["/list.json"] = served
    with pytest.raises(ModelError, match=message):
        fetch(f"{publisher.url}/list.json")


def test_nobody_there(publisher: Publisher) -> None:
    publisher.close()
    with pytest.raises(ModelError, match="cannot be reached"):
        fetch(f"{publisher.url}/list.json")
    publisher.__init__()  # type: ignore[misc]  # the fixture closes it once more


def test_the_packaged_catalogue_is_sound() -> None:
    found = packaged()
    assert not found.live
    entries = list(found)
    assert len(entries) > 30
    assert entries[0].language == "en-US"
    for entry in entries:
        assert is_safe_name(entry.name)
        assert entry.url == f"https://alphacephei.com/vosk/models/{entry.name}.zip"
        assert entry.size > 10_000_000
        kind, _, digest = entry.checksum.partition(":")
        assert len(digest) == {"": 0, "md5": 32, "sha256": 64}[kind]
        told = language_of(entry.name)
        assert not told or same_language(told, entry.language), entry.name


def test_finding(publisher: Publisher) -> None:
    found = packaged()
    assert found.find("vosk-model-small-de-0.15").language == "de"
    with pytest.raises(ModelError, match=r"Did you mean .*vosk-model-small-en-us-0\.15"):
        found.find("vosk-model-small-en-0.15")
    with pytest.raises(
        ModelError, match=r"`de` is a language.*vosk-model-small-de-0\.15, vosk-model-de-0\.21"
    ):
        found.find("de")
    with pytest.raises(ModelError, match=r"is a language"):
        found.find("German")
    with pytest.raises(ModelError, match=r"There is no model called `qqq`\. See them all"):
        found.find("qqq")


def test_a_list_that_is_sent_packed_or_nests_without_end(publisher: Publisher) -> None:
    path = f"{publisher.url}/list.json"
    publisher.paths["/list.json"] = Served(b"x", headers={"Content-Encoding": "gzip, gzip"})
    with pytest.raises(ModelError, match="compressed without being asked"):
        fetch(path)
    publisher.paths["/list.json"] = Served(b'[{"name":"a","lang":"b","x":' + b"[" * 1_000_000)
    with pytest.raises(ModelError, match="is not a model catalogue"):
        fetch(path)


def test_data_without_end(publisher: Publisher) -> None:
    publisher.paths["/list.json"] = Served(b"[" + b" " * 100_000, endless=True)
    with pytest.raises(ModelError, match="too large"):
        fetch(f"{publisher.url}/list.json")


def test_a_list_that_trickles(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callscribe.models.catalogue._LIMIT_S", -1)
    publisher.paths["/list.json"] = Served(b"[]")
    with pytest.raises(ModelError, match="no answer in time"):
        fetch(f"{publisher.url}/list.json")


def test_addresses_are_never_less_protected_than_the_list(tmp_path: Path) -> None:
    listed = [
        {"name": "a", "lang": "xx", "type": "small", "url": "http://models.example.com/a.zip"},
        {"name": "b", "lang": "xx", "type": "small", "url": "http://[bad"},
    ]
    body = json.dumps(listed).encode()
    answer = httpx.MockTransport(lambda _: httpx.Response(200, stream=httpx.ByteStream(body)))
    with httpx.Client(transport=answer) as client:
        found = fetch("https://models.example.com/list.json", client=client)
    assert found.find("a").url == "https://models.example.com/a.zip"
    with pytest.raises(ModelError, match="cannot be downloaded"):
        install(found.find("b"), tmp_path, retry_s=0)


def test_the_packages_checksum_counts_before_the_servers(publisher: Publisher) -> None:
    name = "vosk-model-small-de-0.15"
    listed = [{"name": name, "lang": "de", "type": "small", "md5": "0" * 32}]
    publisher.paths["/list.json"] = Served(json.dumps(listed).encode())
    found = fetch(f"{publisher.url}/list.json").find(name)
    assert found.checksum == packaged().find(name).checksum != f"md5:{'0' * 32}"
