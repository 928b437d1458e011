"""The recipe that makes the built-in model. Not installed with the package."""
