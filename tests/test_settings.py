from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from callscribe.errors import SettingsError
from callscribe.settings import Secret, Settings, describe, load, reference, setting, setting_infos

DOCS = Path(__file__).parent.parent / "docs"


def test_defaults_need_no_file_and_no_environment(tmp_path: Path) -> None:
    assert load(environ={}, directory=tmp_path) == Settings()


def test_flags_beat_the_environment_beats_dotenv_beats_the_file(tmp_path: Path) -> None:
    (tmp_path / "callscribe.toml").write_text(
        'port = 1\nhost = "a"\nmodel = "m"\ngreeting = "file"\n'
    )
    (tmp_path / ".env").write_text("CALLSCRIBE_PORT=2\nCALLSCRIBE_HOST=b\nCALLSCRIBE_MODEL=n\n")
    environ = {"CALLSCRIBE_PORT": "3", "CALLSCRIBE_HOST": "c"}
    settings = load({"port": 4, "host": None}, environ=environ, directory=tmp_path)
    assert (settings.port, settings.host, settings.model, settings.greeting) == (
        4,
        "c",
        "n",
        "file",
    )


def test_the_ecosystems_variables_keep_their_names(tmp_path: Path) -> None:
    environ = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "t", "NGROK_AUTHTOKEN": "n"}
    settings = load(environ=environ, directory=tmp_path)
    assert settings.account_sid == "AC1"
    assert settings.auth_token == Secret("t")
    assert settings.ngrok_authtoken.reveal() == "n"


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("prot = 80", "Did you mean port?"),
        ("port = 80.5", "must be a whole number"),
        ("port = true", "must be a whole number"),
        ("port = 70000", "between 0 and 65535"),
        ('tunnel = "cloud"', "must be one of none, ngrok"),
        ('expose_pages = "maybe"', "must be true or false"),
        ("host = 5", "must be text"),
        ("to = 5", "must be a list"),
        ("numbers = 5", "must be a table"),
        ('[numbers]\n"+1500" = 3', "must be a table of settings"),
        ("port = ", "not valid TOML"),
    ],
)
def test_a_bad_file_says_what_and_where(tmp_path: Path, toml: str, message: str) -> None:
    (tmp_path / "callscribe.toml").write_text(toml)
    with pytest.raises(SettingsError, match=message):
        load(environ={}, directory=tmp_path)


def test_an_unknown_variable_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Did you mean CALLSCRIBE_PUBLIC_URL"):
        load(environ={"CALLSCRIBE_PUBLICURL": "x"}, directory=tmp_path)


def test_the_word_false_in_the_environment_is_false(tmp_path: Path) -> None:
    assert not load(
        environ={"CALLSCRIBE_ALLOW_UNSIGNED": "false"}, directory=tmp_path
    ).allow_unsigned


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        load(config=tmp_path / "no.toml", environ={}, directory=tmp_path)


def test_numbers_and_contacts_are_tables(tmp_path: Path) -> None:
    (tmp_path / "callscribe.toml").write_text(
        '[numbers."+15005550006"]\nflow = "forward"\nto = ["+15005550020"]\n[contacts]\n"+15005550010" = "Alice"\n'
    )
    settings = load(environ={}, directory=tmp_path)
    assert settings.numbers["+15005550006"] == {"flow": "forward", "to": ["+15005550020"]}
    assert settings.contacts == {"+15005550010": "Alice"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("greeting=hi".encode("utf-16"), r"\.env is saved as UTF-16. Save it as UTF-8"),
        (b"A=1\nCALLSCRIBE_GREETING=Gr\xfc\xdfe\n", r"\.env is not UTF-8: line 2"),
    ],
)
@pytest.mark.parametrize("name", [".env", "callscribe.toml"])
def test_a_file_in_another_encoding_is_named(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SettingsError, match=said.replace(r"\.env", name)):
        load(environ={}, directory=tmp_path)


@pytest.mark.parametrize("name", [".env", "callscribe.toml"])
def test_a_byte_order_mark_does_no_harm(tmp_path: Path, name: str) -> None:
    key = "CALLSCRIBE_GREETING" if name == ".env" else "greeting"
    (tmp_path / name).write_text(f'{key} = "Grüße"\n', encoding="utf-8-sig")
    assert load(environ={}, directory=tmp_path).greeting == "Grüße"


@pytest.mark.parametrize("name", [".env", "callscribe.toml"])
def test_a_file_that_is_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(SettingsError, match=f"{name} cannot be read"):
        load(environ={}, directory=tmp_path)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("CALLSCRIBE_GREETING", "\udcff", "CALLSCRIBE_GREETING is not UTF-8"),
        ("CALLSCRIBE_DATA", "a\0b", "CALLSCRIBE_DATA has a null character"),
        ("TWILIO_AUTH_TOKEN", "hunter\udcff", "TWILIO_AUTH_TOKEN is not UTF-8"),
        ("CALLSCRIBE_PORT", "9" * 10_000, "CALLSCRIBE_PORT must be a whole number, not '999"),
        ("CALLSCRIBE_PORT", "9" * 1000, "CALLSCRIBE_PORT must be between 0 and 65535"),
    ],
)
def test_odd_values_are_refused_in_few_words(
    tmp_path: Path, variable: str, value: str, said: str
) -> None:
    with pytest.raises(SettingsError, match=said) as error:
        load(environ={variable: value}, directory=tmp_path)
    assert "hunter" not in str(error.value)
    assert len(str(error.value)) < 200


