"""What the load generator is asked to do."""


def scenarios(listeners: int, connections: int, rate: float) -> dict[str, dict[str, object]]:
    """What every server is given: the name in the JSON, and the load generator's options."""
    return {
        "window1": {"subs": listeners, "window": 1},
        "window8": {"subs": listeners, "window": 8},
        "open": {"subs": listeners, "rate": rate},
        "idle": {"idle": 1, "subs": connections, "pubs": 0},
    }


# A little of everything, on a channel of its own, so that what a server does once only is done before it is measured.
WARMING_UP = {"duration": 0.5, "prefix": "warm", "subs": 20, "rate": 50, "warmup": 0}
