"""What the page can look like, each as a script: for pictures, and for looking at every state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from playwright.sync_api import Page, expect

from callscribe.events import (
    AnyEvent,
    CallUpdated,
    Dial,
    DtmfReceived,
    FinalTranscript,
    GapDetected,
    LagChanged,
    NoteChanged,
    ParticipantLeft,
    ParticipantUpdated,
    RecordSettled,
    TagsChanged,
    TranscriptionPaused,
    TranscriptionResumed,
    TranscriptionWaits,
    UtteranceCorrected,
)
from callscribe.web.services import WebSettings
from tests.recordings.made import Key, record, tone
from tests.web.script import Call, bank, now
from tests.web.serving import TOKEN, Serving

Events = Callable[[], Sequence[AnyEvent]]
SID = Call(1).sid


@dataclass(frozen=True)
class Scene:
    """`before` is in the store when the page opens, `live` arrives on it."""

    before: Events
    path: str = f"/calls/{SID}"
    live: Events | None = None
    act: Callable[[Page, Serving], None] | None = None
    sound: Callable[[Path], None] | None = None
    """Makes the recordings in a data folder."""
    settings: WebSettings = field(default_factory=lambda: WebSettings(token=TOKEN))


def recent() -> list[AnyEvent]:
    """Ended calls, to fill the list."""
    events: list[AnyEvent] = []
    talks = [
        ("Tom Okafor", "Sales", "Perfect. See you on Tuesday.", 99_000.0),
        ("Priya Natarajan", "Support", "It's the blue cable, not the grey one.", 93_000.0),
        ("+1 500 555 0142", "Support", "No, I'll call again tomorrow.", 30_000.0),
        ("Marco Rinaldi", "Sales", "I'll send the offer this afternoon.", 8000.0),
        ("Dana Whitfield", "Support", "Thank you so much, that solved it.", 3900.0),
    ]
    for number, (name, to, words, age) in enumerate(talks, start=20):
        call = Call(number, age_s=age)
        events += [call.start(from_name=name, to_name=to), *call.people(name, to)]
        events += [call.final(name, words, start_ms=95_000 + number * 1700)]
        events += call.end(ended_by=name)
    missed = Call(30, age_s=3000)
    events += [missed.start(from_name="Lena Vogt", to_name="Sales", status="ringing")]
    events += missed.end(status="no-answer")
    return events


def two() -> list[AnyEvent]:
    return [*recent(), *bank()[1]]


def two_live() -> list[AnyEvent]:
    call, _ = bank()
    return [
        call.partial(
            "Support",
            "I can see it here, it was booked on the 4th and your balance",
            utterance="p1",
            revision=9,
            settled=36,
            start_ms=call.ms + 900,
            end_ms=call.ms + 4200,
        )
    ]


def conference(names: Sequence[str]) -> tuple[Call, list[AnyEvent]]:
    call = Call(1, age_s=120, flow="conference")
    events: list[AnyEvent] = [
        call.start(from_name="", to_name="", room="release"),
        *call.people(*names),
    ]
    lines = [
        "Morning everyone. Shall we start with the release?",
        "Yes. The build is green since last night.",
        "I still have two open questions about the migration.",
        "Go ahead.",
        "Does it lock the table while it runs? And how long does it take on the big customer?",
        "No lock. On a copy of their data it took 42 seconds.",
        "That's fine for me.",
        "For me as well.",
        "Then we ship on Thursday at 10.",
        "I'll write the note.",
        "And I'll tell support.",
        "Thanks. Anything else?",
    ]
    for index, words in enumerate(lines):
        event = call.final(names[index % len(names)], words)
        events.append(event)
        if index == 4:
            start = event.end_ms - 900
            events.append(call.final(names[0], "Good question.", start_ms=start))
        if index == 6:
            leg, track = call.place(names[-1])
            events.append(
                ParticipantUpdated(call=call.sid, leg=leg, track=track, at_ms=call.ms, muted=True)
            )
    leg, track = call.place(names[1])
    events.append(ParticipantLeft(call=call.sid, leg=leg, track=track, left_ms=call.ms + 400))
    leg, track = call.place(names[2])
    events.append(
        ParticipantUpdated(call=call.sid, leg=leg, track=track, at_ms=call.ms + 900, on_hold=True)
    )
    return call, events


FIVE = ("Ines Almeida", "Jonas Berg", "Mei-Ling Tan", "Samuel Osei", "Ruth Feldman")
TEN = (*FIVE, "Karim Haddad", "Olga Petrova", "Ben Carter", "Yuki Sato", "Lucía Romero")


def many(names: Sequence[str]) -> Events:
    return lambda: [*recent(), *conference(names)[1]]


def many_live(names: Sequence[str]) -> Events:
    def events() -> list[AnyEvent]:
        call, _ = conference(names)
        return [
            call.partial(
                names[3],
                "One thing about the",
                utterance="p1",
                revision=4,
                settled=9,
                start_ms=call.ms + 1500,
            ),
            call.partial(
                names[0], "Sure", utterance="p2", revision=2, settled=0, start_ms=call.ms + 2300
            ),
        ]

    return events


def ended() -> list[AnyEvent]:
    call, events = bank(age_s=4000)
    events.append(
        call.final("Support", "Your balance is $1,284.50. Is there anything else I can do for you?")
    )
    events.append(call.final("Alice Adams", "No, that's all. Thank you, goodbye."))
    return [*recent(), *events, *call.end(ended_by="Alice Adams")]


def interrupted() -> list[AnyEvent]:
    call, events = bank(age_s=4000)
    return [*recent(), *events, *call.end(status="interrupted")]


def trouble() -> list[AnyEvent]:
    call, events = bank()
    ms = call.ms
    leg, track = call.place("Alice Adams")
    events += [
        GapDetected(
            call=call.sid,
            leg=leg,
            track=track,
            start_ms=ms + 500,
            end_ms=ms + 4500,
            reason="missing",
        ),
        call.final(
            "Alice Adams", "Sorry, I was in a tunnel. Are you still there?", start_ms=ms + 5200
        ),
        call.final("Support", "Yes, I am. Please type your PIN now."),
        TranscriptionPaused(call=call.sid, at_ms=call.ms + 900),
        TranscriptionResumed(call=call.sid, at_ms=call.ms + 15_000),
        DtmfReceived(call=call.sid, leg=leg, track=track, digit="#", at_ms=call.ms + 16_000),
        GapDetected(
            call=call.sid,
            leg=leg,
            track="inbound",
            start_ms=call.ms + 17_000,
            end_ms=call.ms + 19_400,
            reason="socket-lost",
        ),
        GapDetected(
            call=call.sid,
            leg=leg,
            track="outbound",
            start_ms=call.ms + 17_000,
            end_ms=call.ms + 19_400,
            reason="socket-lost",
        ),
    ]
    call.ms += 19_400
    events.append(call.final("Support", "Thank you, that worked."))
    return [*recent(), *events]


def behind() -> list[AnyEvent]:
    call, _ = bank()
    leg, track = call.place("Support")
    return [LagChanged(call=call.sid, leg=leg, track=track, lag_ms=8200)]


def paused() -> list[AnyEvent]:
    call, _ = bank()
    return [TranscriptionPaused(call=call.sid, at_ms=call.ms + 700)]


def held() -> list[AnyEvent]:
    return [CallUpdated(call=SID, on_hold=True)]


def dialling() -> list[AnyEvent]:
    call = Call(1, age_s=6)
    return [
        *recent(),
        call.start(to_name="", status="ringing"),
        CallUpdated(call=call.sid, dial=Dial(status="ringing", to="+15005550020", leg="CAx")),
    ]


def names() -> list[AnyEvent]:
    """Names that try the layout: right to left, very long, nothing but a number."""
    call = Call(1, age_s=30)
    long = "Wolfeschlegelsteinhausenbergerdorff-Montgomery the Younger of Harbour Bank"
    events = [call.start(from_name="مريم", to_name=long), *call.people("مريم", long)]
    events += [call.final("مريم", "مرحبا، هل يمكنني الدفع بالبطاقة 4 0 7 2؟", start_ms=900)]
    events += [call.final(long, "Of course. Would you read it to me?")]
    dial = Dial(status="in-progress", to="+15005550020", name="مريم", answered_ms=call.ms + 900)
    events += [CallUpdated(call=call.sid, dial=dial)]
    withheld = Call(2, age_s=400)
    started = msgspec.structs.replace(
        withheld.start(from_name="", to_name=""), from_="+266696687", to="+442079460018"
    )
    return [*recent(), started, *withheld.end(ended_by="مريم"), *events]


def waits() -> list[AnyEvent]:
    """No room to follow the call: nothing of it is transcribed yet."""
    call = Call(1, age_s=20)
    leg = call.sid
    return [
        *recent(),
        call.start(),
        *call.people("Alice Adams", "Support"),
        TranscriptionWaits(
            call=call.sid, leg=leg, stream="MZ1", tracks=("inbound", "outbound"), at_ms=0
        ),
    ]


def lost(page: Page, server: Serving) -> None:
    page.wait_for_timeout(500)  # Until the stream is open.
    page.route("**/live?*", lambda route: route.abort())
    server.cut()
    page.wait_for_selector("#banner:not([hidden])")


def help_open(page: Page, server: Serving) -> None:
    page.keyboard.press("?")


def rename_open(page: Page, server: Serving) -> None:
    page.locator("#people button").first.click()


def menu_open(page: Page, server: Serving) -> None:
    page.locator("#menu summary").click()


def from_menu(id: str) -> Callable[[Page, Serving], None]:
    def act(page: Page, server: Serving) -> None:
        menu_open(page, server)
        page.locator(f"#{id}").click()

    return act


def correcting(page: Page, server: Serving) -> None:
    page.locator(".u").nth(2).locator("span").first.dblclick()


def finding(page: Page, server: Serving) -> None:
    page.locator("#look").click()
    page.locator("#finder-text").fill("account")
    page.locator("#finder-count", has_text="1 of").wait_for()


def turn_shown(page: Page, server: Serving) -> None:
    page.locator(".para").nth(2).hover()
    page.locator("#turn").wait_for()


def both_readings(page: Page, server: Serving) -> None:
    menu_open(page, server)
    page.get_by_label("Both readings").check()
    page.locator(".was").wait_for()
    page.keyboard.press("Escape")


def remarked() -> list[AnyEvent]:
    """All that people and a second reader add to a call that is over."""
    call, events = bank(age_s=4000)
    said = [event for event in events if isinstance(event, FinalTranscript)]
    return [
        *recent(),
        *events,
        *call.end(ended_by="Alice Adams"),
        call.revised(said[0], "Good morning, Harbor Bank, how may I help?"),
        RecordSettled(call=call.sid),
        UtteranceCorrected(
            call=call.sid, leg=said[2].leg, track=said[2].track, utterance=said[2].utterance,
            text="Of course. May I have your account number?", by="page", at=now(-60),
        ),
        NoteChanged(call=call.sid, text="Call back on Monday about the fee.", by="page"),
        TagsChanged(call=call.sid, tags=("refund", "urgent"), by="page"),
    ]  # fmt: skip


def tones(data: Path) -> None:
    """A recording of `ended`: two people take turns."""
    alice = [(4000 * n, tone(1800)) for n in range(8)]
    support = [(2000 + 4000 * n, tone(1800, 600)) for n in range(8)]
    parts = (
        (Key(SID, SID, "MZ1", "inbound"), 0, alice),
        (Key(SID, SID, "MZ2", "outbound"), 0, support),
    )

    def made() -> None:
        asyncio.run(record(data / "recordings", *parts))

    with ThreadPoolExecutor(1) as pool:  # Playwright has a loop of its own in this thread
        pool.submit(made).result()


def player(page: Page, server: Serving) -> None:
    expect(page.locator("#player")).to_be_visible()


def playing(page: Page, server: Serving) -> None:
    """A word is lit, another has the focus."""
    player(page, server)
    word = page.locator(".u > [data-from]").nth(2)
    page.locator("#seek").fill(str(int(word.get_attribute("data-from") or 0) + 10))
    expect(page.locator(".now")).to_have_count(1)
    page.locator("#skip").click()
    page.locator(".u > [tabindex]").first.focus()


def long_words() -> list[AnyEvent]:
    call = Call(1, age_s=30)
    word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
    return [
        *recent(),
        call.start(),
        *call.people("Alice Adams", "Support"),
        call.final("Alice Adams", f"I work for the {word * 2}."),
        TagsChanged(call=call.sid, tags=(word, "x" * 40), by="page"),
        NoteChanged(call=call.sid, text=word * 3, by="page"),
    ]


def three_hours() -> list[AnyEvent]:
    call, events = bank(age_s=12_000)
    events += [
        call.final(
            ("Alice Adams", "Support")[n % 2], f"This is sentence number {n}.", pause_ms=9000
        )
        for n in range(900)
    ]
    return [*recent(), *events, *call.end(ended_by="Support")]


SCENES: dict[str, Scene] = {
    "empty": Scene(list, path="/"),
    "empty-number": Scene(
        list, path="/", settings=WebSettings(token=TOKEN, number="+1 500 555 0006")
    ),
    "list": Scene(two, path="/"),
    "two": Scene(two, live=two_live),
    "five": Scene(many(FIVE), live=many_live(FIVE)),
    "ten": Scene(many(TEN), live=many_live(TEN)),
    "ended": Scene(ended),
    "interrupted": Scene(interrupted),
    "trouble": Scene(trouble),
    "behind": Scene(two, live=behind),
    "paused": Scene(two, live=paused),
    "held": Scene(two, live=held),
    "dialling": Scene(dialling),
    "names": Scene(names),
    "waits": Scene(waits),
    "reconnecting": Scene(two, act=lost),
    "keys": Scene(two, act=help_open),
    "rename": Scene(two, act=rename_open),
    "menu": Scene(ended, act=menu_open),
    "delete": Scene(ended, act=from_menu("delete")),
    "remark": Scene(remarked, act=from_menu("remark")),
    "contact": Scene(ended, act=from_menu("contact")),
    "correct": Scene(ended, act=correcting),
    "finder": Scene(ended, act=finding),
    "turn": Scene(ended, act=turn_shown),
    "both": Scene(remarked, act=both_readings),
    "words": Scene(long_words),
    "long": Scene(three_hours),
    "found": Scene(remarked, path="/?q=account&tag=refund"),
    "suggested": Scene(two, path="/?q=acount"),
    "nothing": Scene(two, path="/?q=nowhere"),
    "player": Scene(ended, act=player, sound=tones),
    "playing": Scene(ended, act=playing, sound=tones),
    "captions": Scene(two, path=f"/calls/{SID}/captions", live=two_live),
    "missing": Scene(two, path="/calls/CAnone"),
    "there": Scene(ended, path=f"/calls/{SID}#t=9"),
}

PICTURES: dict[str, list[tuple[str, bool, str]]] = {
    "two": [
        ("page.png", False, "light"),
        ("page-dark.png", False, "dark"),
        ("phone.png", True, "light"),
    ],
    "five": [("conference.png", False, "light")],
    "captions": [("captions.png", False, "dark")],
}
