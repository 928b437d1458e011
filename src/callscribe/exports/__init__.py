"""Calls as files to take away: text, Markdown, SRT, WebVTT, JSON, CSV, and a page with the sound inside.

`formats` says which there are; `document` is the JSON one, which can be read back.
"""
