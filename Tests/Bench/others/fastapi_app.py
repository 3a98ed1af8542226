"""Channels over WebSockets with FastAPI and Redis' pub/sub: `/listen/NAME` gets what `/publish/NAME` sends.

In a process the first listener of a channel subscribes to it in Redis, for all the others too.
"""

import asyncio
import os
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from redis.asyncio import Redis

redis = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


@asynccontextmanager
async def lifespan(app: FastAPI):
    yield
    for channel in channels.values():
        channel.relaying.cancel()
    await redis.aclose()


app = FastAPI(lifespan=lifespan)


class Channel:
    """The listeners that this process has in a channel, and the task that hands them its messages."""

    def __init__(self, name: str):
        self.name = name
        self.listeners: set[WebSocket] = set()
        self.subscribed = asyncio.Event()
        self.relaying = asyncio.create_task(self.relay())

    async def relay(self) -> None:
        async with redis.pubsub() as pubsub:
            await pubsub.subscribe(self.name)
            async for message in pubsub.listen():
                if message["type"] == "subscribe":
                    self.subscribed.set()
                elif message["type"] == "message":
                    await self.send(message["data"])

    async def send(self, text: str) -> None:
        # One after the other: a task for each listener, as by `asyncio.gather`, costs more. In return a listener that
        # does not read holds the others up, and there is none of these here.
        for listener in list(self.listeners):
            try:
                await listener.send_text(text)
            except (WebSocketDisconnect, RuntimeError):
                self.listeners.discard(listener)


channels: dict[str, Channel] = {}


@app.websocket("/listen/{name}")
async def listen(websocket: WebSocket, name: str) -> None:
    await websocket.accept()
    if name not in channels:
        channels[name] = Channel(name)
    channel = channels[name]
    channel.listeners.add(websocket)
    await channel.subscribed.wait()
    await websocket.send_text("ready")
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        pass
    finally:
        channel.listeners.discard(websocket)
        if not channel.listeners and channels.get(name) is channel:
            del channels[name]
            channel.relaying.cancel()


@app.websocket("/publish/{name}")
async def publish(websocket: WebSocket, name: str) -> None:
    await websocket.accept()
    try:
        while True:
            await redis.publish(name, await websocket.receive_text())
    except WebSocketDisconnect:
        pass
