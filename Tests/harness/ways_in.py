"""The three ways in which a client shows its token, and what a node says to each."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from harness.client import Client
from harness.node import Node
from harness.tokens import url_with

# The close code of those who have failed to say who they are.
FAILED = 4001


class Answer(NamedTuple):
    """What becomes of a token: a user, or the code of an error."""

    user: str | None = None
    code: str | None = None


INVALID = Answer(code="invalid_token")
EXPIRED = Answer(code="expired_token")

Way = Callable[[Callable, Node, str], Awaitable[Answer]]


async def by_query(connect: Callable, node: Node, token: str) -> Answer:
    return await _greeted(await connect(url_with(node.ws, token)))


async def by_subprotocol(connect: Callable, node: Node, token: str) -> Answer:
    client = await connect(node.ws, subprotocols=["apus.v1", f"auth.{token}"])
    assert client.socket.subprotocol == "apus.v1"
    return await _greeted(client)


async def by_command(connect: Callable, node: Node, token: str) -> Answer:
    client = await connect(node.ws)
    assert client.hello["user"] is None
    reply = await client.command("auth", token=token)
    if reply.type == "error":
        assert await client.closed_with() == FAILED
        assert client.received == [client.hello]
        return Answer(code=reply["code"])
    assert reply.type == "authenticated" and isinstance(reply["expires"], int), reply.raw
    await client.ping()
    return Answer(user=reply["user"])


WAYS: dict[str, Way] = {"query": by_query, "subprotocol": by_subprotocol, "command": by_command}


async def _greeted(client: Client) -> Answer:
    """What a node says on opening, when the handshake had a token."""
    if client.hello["user"] is not None:
        await client.ping()
        assert client.events("error") == []
        return Answer(user=client.hello["user"])
    error = await client.expect("error")
    assert await client.closed_with() == FAILED
    assert client.received == [client.hello, error]
    return Answer(code=error["code"])
