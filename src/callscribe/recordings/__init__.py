"""The sound of calls on disk.

files      what is where: a folder a record, a file a track
writing    tracks as they arrive, on the record's time line
finishing  after a track: FLAC in place of the raw file, and its peaks
reading    stretches of tracks, together as people
wav        any byte of a WAV file that is nowhere
"""
