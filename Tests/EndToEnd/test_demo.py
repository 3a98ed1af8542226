"""What a node with `--dev` does for the demo pages."""

from harness import Cluster, Node, eventually


async def test_every_node_tells_how_it_does(cluster: Cluster, connect):
    client = await connect(cluster.nodes[0].ws + "?user=alice")
    await client.subscribe("demo:stats")
    rows: dict[str, dict] = {}

    async def all_have_told() -> bool:
        row = (await client.expect("message"))["data"]
        rows[row["node"]] = row
        return len(rows) == len(cluster.nodes)

    await eventually(all_have_told)
    names = {each.split(".")[0] for each in rows}
    assert names == {node.name for node in cluster.nodes}
    for row in rows.values():
        assert row.keys() == {
            "node", "host", "time", "connections", "subscriptions", "messagesIn", "messagesOut", "outbox", "redis", "draining",
        }  # fmt: skip
    # A second tab is filled by the history.
    history = await client.command("history", channel="demo:stats", limit=100)
    assert {message["data"]["node"] for message in history["messages"]} >= rows.keys()


async def test_a_node_that_is_not_for_trying_tells_nothing(own_node, connect):
    node: Node = own_node({"--allow-anonymous": None}, dev=False)
    client = await connect(node.ws)
    await client.command("subscribe", channel="demo:stats")
    assert (await client.command("subscribe", channel="demo:doc:1")).get("epoch") is None


def test_texts_of_the_editor_keep_more_than_the_rest(memory_node):
    rules = {
        name: memory_node.request("GET", f"/api/channels/demo:{name}").json()["rule"]["history"] for name in ("doc:1", "other")
    }
    assert rules == {"doc:1": {"size": 2000, "ttl": 3600000}, "other": {"size": 100, "ttl": 600000}}
