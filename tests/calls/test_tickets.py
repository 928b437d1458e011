from __future__ import annotations

from callscribe.calls.tickets import Ticket, TicketBook


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_ticket_is_good_once() -> None:
    book = TicketBook(clock=Clock())
    token = book.issue("call", "leg")
    assert book.redeem(token) == Ticket("call", "leg")
    assert book.redeem(token) is None


def test_a_ticket_expires() -> None:
    clock = Clock()
    book = TicketBook(clock=clock, lifetime_s=60)
    token = book.issue("call", "leg")
    clock.now = 60
    assert book.redeem(token) is None
    assert len(book) == 0


def test_guesses_leave_nothing_behind_and_issues_are_bounded() -> None:
    book = TicketBook(clock=Clock(), capacity=100)
    for n in range(10_000):
        assert book.redeem(f"guess {n}") is None
    assert len(book) == 0
    tokens = [book.issue("call", "leg") for _ in range(150)]
    assert len(book) == 100
    assert len(set(tokens)) == 150
    assert book.redeem(tokens[0]) is None
    assert book.redeem(tokens[-1]) is not None


def test_the_tickets_of_a_record_can_be_revoked() -> None:
    book = TicketBook(clock=Clock())
    one, other = book.issue("a", "leg"), book.issue("b", "leg")
    book.revoke("a")
    assert book.redeem(one) is None
    assert book.redeem(other) is not None


def test_a_ticket_fits_a_path() -> None:
    token = TicketBook(clock=Clock()).issue("call", "leg")
    assert len(token) >= 32
    assert token.replace("-", "").replace("_", "").isalnum()
