"""E-mail and web addresses: "john dot doe nine nine at gmail dot com" is "john.doe99@gmail.com"."""

from __future__ import annotations

from callscribe.text.cardinals import Words, at, atom
from callscribe.text.letters import is_letter
from callscribe.text.lexicon import NUMBER_WORDS, REPEATS, TOP_DOMAINS, WEB_CUES
from callscribe.text.spans import Span, cue_distance

_SIGNS = {"dot": ".", "dash": "-", "hyphen": "-", "underscore": "_", "plus": "+", "point": "."}
_LINKS = frozenset({"dot", "dash", "hyphen", "underscore"})
_ENDS_BEFORE_LOCAL = frozenset(
    "is it's to at on address email e-mail mail it was and the my use with uh um under as be that's".split()
)


def _piece(words: Words, i: int) -> tuple[str, int]:
    """The characters said at `i`: a sign, a letter, a number or a word as it is."""
    word = words[i]
    if word in _SIGNS:
        return _SIGNS[word], i + 1
    letter_o = (
        word == "o"
        and at(words, i - 1) not in NUMBER_WORDS
        and at(words, i + 1) not in NUMBER_WORDS
    )
    if (word in NUMBER_WORDS or word in REPEATS) and not letter_o:
        number = atom(words, i)
        if number is not None:
            return number.digits, number.stop
    if word in REPEATS and is_letter(at(words, i + 1)):
        return words[i + 1] * REPEATS[word], i + 2
    return word.replace("'", ""), i + 1


def _text(words: Words, i: int, stop: int) -> str:
    text = ""
    while i < stop:
        piece, i = _piece(words, i)
        text += piece
    return text


def _top_domain(words: Words, i: int) -> tuple[str, int] | None:
    """The ending after "dot" at `i`, spelled or said, with a country after it ("co dot uk")."""
    for length in (1, 2, 3, 4):
        part = words[i : i + length]
        name = "".join(part)
        if length > 1 and not all(is_letter(w) for w in part):
            break
        if len(part) == length and name in TOP_DOMAINS:
            stop = i + length
            if name in {"co", "com", "org", "gov"} and at(words, stop) == "dot":
                country = _top_domain(words, stop + 1)
                if country is not None and len(country[0]) == 2:
                    return f"{name}.{country[0]}", country[1]
            return name, stop
    return None


def _host(words: Words, i: int, *, any_ending: bool) -> tuple[str, int] | None:
    """A host name from `i`: words and letters up to "dot", and its ending."""
    labels: list[str] = []
    j = i
    while True:
        start = j
        while (
            j < len(words)
            and words[j] != "dot"
            and j - start < (40 if is_letter(words[j]) else 8)
            and (j == start or any_ending or is_letter(words[j - 1]))
        ):
            j += 1
        if j == start or at(words, j) != "dot":
            return None
        labels.append(_text(words, start, j))
        ending = _top_domain(words, j + 1)
        if ending is not None:
            return ".".join((*labels, ending[0])), ending[1]
        if at(words, j + 1) == "":
            return None
        k = j + 1
        while is_letter(at(words, k)):
            k += 1
        if any_ending and at(words, k) != "dot" and k > j + 2:
            return ".".join((*labels, "".join(words[j + 1 : k]))), k
        j += 1


def email_at(words: Words, i: int) -> tuple[int, str, int] | None:
    """For the word "at" at `i`: start of the address, its text, its stop; None when it is no address."""
    if at(words, i) != "at" or i == 0 or tuple(words[i + 1 : i + 4]) == ("w", "w", "w"):
        return None
    sign = at(words, i + 1) in {"sign", "symbol"}
    host = _host(words, i + 1 + sign, any_ending=True)
    if host is None or host[1] - i > 16 or any(w in _STOP_INSIDE for w in words[i + 1 : host[1]]):
        return None
    start = _local_start(words, i)
    if start == i:
        return None
    return start, f"{_text(words, start, i)}@{host[0]}".lower(), host[1]


_STOP_INSIDE = frozenset({"the", "my", "and", "is", "you", "we", "it", "at"})


def _local_start(words: Words, i: int) -> int:
    """Where the part before "at" begins.

    After "email is" it is everything since; elsewhere one word with what is linked to it by signs, and the
    letters and figures around it.
    """
    for back in range(1, 12):
        k = i - back
        if k < 0:
            break
        if words[k] in {"is", "it's", "to"} and cue_distance(words, k, WEB_CUES, 5) is not None:
            return k + 1
        if words[k] in _ENDS_BEFORE_LOCAL:
            break
    j = i
    took_word = False
    while j > 0:
        word = words[j - 1]
        linked = j < i and (words[j] in _LINKS or word in _LINKS)
        plain = is_letter(word) or word in NUMBER_WORDS or word in REPEATS
        goes_on = j < i and (is_letter(words[j]) or words[j] in NUMBER_WORDS or words[j] in _LINKS)
        if word in {"a", "i"} and j < i and not goes_on:
            break
        if not (plain or linked or word in _LINKS):
            if took_word or word in _ENDS_BEFORE_LOCAL:
                break
            took_word = True
        elif linked and word not in _LINKS and not plain:
            took_word = True
        j -= 1
    while j < i and words[j] in _LINKS:
        j += 1
    return j


def web(words: Words, i: int) -> Span | None:
    """A web address at `i`: "w w w dot example dot com slash help", "example dot com"."""
    start, head = i, ""
    spelled = tuple(words[i : i + 4]) == ("h", "t", "t", "p")
    if spelled or words[i] in {"http", "https"}:
        head, j = ("http", i + 4) if spelled else (words[i], i + 1)
        if spelled and at(words, j) == "s":
            head, j = "https", j + 1
        if tuple(words[j : j + 3]) != ("colon", "slash", "slash"):
            return None
        head += "://"
        i = j + 3
    length = 1 if words[i] == "www" else 3 if tuple(words[i : i + 3]) == ("w", "w", "w") else 0
    if length:
        head += "www."
        i += length + (at(words, i + length) == "dot")
    host = _host(words, i, any_ending=bool(head))
    if host is None:
        return None
    if not head and (words[i] in {"a", "i", "the", "dot"} or words[i] in NUMBER_WORDS):
        return None
    text, j = head + host[0], host[1]
    while True:
        k = j + (at(words, j) == "forward") + 1
        if at(words, k - 1) != "slash" or not at(words, k):
            break
        if is_letter(words[k]):
            first = k
            while is_letter(at(words, k)):
                k += 1
            text += "/" + "".join(words[first:k])
        else:
            piece, k = _piece(words, k)
            text += "/" + piece
        j = k
    return Span(start, j, text.lower(), "web")
