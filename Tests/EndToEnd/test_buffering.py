"""A proxy that nobody has set up for Apus: nginx as it comes, which buffers what it passes on."""

import threading
from pathlib import Path

import pytest
import requests

from harness import until
from harness.nginx import Nginx
from harness.stream import Stream

CONFIGURATION = """
pid nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      {more}
      proxy_pass http://127.0.0.1:{node};
    }}
  }}
}}
"""


class PlainNginx(Nginx):
    """nginx with its defaults; `more` stands beside `proxy_pass`."""

    def __init__(self, directory: Path, node: int, more: str = ""):
        super().__init__(directory, [node])
        self._text = CONFIGURATION.format(port=self.port, node=node, more=more)

    def configure(self, folder: Path) -> None:
        prefix = folder / "fixed"
        prefix.mkdir(parents=True)
        (prefix / "nginx.conf").write_text(self._text)


@pytest.fixture
def node(cluster):
    return cluster.nodes[0]


def publish(node, channel: str, data: object) -> None:
    assert node.request("POST", f"/api/channels/{channel}/messages", json={"data": data}).status_code == 200


def poll(proxy: Nginx, **query: str) -> dict:
    return requests.get(f"{proxy.http}/poll", query, timeout=30).json()


def test_a_stream_asks_it_not_to(node, tmp_path, channel):
    with PlainNginx(tmp_path, node.port) as proxy, Stream(f"{proxy.http}/events?channel={channel}") as listener:
        listener.expect("subscribed")
        # Each of a few bytes, and waited for: had they to fill a buffer, none would come.
        for number in range(10):
            publish(node, channel, number)
            listener.expect("message", data=number)


def test_one_that_does_not_listen_to_that_passes_polls(node, tmp_path, channel):
    """A stream comes in lumps, and whole in the end; a poll comes when it is answered."""
    user, channel = channel, f"demo:{channel}"
    with PlainNginx(tmp_path, node.port, "proxy_ignore_headers X-Accel-Buffering;") as proxy:
        opened: list[Stream] = []
        url = f"{proxy.http}/events?channel={channel}&user={user}"
        # Not even the head comes before there is a lump.
        opening = threading.Thread(target=lambda: opened.append(Stream(url)), daemon=True)
        opening.start()
        until(lambda: node.get(f"/api/users/{user}").json()["connections"])
        cursor = poll(proxy, channel=channel)["cursor"]
        for number in range(5):
            publish(node, channel, number)
            answer = poll(proxy, channel=channel, since=cursor)
            assert [event["data"] for event in answer["events"]] == [number]
            cursor = answer["cursor"]
        assert not opened, "this proxy passes it on at once"
        node.request("DELETE", f"/api/users/{user}/connections")
        opening.join(30)
        assert opened, "the stream never came"
        assert [event["data"] for event in opened[0].collect("message", 5)] == list(range(5))
