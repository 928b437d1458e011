"""Failed asserts of the shared contract say what was compared."""

import pytest

pytest.register_assert_rewrite("tests.store.contract")
