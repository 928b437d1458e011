"""How many calls one core holds: callscribe, the tutorials' loop and the raw recogniser, in one run on one machine."""
