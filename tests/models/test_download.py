"""Downloads against a server that misbehaves in every way; the models folder stays whole."""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import io
import os
import shutil
import socket
import stat
import tempfile
import warnings
import zipfile
from collections import namedtuple
from pathlib import Path

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.errors import ModelError
from callscribe.models.catalogue import CatalogueEntry
from callscribe.models.download import _unpack, install
from callscribe.models.fetching import alone, megabytes
from callscribe.models.folder import inspect
from tests.models.publisher import FILES, NAME, Publisher, Served, archive, entry, make_model

BODY = archive()


def nothing_lies_about(models: Path) -> bool:
    """Only whole models and an empty downloads folder."""
    return all(
        path.name == ".downloads" and not list(path.iterdir())
        for path in models.iterdir()
        if path.name.startswith(".")
    )


@pytest.mark.parametrize("checksum", ["md5", "sha256", ""])
def test_a_model_arrives_whole(publisher: Publisher, models: Path, checksum: str) -> None:
    publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    seen: list[tuple[str, int, int]] = []
    model = install(
        entry(publisher, BODY, checksum=checksum),
        models,
        on_progress=lambda *step: seen.append(step),
    )
    assert model.path == models / NAME
    assert (model.name, model.language, model.sample_rate) == (NAME, "xx", 8000)
    assert model.licence == "MIT"
    assert {p.relative_to(model.path).as_posix() for p in model.path.rglob("*") if p.is_file()} == {
        *FILES,
        "model.json",
    }
    assert (model.path / "am/final.mdl").read_bytes() == FILES["am/final.mdl"]
    assert stat.S_IMODE(model.path.stat().st_mode) & 0o055 == 0o055  # others may read it
    assert nothing_lies_about(models)
    assert list(dict.fromkeys(stage for stage, _, _ in seen)) == ["download", "check", "unpack"]
    assert ("download", len(BODY), len(BODY)) in seen


def test_what_is_here_is_not_fetched_again(publisher: Publisher, models: Path) -> None:
    served = publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    wanted = entry(publisher, BODY)
    assert install(wanted, models) == install(wanted, models)
    assert len(served.requests) == 1
    install(wanted, models, again=True)
    assert len(served.requests) == 2
    assert nothing_lies_about(models)


def test_a_broken_folder_is_replaced(publisher: Publisher, models: Path) -> None:
    publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    (models / NAME).mkdir(parents=True)
    (models / NAME / "rest").touch()
    install(entry(publisher, BODY), models)
    assert not (models / NAME / "rest").exists()
    assert nothing_lies_about(models)


def test_a_break_is_mended_by_a_range_request(publisher: Publisher, models: Path) -> None:
    served = publisher.paths[f"/{NAME}.zip"] = Served(BODY, break_after=[1000, 2000])
    install(entry(publisher, BODY), models, retry_s=0)
    ranges = [request.get("Range") for request in served.requests]
    assert ranges == [None, "bytes=1000-", "bytes=3000-"]
    assert served.requests[1]["If-Range"] == '"one"'


def test_a_server_that_keeps_breaking_off_leaves_what_came(
    publisher: Publisher, models: Path
) -> None:
    served = publisher.paths[f"/{NAME}.zip"] = Served(BODY, break_after=[1000, 0, 0, 0, 0])
    with pytest.raises(ModelError, match=r"broke off after 1 MB.*Run the same command again"):
        install(entry(publisher, BODY), models, retry_s=0)
    assert not (models / NAME).exists()
    served.break_after = []
    install(entry(publisher, BODY), models)
    assert served.requests[-1]["Range"] == "bytes=1000-"


def test_a_changed_archive_is_fetched_from_its_beginning(
    publisher: Publisher, models: Path
) -> None:
    path = f"/{NAME}.zip"
    publisher.paths[path] = Served(b"x" * len(BODY), break_after=[1000, 0, 0, 0, 0])
    with pytest.raises(ModelError, match="broke off"):
        install(entry(publisher, BODY), models, retry_s=0)
    publisher.paths[path] = Served(BODY, etag='"two"')
    install(entry(publisher, BODY), models)


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_a_server_without_ranges_or_tags(publisher: Publisher, models: Path, etag: str) -> None:
    publisher.paths[f"/{NAME}.zip"] = Served(BODY, etag=etag, ranges=False, break_after=[1000])
    install(entry(publisher, BODY), models, retry_s=0)


