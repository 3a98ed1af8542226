"""The harness fails where it should."""

import sys
from pathlib import Path

import pytest

from harness import eventually
from harness.process import Process


async def test_a_condition_that_always_asserts_is_never_met():
    async def fails() -> bool:
        assert False, "the reason"  # noqa: B011, PT015

    with pytest.raises(AssertionError, match="the reason"):
        await eventually(fails, within=0)


def test_a_paused_program_has_stopped_whole(tmp_path):
    class Busy(Process):
        def launch(self) -> Process:
            work = "import hashlib, threading; text = bytes(10**6)\ndef run():\n while True: hashlib.sha256(text)\n"
            self.spawn(sys.executable, "-c", work + "for _ in range(20): threading.Thread(target=run).start()")
            return self

        def _is_ready(self) -> bool:
            return len(self.states()) >= 20

        def states(self) -> list[str]:
            """What each of its threads does: R runs, T has stopped."""
            files = Path(f"/proc/{self.pid}/task").glob("*/stat")
            return [file.read_text().rpartition(")")[2].split()[0] for file in files]

    with Busy("busy", tmp_path) as busy:
        for _ in range(20):
            busy.pause()
            assert set(busy.states()) == {"T"}
            busy.resume()
