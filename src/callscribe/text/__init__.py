"""Readable text: what the recogniser heard, as a person would write it."""

from callscribe.events import Token
from callscribe.text.writer import Fillers, Writer, WriterOptions, Written

__all__ = ["Fillers", "Token", "Writer", "WriterOptions", "Written"]
