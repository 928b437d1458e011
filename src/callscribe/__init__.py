"""callscribe turns phone calls into text while people are still talking, on your own machine."""

__version__ = "0.1.0"
