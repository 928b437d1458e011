"""The record on disk: an append-only journal of events and the tables that are derived from it."""