def test_a_secret_of_the_wrong_kind_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "callscribe.toml").write_text("auth_token = 31415926\n")
    with pytest.raises(SettingsError, match=r"auth_token in .* must be text") as error:
        load(environ={}, directory=tmp_path)
    assert "31415926" not in str(error.value)


def test_each_value_says_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "callscribe.toml").write_text('port = 1\nroom = "a"\n[contacts]\n"+1" = "A"\n')
    (tmp_path / ".env").write_text("CALLSCRIBE_PORT=2\nCALLSCRIBE_HOST=b\n")
    environ = {"CALLSCRIBE_HOST": "c"}
    settings = load({"model": "m"}, environ=environ, directory=tmp_path)
    assert settings.sources == {
        "port": "CALLSCRIBE_PORT in .env",
        "room": str(tmp_path / "callscribe.toml"),
        "contacts": str(tmp_path / "callscribe.toml"),
        "host": "CALLSCRIBE_HOST",
        "model": "--model",
    }


def test_credentials_inside_addresses_are_masked() -> None:
    settings = Settings(
        public_url="https://me:hunter2@calls.example", api_url="http://hunter3@api.example/x?y=@"
    )
    shown = describe(settings)
    assert shown["public_url"] == "https://********@calls.example"
    assert shown["api_url"] == "http://********@api.example/x?y=@"


def test_a_number_needs_no_bounds_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = dataclasses.make_dataclass(
        "Settings",
        [
            ("tries", int, setting(3, "How often.", group="Server")),
            ("sources", dict, dataclasses.field(default_factory=dict)),
        ],
    )
    monkeypatch.setattr("callscribe.settings.Settings", declared)
    monkeypatch.setattr("callscribe.settings._HINTS", {"tries": int})
    assert load({"tries": 5}, environ={}, directory=Path("/nowhere")).tries == 5  # type: ignore[attr-defined]


def test_secrets_never_show_themselves() -> None:
    settings = Settings(auth_token=Secret("hunter2"), token=Secret("hunter3"))
    assert "hunter" not in repr(settings)
    assert "hunter" not in str(settings)
    assert "hunter" not in "".join(describe(settings).values())


def test_the_reference_page_is_true() -> None:
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    assert reference() in page, (
        "run: .venv/bin/callscribe settings --write-reference docs/configuration.md"
    )


def test_every_setting_is_described() -> None:
    for name, info in setting_infos().items():
        assert info.help.endswith("."), name


@pytest.mark.parametrize("name", [".env", "callscribe.toml"])
def test_a_file_that_is_no_settings_file_is_refused_and_never_overlooked(
    tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    for content, said in (
        ("port = 1\n".encode("utf-16-le"), "UTF-16"),
        (b"#" * (1 << 20) + b"\n", "larger than 1 MiB"),
    ):
        file.write_bytes(content)
        with pytest.raises(SettingsError, match=said):
            load(environ={}, directory=tmp_path)
    file.unlink()
    for target in ("nowhere", name):
        file.symlink_to(target)
        with pytest.raises(SettingsError, match="cannot be read"):
            load(environ={}, directory=tmp_path)
        file.unlink()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
@pytest.mark.parametrize("name", [".env", "callscribe.toml"])
def test_a_pipe_is_read_while_somebody_writes_and_waited_for_by_nobody(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / name)
    text = "CALLSCRIBE_PORT=1\n" if name == ".env" else "port = 1\n"
    writing = threading.Thread(target=(tmp_path / name).write_text, args=(text,))
    writing.start()
    assert load(environ={}, directory=tmp_path).port == 1
    writing.join()
    monkeypatch.setattr("callscribe.settings._PIPE_WAIT_S", 0.0)
    with pytest.raises(SettingsError, match=f"{name} cannot be read: it is a pipe that brings"):
        load(environ={}, directory=tmp_path)
    monkeypatch.setattr("callscribe.settings._WRITER_WAIT_S", 0.0)
    holding = os.open(tmp_path / name, os.O_RDWR)
    os.write(holding, b"#")
    with pytest.raises(SettingsError, match="does not come to an end"):
        load(environ={}, directory=tmp_path)
    os.close(holding)


def test_a_program_that_has_to_ask_first_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, write = os.pipe()

    def answer(_: float) -> None:
        os.write(write, b"port = 1\n")
        os.close(write)

    monkeypatch.setattr("callscribe.settings._PIPE_WAIT_S", 0.0)
    monkeypatch.setattr(
        "callscribe.settings.time", SimpleNamespace(monotonic=time.monotonic, sleep=answer)
    )
    assert load(environ={}, directory=tmp_path, config=Path(f"/dev/fd/{read}")).port == 1
    os.close(read)


def test_settings_without_end_are_not_read_from_a_pipe(tmp_path: Path) -> None:
    read, write = os.pipe()

    def fill() -> None:
        with contextlib.suppress(OSError), os.fdopen(write, "wb") as out:
            while True:
                out.write(b"#" * 65536)

    writing = threading.Thread(target=fill)
    writing.start()
    with pytest.raises(SettingsError, match="larger than 1 MiB"):
        load(environ={}, directory=tmp_path, config=Path(f"/dev/fd/{read}"))
    os.close(read)
    writing.join()
