"""The pages' browser, for whole calls."""

from tests.web.conftest import browser, context, page

__all__ = ["browser", "context", "page"]
