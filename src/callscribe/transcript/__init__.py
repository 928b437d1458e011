"""THE fold: a call's events become what people read. Pure; used by page, terminal, `show`, search and exports.

    from callscribe.transcript.fold import Transcript

    transcript = Transcript("CA...", (published.event for published in store.events_after(0, call="CA...")))
    change = transcript.apply(event)          # an event more; says what it changed

What there is to read:

* `transcript.blocks`: `Turn` (of one `Person`, in `Paragraph`s of `Utterance`s) and `Note`, in reading order. Unchanged
  blocks stay the same objects from one event to the next, so a view compares with `is`.
* `transcript.utterances`, `transcript.notes`: the same without the layout. `Utterance.final` tells partials apart,
  `tentative` finals that a second reader has yet to read, `reading` and `first_text` what was read again;
  `stretches` cuts the text into words with time, confidence and filler mark. `Note.sentence` is ready to print.
* `transcript.people`: `Person` objects, shared by everything they say, so that a new name shows everywhere.
* `transcript.call` (a `CallSummary`), `state` (`State(name, word)`), `ending`, `waiting`, `lag_ms`, `trouble`,
  `counters`, `unread`, `is_over`.

`Change` (utterances, notes, people, line) says what one event changed; an utterance with empty `text` in it is to be
taken away. `drop_partials()` after a resynchronisation forgets what was being said.

The rooms: `fold` is the transcript, `calls.CallLine` the same for the list of calls, `parts` the things a transcript
consists of, `layout` how they stand, `wording` every word about states, gaps and ends, `numbers` how phone numbers are
written.

**Adding an event** to `callscribe.events`: mypy fails at the `assert_never` in `Transcript.apply` and in
`CallLine.apply_readable`, and nowhere else. Write one `case` in each: what the transcript shows of it, and what the
list does (`pass` with a reason is a decision too). If it is worth words, they go to `wording`.

Of an utterance the highest revision counts, in whatever order they come, and of equal ones what comes later: so a
second final replaces the first, and a better reading the final. A reading without text takes the utterance away. A
record that is over still changes when it is read again or somebody is renamed. Partials and lag leave no trace: what is
shown when a call is over does not depend on which of them were seen.
"""
