"""A track's audio to utterances: placed, queued, decoded, told as events."""
