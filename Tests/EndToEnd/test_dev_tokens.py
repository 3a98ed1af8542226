"""What a node in development makes of tokens and names, and what it says of those that it ignores."""

import pytest

from harness import keys
from harness.client import Client
from harness.keys import ES256, SECRET
from harness.tokens import by_hand, claims_text, encoded, part, token, url_with
from harness.ways_in import FAILED, INVALID, by_query, by_subprotocol

UNVERIFIED = "This node runs with --dev: the token was not verified."


def unsigned(claims: str, signature: str = "c2ln") -> str:
    return f'{part({"alg": "none"})}.{part(claims)}.{signature}'


# Nothing but `sub` counts.
TAKEN = {
    "of a foreign key": by_hand({"alg": "ES256"}, claims_text(), keys.FOREIGN_EC),
    "expired long ago": token(ES256, exp=0),
    "without exp": unsigned('{"sub":"alice"}'),
    "claims of wrong types": unsigned('{"sub":"alice","exp":"x","channels":7,"info":[]}'),
    "rights that would forbid": unsigned('{"sub":"alice","channels":{}}'),
    "without a signature": unsigned('{"sub":"alice"}', ""),
}

NOT_TAKEN = {
    "no token": "alice",
    "two parts": part({"alg": "none"}) + "." + part('{"sub":"alice"}'),
    "a header that is no JSON": f'{encoded(b"x")}.{part(chr(123) + chr(125))}.x',
    "claims that are no JSON": unsigned("alice"),
    "claims that are no object": unsigned('["alice"]'),
    "without sub": unsigned("{}"),
    "sub is a number": unsigned('{"sub":7}'),
    "sub is empty": unsigned('{"sub":""}'),
    "no base64url": "a.b.c!",
}


@pytest.mark.parametrize("shown", TAKEN.values(), ids=TAKEN.keys())
async def test_a_token_says_who_one_is(memory_node, connect, channel, shown):
    for client in (
        await connect(url_with(memory_node.ws, shown)),
        await connect(memory_node.ws, subprotocols=["apus.v1", f"auth.{shown}"]),
    ):
        assert client.hello["user"] == "alice" and client.hello["warning"] == UNVERIFIED
        await client.subscribe(channel)
        await client.publish(channel, 1)
    client = await connect(memory_node.ws)
    assert "warning" not in client.hello
    reply = await client.succeed("authenticated", "auth", token=shown)
    assert reply["user"] == "alice" and reply["warning"] == UNVERIFIED and "expires" not in reply
    await client.subscribe(channel)
    assert (await client.publish(channel, 2))["channel"] == channel
    assert (await client.expect("message", data=2))["from"] == "alice"


@pytest.mark.parametrize("shown", NOT_TAKEN.values(), ids=NOT_TAKEN.keys())
async def test_a_bad_form_is_told(memory_node, connect, shown):
    assert await by_query(connect, memory_node, shown) == INVALID
    if "!" not in shown:
        assert await by_subprotocol(connect, memory_node, shown) == INVALID
    client = await connect(memory_node.ws)
    assert (await client.command("auth", token=shown))["code"] == "invalid_token"
    assert await client.closed_with() == FAILED


async def test_the_token_beats_the_name(memory_node, connect):
    # Also where the name is none.
    for name in ("bob", "%00"):
        client = await connect(f"{memory_node.ws}?user={name}&token={TAKEN['without exp']}")
        assert client.hello["user"] == "alice"
        assert client.hello["warning"] == f"{UNVERIFIED} ?user= is ignored: the token says who you are."


async def test_a_name_alone_is_believed(memory_node, connect):
    client = await connect(memory_node.ws, user="bob")
    assert client.hello["user"] == "bob" and "warning" not in client.hello
    # Nobody changes users, whatever token it has.
    assert (await client.command("auth", token=TAKEN["without exp"]))["code"] == "invalid_token"
    await client.ping()
    assert list(client.hello) == ["type", "clientId", "node", "user", "protocol", "pingInterval", "maxMessageSize"]


async def test_with_a_key_a_token_is_verified(own_node, connect):
    node = own_node({"--jwt-secret": SECRET.private.decode()})
    client = await connect(url_with(node.ws, token(SECRET)))
    assert client.hello["user"] == "alice" and "warning" not in client.hello
    assert await by_query(connect, node, TAKEN["of a foreign key"]) == INVALID
    client = await connect(node.ws, user="bob")
    assert client.hello["user"] == "bob" and "warning" not in client.hello
    client = await connect(f"{url_with(node.ws, token(SECRET))}&user=bob")
    assert client.hello["user"] == "alice"
    assert client.hello["warning"] == "?user= is ignored: the token says who you are."


async def ignored(client: Client) -> str | None:
    assert client.hello["user"] in (None, "alice")
    return client.hello.get("warning")


async def test_what_is_ignored_elsewhere_is_told(own_node, connect):
    no_name = "?user= is ignored: it works only on a node that runs with --dev."
    no_token = "The token is ignored: this node has no key to verify it with."
    node = own_node({"--jwt-secret": SECRET.private.decode()}, dev=False)
    assert await ignored(await connect(node.ws)) is None
    assert await ignored(await connect(node.ws, user="bob")) == no_name
    assert await ignored(await connect(f"{node.ws}?user=")) is None
    assert await ignored(await connect(f"{node.ws}?user=%00")) == no_name
    assert await ignored(await connect(f"{url_with(node.ws, token(SECRET))}&user=bob")) == no_name
    open_node = own_node({"--allow-anonymous": None}, dev=False)
    assert await ignored(await connect(open_node.ws, user="bob")) == no_name
    assert await ignored(await connect(url_with(open_node.ws, token(SECRET)))) == no_token
    assert await ignored(await connect(f"{open_node.ws}?user=bob&token=x")) == f"{no_token} {no_name}"