def test_a_whole_part_file_needs_nothing_more(publisher: Publisher, models: Path) -> None:
    publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    part = models / ".downloads" / f"{NAME}.zip.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(BODY)
    install(entry(publisher, BODY), models)


def test_a_part_file_longer_than_the_archive_is_thrown_away(
    publisher: Publisher, models: Path
) -> None:
    publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    part = models / ".downloads" / f"{NAME}.zip.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(BODY + b"more")
    install(entry(publisher, BODY), models, retry_s=0)


def test_a_wrong_checksum(publisher: Publisher, models: Path) -> None:
    publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    wanted = msgspec.structs.replace(entry(publisher, BODY), checksum="md5:" + "0" * 32)
    with pytest.raises(ModelError, match=r"damaged: its md5 checksum is .*It has been deleted"):
        install(wanted, models)
    assert not (models / NAME).exists()
    assert nothing_lies_about(models)


def test_a_page_instead_of_an_archive(publisher: Publisher, models: Path) -> None:
    publisher.paths[f"/{NAME}.zip"] = Served(b"<html>please log in</html>")
    with pytest.raises(ModelError, match="is damaged"):
        install(entry(publisher, BODY, checksum=""), models)
    assert nothing_lies_about(models)


def test_an_archive_with_a_flipped_bit(publisher: Publisher, models: Path) -> None:
    body = bytearray(BODY)
    body[100] ^= 1
    publisher.paths[f"/{NAME}.zip"] = Served(bytes(body))
    with pytest.raises(ModelError, match=r"is damaged \(Bad CRC"):
        install(entry(publisher, BODY, checksum=""), models)
    assert not (models / NAME).exists()
    assert nothing_lies_about(models)


def test_an_archive_of_something_else(publisher: Publisher, models: Path) -> None:
    body = archive({"README": b"hello"})
    publisher.paths[f"/{NAME}.zip"] = Served(body)
    with pytest.raises(ModelError, match="is not a model: "):
        install(entry(publisher, body), models)
    assert not (models / NAME).exists()


@pytest.mark.parametrize(
    "member",
    ["../evil", "/etc/evil", f"{NAME}/../../evil", "..\\evil", "C:/evil", "C:\\evil"],
)
def test_members_that_would_land_outside(publisher: Publisher, models: Path, member: str) -> None:
    body = archive({member: b"evil", **{f"{NAME}/{n}": c for n, c in FILES.items()}}, top="")
    publisher.paths[f"/{NAME}.zip"] = Served(body)
    with pytest.raises(ModelError, match="which does not belong in a model"):
        install(entry(publisher, body), models)
    assert not list(models.parent.rglob("*evil*"))


def test_a_link_in_the_archive(publisher: Publisher, models: Path) -> None:
    packed = io.BytesIO(BODY)
    with zipfile.ZipFile(packed, "a") as out:
        link = zipfile.ZipInfo(f"{NAME}/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        out.writestr(link, "/etc/passwd")
    publisher.paths[f"/{NAME}.zip"] = Served(packed.getvalue())
    with pytest.raises(ModelError, match="which does not belong in a model"):
        install(entry(publisher, packed.getvalue()), models)


def test_an_archive_without_a_top_folder(publisher: Publisher, models: Path) -> None:
    body = archive(top="")
    publisher.paths[f"/{NAME}.zip"] = Served(body)
    assert (install(entry(publisher, body), models).path / "am" / "final.mdl").is_file()


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, "no longer at"),
        (403, "refuses .* with status 403"),
        (503, r"cannot be downloaded.*status 503"),
    ],
)
def test_refusals(publisher: Publisher, models: Path, status: int, message: str) -> None:
    publisher.paths[f"/{NAME}.zip"] = Served(BODY, status=status)
    with pytest.raises(ModelError, match=message):
        install(entry(publisher, BODY), models, retry_s=0)


