"""The API for programs, version 1: every endpoint is an `Operation`, of which its route and description are made."""
