"""What is filled into a page."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from callscribe.templating import environment


def filled(tmp_path: Path, template: str, **values: object) -> str:
    (tmp_path / "page.html").write_text(template)
    return environment(tmp_path).get_template("page.html").render(**values)


def test_nothing_that_is_filled_in_is_markup_or_steers_a_display(tmp_path: Path) -> None:
    hostile = "<b>\x1b]0;x\x07\x9b31m\u202e\u061c\x00\r\u2028"
    said = filled(tmp_path, '<i title="{{ x }}">{{ x }}</i>', x=hostile)
    clean = "&lt;b&gt; ]0;x  31m     "
    assert said == f'<i title="{clean}">{clean}</i>'


def test_what_belongs_there_stays(tmp_path: Path) -> None:
    text = "Zoë\n\u2068\u0639\u2069 \u0639\u200c\u0631"
    assert filled(tmp_path, "{{ x }}{{ n }}{{ none }}", x=text, n=1, none=None) == f"{text}1None"
    macro = "{% macro m(x) %}<b>{{ x }}</b>{% endmacro %}{{ m(x) }}"
    assert filled(tmp_path, macro, x="a&b") == "<b>a&amp;b</b>"


def test_what_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(jinja2.UndefinedError):
        filled(tmp_path, "{{ x }}")
