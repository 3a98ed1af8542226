"""Nodes on each kind of Redis: what the kinds carry and cost, and how long they are without service."""
