"""Measurements behind every claim about accuracy and speed. Not installed with the package."""
