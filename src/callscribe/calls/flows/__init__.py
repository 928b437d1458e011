"""One object per flow: what differs between calls that are answered, forwarded, brought to a conference, placed by
us, or attached to. `base.Flow` is what they share."""
