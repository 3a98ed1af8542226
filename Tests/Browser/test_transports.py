"""The client in a browser: what it does when a node dies, and when no WebSocket gets through."""

from harness import Cluster

READ = """async (name) => {
  const { Apus } = await import('/apus.js')
  const apus = (window.apus = new Apus(undefined, { user: name }))
  const room = (window.room = apus.channel('demo:browser'))
  window.told = []
  room.on('message', ({ data }) => window.told.push(data))
  room.on('gap', () => window.told.push('gap'))
  await room.subscribe()
  return apus.transport
}"""


async def test_a_node_that_is_killed_under_the_tab_costs_nothing(cluster: Cluster, tab):
    assert cluster.nginx is not None
    alice = await tab(cluster.nginx.http + "/chat")
    assert await alice.page.evaluate(READ, "alice") == "websocket"
    held = await alice.page.evaluate("apus.node")
    node = next(node for node in cluster.nodes if held.startswith(node.name + "."))
    # On another one, whichever nginx has chosen.
    bob = await tab(next(other for other in cluster.nodes if other is not node).http + "/chat")
    await bob.page.evaluate(READ, "bob")
    await bob.page.evaluate("room.publish('before')")
    node.kill()
    await bob.page.evaluate("room.publish('while away')")
    node.start()
    await alice.until("told.length === 2")
    assert await alice.page.evaluate("told") == ["before", "while away"]


async def test_where_no_websocket_gets_through_a_stream_does(cluster: Cluster, tab):
    one = await tab(cluster.nodes[0].http + "/chat")
    await one.page.route_web_socket("**/*", lambda socket: socket.close())
    assert await one.page.evaluate(READ, "alice") == "sse"
    await one.page.evaluate("room.publish('by POST')")
    await one.until("told.length === 1")
