"""Rooms with python-socketio and its Redis manager: who has sent `listen` gets what others `publish`."""

import os

import socketio

sio = socketio.AsyncServer(
    async_mode="asgi",
    client_manager=socketio.AsyncRedisManager(os.environ["REDIS_URL"]),
    transports=["websocket"],
    # The load generator answers no pings: none are sent while it runs.
    ping_interval=3600,
)
app = socketio.ASGIApp(sio)


@sio.event
async def listen(sid, channel):
    await sio.enter_room(sid, channel)
    return "ready"


@sio.event
async def publish(sid, channel, message):
    await sio.emit("message", message, room=channel)
