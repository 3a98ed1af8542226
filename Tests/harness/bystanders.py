"""Those who have nothing to do with what a test does to their node."""

import asyncio
from contextlib import asynccontextmanager

from harness.node import Node


@asynccontextmanager
async def bystanders(node: Node, connect, channel: str):
    """Two clients of the node exchange messages all the while; the end asserts that none was lost, and nothing refused."""
    channel += "-bystanders"
    sender, receiver = [await connect(node.ws) for _ in range(2)]
    await receiver.subscribe(channel)
    sent = 0
    ending = asyncio.Event()

    async def exchange() -> None:
        nonlocal sent
        while not ending.is_set():
            await sender.publish(channel, sent)
            sent += 1
            await receiver.expect("message", data=sent - 1)

    task = asyncio.create_task(exchange())
    try:
        yield
    finally:
        ending.set()
        await task
    assert sent > 0
    assert [event["data"] for event in receiver.events("message")] == list(range(sent))
    assert sender.events("error") == receiver.events("error") == []
