"""The second reading: every utterance is read again by a better reader once it is over.

ears       a listener on every track: keeps the last seconds of sound, and cuts an utterance's out of them
unread     sound that is still to be read, on disk so that a crash loses none of it
excerpts   which sound an utterance is read with; pure
agenda     what to read next; pure
meanwhile  what is read while it is still being said; pure
judge      what a second reading means for an utterance; pure
worker     the reader in a process of its own, at the lowest priority
protocol   what the two processes say to each other
process    that process as the server sees it: asked, watched, started again
service    follows the journal, and publishes better readings
"""