def test_offline(models: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/x.zip"
        wanted = CatalogueEntry(
            name=NAME, language="xx", language_name="", kind="small", size=1, url=address
        )
        with pytest.raises(ModelError, match=r"no connection.*Check this machine's connection"):
            install(wanted, models)


def test_a_server_that_falls_silent(publisher: Publisher, models: Path) -> None:
    publisher.paths[f"/{NAME}.zip"] = Served(BODY, hang=True)
    with (
        httpx.Client(timeout=0.05) as client,
        pytest.raises(ModelError, match="no answer in time"),
    ):
        install(entry(publisher, BODY), models, client=client, retry_s=0)


def test_no_space(publisher: Publisher, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 0))
    with pytest.raises(ModelError, match=r"needs 1 MB .* are free\. Free some space"):
        install(entry(publisher, BODY), models)
    assert served.requests == []


def test_a_folder_that_cannot_be_made(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "models").touch()
    with pytest.raises(ModelError, match=r"cannot be saved in .*CALLSCRIBE_MODELS"):
        install(entry(publisher, BODY), tmp_path / "models")


def test_a_model_in_place_survives_a_bad_replacement(publisher: Publisher, models: Path) -> None:
    make_model(models / NAME)
    body = archive({"README": b"hello"})
    publisher.paths[f"/{NAME}.zip"] = Served(body)
    with pytest.raises(ModelError):
        install(entry(publisher, body), models, again=True)
    assert inspect(models / NAME).sample_rate == 8000


def test_a_name_that_is_a_path(publisher: Publisher, models: Path) -> None:
    wanted = msgspec.structs.replace(entry(publisher, BODY), name="../up")
    with pytest.raises(ModelError, match="cannot be a model's name"):
        install(wanted, models)


def test_sizes_for_people() -> None:
    assert [megabytes(n) for n in (0, 41_205_931, 1_913_365_522)] == ["1 MB", "41 MB", "1.9 GB"]


