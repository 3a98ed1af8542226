"""Channels over WebSockets with Django Channels, by Redis' pub/sub: `/listen/NAME` gets what `/publish/NAME` sends."""

import os

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.urls import path

settings.configure(
    DEBUG=False,
    INSTALLED_APPS=["channels"],
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [os.environ["REDIS_URL"]]},
        },
    },
)
django.setup()


class Listener(AsyncWebsocketConsumer):
    async def connect(self):
        self.group = self.scope["url_route"]["kwargs"]["name"]
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()
        await self.send("ready")

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def group_message(self, event):
        await self.send(event["text"])


class Publisher(AsyncWebsocketConsumer):
    async def connect(self):
        self.group = self.scope["url_route"]["kwargs"]["name"]
        await self.accept()

    async def receive(self, text_data=None, bytes_data=None):
        await self.channel_layer.group_send(self.group, {"type": "group.message", "text": text_data})


app = ProtocolTypeRouter(
    {
        "websocket": URLRouter(
            [
                path("listen/<str:name>", Listener.as_asgi()),
                path("publish/<str:name>", Publisher.as_asgi()),
            ]
        ),
    }
)
