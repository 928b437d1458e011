from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.models.adapt.errors import WordListError
from callscribe.models.adapt.wordlist import read_sentences, read_words


def write(folder: Path, text: str) -> Path:
    path = folder / "given.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_words_with_and_without_pronunciations(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "# our products\n\nBrevonia\nzyntex  Z IH1 N T EH0 K S\nzyntex Z AY N T EH K S\nO\u2019Hara\n",
    )
    assert read_words(path) == {
        "brevonia": [],
        "zyntex": [tuple("Z IH N T EH K S".split()), tuple("Z AY N T EH K S".split())],
        "o'hara": [],
    }


@pytest.mark.parametrize(
    "row",
    ["Zyntex,Z IH N", "zyntex;Z IH N", '"zyntex","Z IH N"', "zyntex\tZ IH N\t", "zyntex, Z,IH,N"],
)
def test_rows_of_a_table(tmp_path: Path, row: str) -> None:
    path = write(tmp_path, f"{row}\nJos\u00e9,\nIBM\n")
    assert read_words(path) == {"zyntex": [("Z", "IH", "N")], "jose": [], "ibm": []}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("3com", "numbers as they are said"),
        (",", "symbol ','"),
        ("word,pronunciation", "'pronunciation' is not a phone"),
        ("zyntex Z QQ", "'QQ' is not a phone"),
        ("acme bank", "one word a line"),
        ("4u", "numbers as they are said"),
        ("x-ray", "symbol '-'"),
        ("na\u00efve\u2603", "symbol '\u2603'"),
        ("'", "letters and apostrophes"),
    ],
)
def test_a_wrong_word_is_named_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    path = write(tmp_path, f"fine\n{line}\n")
    with pytest.raises(WordListError, match=re.escape(said)) as caught:
        read_words(path)
    assert "line 2" in str(caught.value)


def test_sentences_lose_case_and_punctuation(tmp_path: Path) -> None:
    path = write(
        tmp_path, 'Welcome to Brevonia \u2013 "how can I help?"\n# note\nThat\u2019s twenty-one.\n'
    )
    assert read_sentences(path) == [
        "welcome to brevonia how can i help",
        "that's twenty one",
    ]


def test_digits_in_a_sentence_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WordListError, match=r"line 1: '42' .*as they are said"):
        read_sentences(write(tmp_path, "room 42"))


@pytest.mark.parametrize("read", [read_words, read_sentences])
def test_empty_missing_and_binary_files_are_refused(tmp_path: Path, read) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(WordListError, match="has no"):
        read(write(tmp_path, "# only a comment\n"))
    with pytest.raises(WordListError, match="cannot be read"):
        read(tmp_path / "missing.txt")
    (tmp_path / "binary.txt").write_bytes(b"ab\xff\xfe")
    with pytest.raises(WordListError, match="not UTF-8"):
        read(tmp_path / "binary.txt")


@given(st.text(max_size=80))
def test_any_text_is_read_or_explained(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "given.txt"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    for read in (read_words, read_sentences):
        found: dict[str, list[tuple[str, ...]]] | list[str] = []
        explained = ""
        try:
            found = read(path)
        except WordListError as error:
            explained = str(error)
        words = found if isinstance(found, dict) else " ".join(found).split()
        assert words or str(path) in explained
        assert all(re.fullmatch(r"[a-z']+", word) for word in words)
