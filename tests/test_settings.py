from __future__ import annotations

from pathlib import Path

import pytest

from callscribe.errors import SettingsError
from callscribe.settings import Secret, Settings, describe, load, reference, setting_infos

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
        ("host = 5", "must be a text"),
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
