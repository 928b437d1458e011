from __future__ import annotations

from itertools import count

from callscribe.calls.tickets import TicketBook
from callscribe.carriers.base import Pass

HOLDER = Pass("call", "leg")


def book(**more: float) -> TicketBook:
    numbers = count()
    return TicketBook(lambda: f"ticket {next(numbers)}", **more)  # type: ignore[arg-type]


def test_a_ticket_is_good_once() -> None:
    tickets = book()
    ticket = tickets.issue(HOLDER, 0.0)
    assert tickets.redeem(ticket, 1.0) == HOLDER
    assert tickets.redeem(ticket, 1.0) is None


def test_a_ticket_expires() -> None:
    tickets = book(lifetime_s=60)
    ticket = tickets.issue(HOLDER, 0.0)
    assert tickets.redeem(ticket, 60.0) is None
    assert len(tickets) == 0


def test_guesses_leave_nothing_behind_and_issues_are_bounded() -> None:
    tickets = book(capacity=100)
    for n in range(10_000):
        assert tickets.redeem(f"guess {n}", 0.0) is None
    assert len(tickets) == 0
    issued = [tickets.issue(HOLDER, 0.0) for _ in range(150)]
    assert len(tickets) == 100
    assert tickets.redeem(issued[0], 0.0) is None
    assert tickets.redeem(issued[-1], 0.0) is not None


def test_the_tickets_of_a_record_can_be_revoked() -> None:
    tickets = book()
    one, other = tickets.issue(Pass("a", "leg"), 0.0), tickets.issue(Pass("b", "leg"), 0.0)
    tickets.revoke("a")
    assert tickets.redeem(one, 0.0) is None
    assert tickets.redeem(other, 0.0) is not None
