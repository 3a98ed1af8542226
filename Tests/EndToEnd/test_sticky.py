"""The cookie of nginx brings a client back to its node, and nothing depends on it."""

import os

import pytest

from harness.client import Client

pytestmark = pytest.mark.loops


def cookie_of(client: Client) -> str | None:
    """The sticky cookie the answer to the handshake set, as the client sends it back."""
    for cookie in client.socket.response.headers.get_all("Set-Cookie"):
        if cookie.startswith("apus_node="):
            assert {"httponly", "samesite=lax", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
            return cookie.split(";")[0]
    return None


@pytest.mark.parametrize("attempt", range(3))
async def test_the_cookie_brings_a_client_back(cluster, connect, attempt):
    first = await connect(cluster.nginx.ws)
    cookie = cookie_of(first)
    assert cookie, "the handshake set no cookie"
    await first.close()
    nodes = set()
    for _ in range(20):
        client = await connect(cluster.nginx.ws, cookie=cookie)
        nodes.add(client.node)
        await client.close()
    assert nodes == {first.node}


async def test_clients_spread_over_the_nodes(cluster, connect):
    nodes = {(await connect(cluster.nginx.ws, cookie=f"apus_node={os.urandom(8).hex()}")).node for _ in range(60)}
    assert len(nodes) == len(cluster.nodes)


async def test_without_a_cookie_everything_works(cluster, connect, channel):
    listener = await connect(cluster.nginx.ws)
    await listener.subscribe(channel)
    for number in range(20):
        client = await connect(cluster.nginx.ws)
        await client.publish(channel, number)
        await listener.expect("message", data=number, client=client.id)
        await client.close()
    assert len(listener.events("message")) == 20