@pytest.mark.parametrize("stated", [1_000, 0])
def test_more_than_was_announced_is_not_taken(
    publisher: Publisher, models: Path, stated: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callscribe.models.fetching.LARGEST", 1_000)
    publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    announced = msgspec.structs.replace(entry(publisher, BODY), size=stated)
    with pytest.raises(ModelError, match="sends more for"):
        install(announced, models)
    assert not (models / NAME).exists()


def test_an_archive_that_grows_without_end(publisher: Publisher, models: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(f"{NAME}/am/final.mdl", b"\0" * 50_000_000)
    publisher.paths[f"/{NAME}.zip"] = Served(bomb.getvalue())
    with pytest.raises(ModelError, match="unpack to far more"):
        install(entry(publisher, bomb.getvalue()), models)


def test_data_without_end(publisher: Publisher, models: Path) -> None:
    publisher.paths[f"/{NAME}.zip"] = Served(BODY, endless=True)
    with pytest.raises(ModelError, match="sends more for"):
        install(entry(publisher, BODY), models)
    assert nothing_lies_about(models)


def test_a_server_that_trickles_is_left(
    publisher: Publisher, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callscribe.models.fetching.SILENCE_S", 0.0)
    monkeypatch.setattr("callscribe.models.fetching._SLOWEST", 10**15)
    monkeypatch.setattr("callscribe.models.fetching._PROGRESS", 10**9)
    monkeypatch.setattr("callscribe.models.fetching._ATTEMPTS", 1)
    served = publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    with pytest.raises(ModelError, match="no answer in time"):
        install(entry(publisher, BODY), models, retry_s=0)
    assert len(served.requests) < 10


def test_a_size_that_no_model_has(
    publisher: Publisher, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callscribe.models.fetching.LARGEST", 1_000)
    monkeypatch.setattr("callscribe.models.download.need_space", lambda *_: None)
    publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    announced = msgspec.structs.replace(entry(publisher, BODY), size=10**18)
    with pytest.raises(ModelError, match="sends more for"):
        install(announced, models)


def test_what_is_sent_packed_is_not_unpacked(publisher: Publisher, models: Path) -> None:
    publisher.paths[f"/{NAME}.zip"] = Served(
        gzip.compress(BODY), headers={"Content-Encoding": "gzip, gzip"}
    )
    with pytest.raises(ModelError, match="compressed without being asked"):
        install(entry(publisher, BODY), models, retry_s=0)


def test_redirects_are_followed_and_what_comes_with_them_is_not_read(
    publisher: Publisher, models: Path
) -> None:
    publisher.paths["/elsewhere"] = Served(BODY)
    publisher.paths[f"/{NAME}.zip"] = Served(
        b"x" * 1000, status=302, endless=True, headers={"Location": "/elsewhere"}
    )
    install(entry(publisher, BODY), models)


@pytest.mark.parametrize(
    ("location", "why"),
    [
        (f"/{NAME}.zip", "keeps redirecting"),
        ("file:///etc/passwd", "'file://'"),
        ("http://[bad", "cannot be downloaded"),
    ],
)
def test_redirects_that_lead_nowhere(
    publisher: Publisher, models: Path, location: str, why: str
) -> None:
    publisher.paths[f"/{NAME}.zip"] = Served(status=302, headers={"Location": location})
    with pytest.raises(ModelError, match=why):
        install(entry(publisher, BODY), models, retry_s=0)


def test_a_redirect_from_https_to_http_is_not_followed(models: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"Location": "http://models.example.com/x.zip"})

    wanted = CatalogueEntry(
        name=NAME,
        language="xx",
        language_name="",
        kind="small",
        size=1,
        url="https://models.example.com/x.zip",
    )
    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
        pytest.raises(ModelError, match="without encryption"),
    ):
        install(wanted, models, client=client, retry_s=0)


def test_a_part_that_is_shorter_than_asked_is_not_taken_for_the_rest(
    publisher: Publisher, models: Path
) -> None:
    served = publisher.paths[f"/{NAME}.zip"] = Served(BODY, break_after=[1000], at_most=50_000)
    install(entry(publisher, BODY), models, retry_s=0)
    assert len(served.requests) > 3


@pytest.mark.parametrize("said", ["9" * 5000, "*", "", "-1"])
def test_an_odd_size_in_an_answer(publisher: Publisher, models: Path, said: str) -> None:
    path = f"/{NAME}.zip"
    part = models / ".downloads" / f"{NAME}.zip.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(BODY)
    part.with_suffix(".tag").write_text('"one"')
    publisher.paths[path] = Served(status=416, headers={"Content-Range": f"bytes */{said}"})
    with pytest.raises(ModelError, match=r"has changed|refuses"):
        install(entry(publisher, BODY), models, retry_s=0)
    assert not part.exists()


@pytest.mark.parametrize("kept", [b"\xff\xfe", b'"one"\r\nX: y', b"x" * 100_000])
def test_a_damaged_note_beside_a_part(publisher: Publisher, models: Path, kept: bytes) -> None:
    publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    part = models / ".downloads" / f"{NAME}.zip.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"other")
    part.with_suffix(".tag").write_bytes(kept)
    install(entry(publisher, BODY), models)
    assert nothing_lies_about(models)


def test_a_changed_archive_without_a_tag_is_told_by_its_date(
    publisher: Publisher, models: Path
) -> None:
    path = f"/{NAME}.zip"
    old = {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
    served = Served(b"x" * len(BODY), etag="", headers=old, break_after=[1000, 0, 0, 0, 0])
    publisher.paths[path] = served
    with pytest.raises(ModelError, match="broke off"):
        install(entry(publisher, BODY), models, retry_s=0)
    assert served.requests[1]["If-Range"] == old["Last-Modified"]
    publisher.paths[path] = Served(BODY, etag="", ranges=False)
    install(entry(publisher, BODY), models)


def packed(*members: tuple[str, bytes], **how: int) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", **how) as archived:  # type: ignore[call-overload]
        warnings.simplefilter("ignore")  # of two members of one name
        for name, content in members:
            archived.writestr(name, content)
    return out.getvalue()


def encrypted() -> bytes:
    """An archive whose first member says that it wants a password."""
    body = bytearray(BODY)
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        body[body.index(signature) + flags] |= 1
    return bytes(body)


@pytest.mark.parametrize(
    "body",
    [
        packed(("?x", b"x")).replace(b"?x", b"\0x"),
        packed((".", b"x")),
        packed(("a", b"x"), ("a", b"y")),
        packed(("a", b"x"), ("A", b"y")),
        packed(("a", b"x"), ("a/b", b"y")),
        packed((f"{NAME}/{'x' * 1000}", b"x")),
        packed((f"{NAME}/a\x1b]0;x\x07", b"x")),
        packed(("/".join("abcdefghijkl"), b"x")),
        packed(*((f"{NAME}/{number}", b"") for number in range(1001))),
        packed(("am/final.mdl", b"x"), compression=zipfile.ZIP_LZMA),
        packed(("am/final.mdl", b"x"), compression=zipfile.ZIP_BZIP2),
        encrypted(),
        b"",
        BODY[:-10],
        BODY[1000:],
    ],
)
def test_archives_that_are_no_models(publisher: Publisher, models: Path, body: bytes) -> None:
    publisher.paths[f"/{NAME}.zip"] = Served(body)
    with pytest.raises(ModelError, match=r"is damaged|does not belong"):
        install(entry(publisher, body), models)
    assert not (models / NAME).exists()
    assert not (models / "checksums.json").exists()


@given(at=st.integers(0, len(BODY) - 1), by=st.integers(1, 255), cut=st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_any_damage_is_told_as_such(at: int, by: int, cut: int) -> None:
    """Bytes of the archive's directory, mostly: that is where all the fields are."""
    at = len(BODY) - 1 - at % 700 if by % 2 else at
    body = bytearray(BODY)
    body[at] ^= by
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "x.zip"
        archive.write_bytes(bytes(body[: len(body) - cut]))
        with contextlib.suppress(ModelError):
            _unpack(
                CatalogueEntry(
                    name=NAME, language="xx", language_name="", kind="small", size=len(body)
                ),
                archive,
                Path(folder) / NAME,
                lambda *_: None,
            )


# ------------------------------------------------------------------ trust on first use


@pytest.mark.parametrize("checksum", ["md5", ""])
def test_the_first_download_is_trusted_and_later_ones_must_match(
    publisher: Publisher, models: Path, checksum: str
) -> None:
    path = f"/{NAME}.zip"
    told: list[str] = []
    publisher.paths[path] = Served(BODY)
    install(entry(publisher, BODY, checksum=checksum), models, on_trust=told.append)
    digest = hashlib.sha256(BODY).hexdigest()
    assert len(told) == 1
    assert digest in told[0]
    assert str(models / "checksums.json") in told[0]

    install(entry(publisher, BODY, checksum=checksum), models, on_trust=told.append, again=True)
    assert len(told) == 1
    shutil.rmtree(models / NAME)  # it is remembered past the model

    other = archive({**FILES, "am/final.mdl": b"other"})
    publisher.paths[path] = Served(other, etag='"two"')
    with pytest.raises(ModelError, match=f"is not what it was.*{digest}.*take {NAME} out of"):
        install(entry(publisher, other, checksum=checksum), models)
    assert not (models / NAME).exists()

    (models / "checksums.json").write_text("{}")
    install(entry(publisher, other, checksum=checksum), models, on_trust=told.append)
    assert len(told) == 2


def test_what_the_package_knows_needs_no_trust(publisher: Publisher, models: Path) -> None:
    told: list[str] = []
    publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    install(entry(publisher, BODY, checksum="sha256"), models, on_trust=told.append)
    assert not told
    assert not (models / "checksums.json").exists()


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"a": 1}', b"[" * 100_000, b"\xff"])
def test_damaged_checksums_are_not_taken_for_none(
    publisher: Publisher, models: Path, content: bytes
) -> None:
    served = publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    models.mkdir()
    (models / "checksums.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"checksums\.json, which .* is damaged"):
        install(entry(publisher, BODY), models)
    assert not served.requests


# ------------------------------------------------------------------ one at a time


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be locked on Windows")
def test_two_downloads_at_once(publisher: Publisher, models: Path) -> None:
    publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    with alone(models), pytest.raises(ModelError, match=r"Another download into .* is under way"):
        install(entry(publisher, BODY), models)
    install(entry(publisher, BODY), models)


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be locked on Windows")
def test_a_folder_that_cannot_be_locked(
    publisher: Publisher, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", without_locks)
    of_another = models / ".callscribe-new-abc"  # perhaps still at work
    of_another.mkdir(parents=True)
    publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    assert install(entry(publisher, BODY), models).path == models / NAME
    assert of_another.is_dir()


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be locked on Windows")
def test_what_a_killed_download_left_is_removed(publisher: Publisher, models: Path) -> None:
    left = models / ".callscribe-new-abc" / "am"
    left.mkdir(parents=True)
    (left / "final.mdl").write_bytes(b"half")
    publisher.paths[f"/{NAME}.zip"] = Served(BODY)
    install(entry(publisher, BODY), models)
    assert nothing_lies_about(models)
