"""The one way an event becomes known: written down by the journal, shown by the hub."""
