"""The harness fails where it should."""

import pytest

from harness import eventually


async def test_a_condition_that_always_asserts_is_never_met():
    async def fails() -> bool:
        assert False, "the reason"  # noqa: B011, PT015

    with pytest.raises(AssertionError, match="the reason"):
        await eventually(fails, within=0)
