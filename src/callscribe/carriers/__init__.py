"""The companies whose phone network calls come through: one package each."""
