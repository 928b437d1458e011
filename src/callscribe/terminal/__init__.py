"""Live calls in a terminal, or as JSON lines for programs."""

from callscribe.terminal.driver import run_view
from callscribe.terminal.jsonlines import JsonLines, ViewClosed
from callscribe.terminal.view import TerminalView

__all__ = ["JsonLines", "TerminalView", "ViewClosed", "run_view"]
