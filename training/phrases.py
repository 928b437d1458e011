"""Telephone phrases made up at random: for the language model, and for synthetic voices to say.

Sentences come from the templates of `phrases.txt` and from makers of what people read out: digits,
numbers, money, dates, times, names, spelling, e-mail and street addresses.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from faker.providers.person.en_US import Provider as Names

TEMPLATES = Path(__file__).with_name("phrases.txt")

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINAL = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
ORDINALS = [*_ORDINAL, *(f"twenty {o}" for o in _ORDINAL[:9]), "thirtieth", "thirty first"]
MONTHS = (
    "january february march april may june july august september october november december"
).split()
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"
RADIO = (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar "
    "papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu"
).split()
AS_IN = (
    "apple boy cat david edward frank george henry igloo john king larry mary nancy orange peter "
    "queen robert sam thomas uncle victor william xray yellow zebra"
).split()
FIRST, LAST = (
    [name.lower() for name in names if name.isalpha()]
    for names in (Names.first_names, Names.last_names)
)
STREETS = (
    "main oak maple cedar park pine elm washington lake hill walnut spring north ridge church "
    "willow mill sunset jackson river highland franklin lincoln madison forest meadow chestnut"
).split()
CITIES = (
    "new york,los angeles,chicago,houston,phoenix,philadelphia,san antonio,san diego,dallas,"
    "austin,seattle,denver,boston,portland,atlanta,miami,oakland,minneapolis,tampa,orlando,"
    "cleveland,detroit,nashville,london,toronto,dublin,albany,springfield,richmond,pittsburgh"
).split(",")


def number(n: int, rng: random.Random) -> str:
    """A number below a million as said; "and" after hundreds now and then."""
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10 - 2] + (f" {ONES[n % 10]}" if n % 10 else "")
    if n < 1000:
        rest = rng.choice([" ", " ", " and "]) + number(n % 100, rng) if n % 100 else ""
        return f"{ONES[n // 100]} hundred{rest}"
    rest = f" {number(n % 1000, rng)}" if n % 1000 else ""
    return f"{number(n // 1000, rng)} thousand{rest}"


@cache
def _sections() -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    for raw in TEMPLATES.read_text().splitlines():
        line = raw.strip()
        if line.startswith("["):
            lines = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            lines.append(line)
    return sections


_INNERMOST = re.compile(r"\(([^()]*)\)")
_SLOT = re.compile(r"\{(\w+)\}")


class Phrases:
    """A source of phrases with a random generator of its own."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._makers: dict[str, Callable[[], str]] = {
            "first": lambda: self._pick(FIRST),
            "last": lambda: self._pick(LAST),
            "person": self._person,
            "city": lambda: self._pick(CITIES),
            "street": lambda: self._pick(STREETS),
            "day": lambda: self._pick(DAYS),
            "digits": lambda: self._digits(self._rng.choice([3, 4, 4, 4, 5, 7, 10, 10])),
            "amount": self._money,
            "when": self._when,
            "time": self._time,
        }

    def sentence(self) -> str:
        """One phrase, lower case, words only."""
        if self._rng.random() < 0.55:
            share = {"greeting": 2, "ask": 4, "service": 5, "want": 4, "answer": 5}
            section = self._rng.choices(list(share), list(share.values()))[0]
            text = self._fill(self._pick(_sections()[section]))
        else:
            text = self._reading()
        return " ".join(text.split())

    def _fill(self, template: str) -> str:
        while True:
            if match := _INNERMOST.search(template):
                chosen = self._pick(match.group(1).split("|"))
            elif match := _SLOT.search(template):
                name = match.group(1)
                sections = _sections()
                chosen = self._pick(sections[name]) if name in sections else self._makers[name]()
            else:
                return template
            template = template[: match.start()] + chosen + template[match.end() :]

    def _pick(self, options: Sequence[str]) -> str:
        return self._rng.choice(options)

    def _upto(self, low: int, high: int) -> str:
        return number(self._rng.randrange(low, high), self._rng)

    def _digits(self, count: int) -> str:
        zero = "oh" if self._rng.random() < 0.35 else "zero"
        words = [zero if d == 0 else ONES[d] for d in self._rng.choices(range(10), k=count)]
        if count > 3 and self._rng.random() < 0.08:
            i = self._rng.randrange(count - 1)
            words[i : i + 2] = [self._pick(["double", "double", "triple"]), words[i]]
        return " ".join(words)

    def _pairs(self, count: int) -> str:
        return " ".join(self._upto(10, 100) for _ in range(count))

    def _phone(self) -> str:
        kind = self._rng.randrange(5)
        if kind == 0:
            return f"{self._digits(3)} {self._pairs(2)}"
        if kind == 1:
            return f"one eight hundred {self._digits(7)}"
        lead = self._pick(["", "", "area code ", "one "])
        return lead + self._digits(7 if kind == 2 else 10)

    def _money(self) -> str:
        round_sums = [5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 100, 120, 150, 200, 250, 300, 400]
        kind = self._rng.randrange(5)
        if kind == 0:
            many = self._rng.choice([*round_sums, 500, 1000, 1500, 2000, 5000])
            return f"{number(many, self._rng)} dollars"
        if kind == 1:
            return f"{self._upto(1, 1500)} dollars and {self._upto(1, 100)} cents"
        if kind == 2:
            return f"{self._upto(2, 200)} {self._upto(21, 100)}"
        if kind == 3:
            return f"{self._upto(2, 99)} {self._pick(['cents', 'dollars', 'bucks'])}"
        return f"{self._upto(100, 9999)} {self._pick(['dollars', 'dollars', 'pounds', 'euros'])}"

    def _time(self) -> str:
        hour = self._upto(1, 13)
        kind = self._rng.randrange(4)
        if kind == 0:
            parts = ["o'clock", "a m", "p m", "in the morning", "in the afternoon", "tonight"]
            return f"{hour} {self._pick(parts)}"
        if kind == 1:
            minutes = ["thirty", "fifteen", "forty five", "ten", "twenty", "oh five", "fifty"]
            return f"{hour} {self._pick(minutes)} {self._pick(['a m', 'p m', '', ''])}"
        if kind == 2:
            about = ["half past", "quarter past", "a quarter to", "ten past", "around", "after"]
            return f"{self._pick(about)} {hour}"
        return self._pick(["noon", "midnight", "nine a m", "five p m", "two thirty"])

    def _date(self) -> str:
        month, day, ordinal = self._pick(MONTHS), self._pick(DAYS), self._pick(ORDINALS)
        near = ["tomorrow", "today", "yesterday", "next week", "this weekend", "next month"]
        forms = [
            f"{month} {ordinal}",
            f"the {ordinal} of {month}",
            f"{month} {ordinal} {self._year()}",
            f"{month} {self._upto(1, 32)} {self._year()}",
            f"{day} the {ordinal}",
            self._pick(["next ", "this ", "on ", ""]) + day,
            f"{day} {self._pick(['morning', 'afternoon', 'evening'])}",
            self._pick(near),
        ]
        return self._pick(forms)

    def _year(self) -> str:
        forms = [
            f"nineteen {self._upto(30, 100)}",
            f"two thousand {self._upto(1, 30)}",
            f"twenty {self._upto(10, 35)}",
        ]
        return self._pick(forms)

    def _when(self) -> str:
        return self._date() + (f" at {self._time()}" if self._rng.random() < 0.4 else "")

    def _person(self) -> str:
        return f"{self._pick(FIRST)} {self._pick(LAST)}"

    def _spelled(self, word: str) -> str:
        """Letter by letter; now and then with "as in", the radio alphabet, or "double"."""
        kind = self._rng.random()
        if kind < 0.2:
            i = self._rng.randrange(len(word))
            example = (
                f"{word[i]} {self._pick(['as in', 'for', 'like'])} {AS_IN[LETTERS.index(word[i])]}"
            )
            return " ".join([*word[:i], example, *word[i + 1 :]])
        if kind < 0.3:
            return " ".join(RADIO[LETTERS.index(letter)] for letter in word)
        twin = next((i for i in range(len(word) - 1) if word[i] == word[i + 1]), None)
        if kind < 0.4 and twin is not None:
            return " ".join([*word[:twin], "double", word[twin], *word[twin + 2 :]])
        return " ".join(word)

    def _email(self) -> str:
        users = [
            self._pick(FIRST),
            f"{self._pick(FIRST)} {self._pick(['dot', 'underscore', '', 'dash'])} {self._pick(LAST)}",
            " ".join(self._pick(LAST)),
            f"{self._pick(FIRST)} {self._digits(2)}",
        ]
        hosts = ["gmail", "gmail", "yahoo", "hotmail", "outlook", "icloud", "example"]
        ends = ["com", "com", "com", "org", "net", "co dot uk", "e d u"]
        return f"{self._pick(users)} at {self._pick(hosts)} dot {self._pick(ends)}"

    def _address(self) -> str:
        house = self._pick([self._upto(1, 999), self._digits(3), self._digits(4), self._pairs(2)])
        street = self._pick([self._pick(STREETS), self._pick(STREETS), self._pick(ORDINALS)])
        kind = self._pick("street avenue road lane drive boulevard court way place".split())
        more = [
            "",
            "",
            f"apartment {self._upto(1, 60)}",
            self._pick(CITIES),
            f"unit {self._digits(2)}",
        ]
        return f"{house} {street} {kind} {self._pick(more)}"

    def _code(self) -> str:
        count = self._rng.randrange(3, 7)
        return " ".join(self._pick([*LETTERS, *ONES[:10], *ONES[:10]]) for _ in range(count))

    def _reading(self) -> str:
        """Something read out, with or without a lead-in."""
        name, surname = self._pick(FIRST), self._pick(LAST)
        numbered = [self._digits(k) for k in (4, 5, 6, 8)]
        what = (
            "my account number is|the order number is|the reference number is|the pin is|"
            "the confirmation code is|the last four digits are|the card number is|"
            "the tracking number is|the zip code is|extension|policy number|ticket number|"
        ).split("|")
        counted = " people| items| tickets| days| minutes| hours| weeks| months| years| percent|"
        forms: list[Callable[[], str]] = [
            lambda: self._pick(["my name is", "i'm", "this is", "it's", ""]) + f" {name} {surname}",
            lambda: self._pick(["last name", "that's spelled", ""]) + " " + self._spelled(surname),
            lambda: f"{name} {self._spelled(name)}",
            lambda: f"{surname} {self._spelled(surname)}",
            lambda: (
                self._pick(["my number is", "call me at", "it's", "the number is", ""])
                + f" {self._phone()}"
            ),
            lambda: f"{self._pick(what)} {self._pick([*numbered, self._code(), self._pairs(2)])}",
            lambda: (
                self._pick(["how about", "my date of birth is", "it was", "on", ""])
                + f" {self._when()}"
            ),
            lambda: (
                self._pick(["around", "at", "we close at", "let's do", ""]) + f" {self._time()}"
            ),
            lambda: (
                self._pick(["the total is", "the balance is", "i was charged", ""])
                + f" {self._money()}"
            ),
            lambda: self._pick(["my email is", "you can email me at", ""]) + f" {self._email()}",
            lambda: self._pick(["my address is", "i live at", "it's", ""]) + f" {self._address()}",
            lambda: self._upto(1, 100) + self._pick(counted.split("|")),
            lambda: self._digits(self._rng.choice([1, 1, 1, 2, 3, 4])),
            lambda: self._digits(self._rng.randrange(1, 12)),
            lambda: self._upto(0, 10000),
            lambda: f"{self._upto(1, 100)} point {self._digits(1)} percent",
            self._code,
        ]
        return self._rng.choice(forms)()
