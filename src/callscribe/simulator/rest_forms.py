"""What requests and answers of the REST API have in common: forms, lists in pages, errors."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from callscribe.simulator.resources import Json

Form = dict[str, list[str]]
"""Parameters by name; repeated ones have several values."""


class ApiError(Exception):
    """An answer in the carrier's error form."""

    def __init__(self, status: int, code: int, message: str, *, retry_after: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = {"Retry-After": retry_after} if retry_after else {}

    def body(self) -> Json:
        return {
            "code": self.code,
            "message": str(self),
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


def one(form: Form, name: str) -> str:
    """A parameter's last value; empty when it is missing."""
    return form.get(name, [""])[-1]


def flag(form: Form, name: str, default: bool = False) -> bool:
    return one(form, name).lower() == "true" if name in form else default


def snake(name: str) -> str:
    """`VoiceUrl` as the answers spell it: `voice_url`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def number_matches(wanted: str, number: str) -> bool:
    """As the API filters: digits anywhere in the number, `*` for any digit."""
    pattern = re.escape(wanted.lstrip("+ ")).replace(r"\*", r"\d")
    return re.search(pattern, number) is not None


def page(path: str, form: Form, key: str, items: list[Json]) -> Json:
    """One page of a list: `PageSize` items (50 unless asked) of page `Page`, with links to its neighbours.

    Raises:
        ApiError: `PageSize` or `Page` is no number.
    """
    try:
        size, index = int(one(form, "PageSize") or 50), int(one(form, "Page") or 0)
    except ValueError:
        raise ApiError(400, 20001, "PageSize and Page are whole numbers.") from None
    size, index = min(max(size, 1), 1000), max(index, 0)
    begin = index * size
    part = items[begin : begin + size]
    filters = [(n, v) for n, values in form.items() for v in values if not n.startswith("Page")]

    def uri(number: int, token: str = "") -> str:
        query = [*filters, ("PageSize", str(size)), ("Page", str(number))]
        query += [("PageToken", token)] if token else []
        return f"{path}?{urlencode(query)}"

    more = len(items) > begin + size
    return {
        key: part,
        "first_page_uri": uri(0),
        "next_page_uri": uri(index + 1, "PA" + _sid_of(part[-1])) if more else None,
        "previous_page_uri": uri(index - 1) if index else None,
        "uri": uri(index),
        "page": index,
        "page_size": size,
        "start": begin if part else 0,
        "end": begin + len(part) - 1 if part else 0,
    }


def _sid_of(item: Json) -> str:
    return str(item.get("sid") or item["call_sid"])
