"""The examples of the documents: taken out of the pages, and run as they are printed.

A block is run by its language: `sh`, `python`, `js`, `swift`, `yaml`, `json`. One without a language is a session, with
`>` before each line that the client sends and `<` before each line that it gets. `text` is shown and not run. A block
that cannot run here says so after its language, for example `sh no-run: needs Docker`.
"""

from harness.examples.blocks import Block, blocks, pages
from harness.examples.network import own_network
from harness.examples.session import Cue, Session
from harness.examples.stage import Stage

__all__ = ["Block", "Cue", "Session", "Stage", "blocks", "own_network", "pages"]
