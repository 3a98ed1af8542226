"""Where the sources say what the tables of limits in `docs/` say, row by row."""

import re
from http import HTTPStatus

from harness.repository import REPOSITORY

# In bytes, and in milliseconds; a number without a unit is a count, a status or a code.
UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "bytes": 1, "ms": 1, "s": 1000}
# Of `--max-outbox`, as pages and sources write it.
SHARES = {"four times": "4 *", "a third": "3", "three eighths": "8 * 3"}

Row = list[int | str]


def swift(path: str) -> str:
    """A file below `Sources/`, by its name without the suffix."""
    return (REPOSITORY / f"Sources/{path}.swift").read_text()


def found(path: str, pattern: str) -> str:
    """The group of a pattern that a file has once."""
    groups = set(re.findall(pattern, swift(path)))
    assert len(groups) == 1, f"Sources/{path}.swift should have one {pattern}, not {sorted(groups)}"
    return groups.pop()


def number(path: str, name: str) -> int:
    """The number that a file gives that name; what is counted from 0 is another thing."""
    pattern = rf"\b{name}(?:: \w+)?(?: = |: )(?:[\w.]+\((?:rawValue: )?)?(?!0\b)(-?\d[\d_]*(?: << \d+)?)\b"
    value, _, shift = found(path, pattern).partition(" << ")
    return int(value) << int(shift or 0)


def time(path: str, name: str) -> int:
    """The milliseconds of a time that a file gives with its unit."""
    unit = found(path, rf"\b{name} = \w+\.(\w+)\(")
    return {"seconds": 1000, "milliseconds": 1}[unit] * number(path, name)


def error_codes() -> dict[str, str]:
    """The codes of errors, by their names in the code."""
    cases = re.findall(r"^  case `?(\w+)`?(?: = \"(\w+)\")?$", swift("Model/ErrorCode"), re.MULTILINE)
    return {name: text or name for name, text in cases}


def code(path: str, pattern: str) -> str:
    return error_codes()[found(path, pattern)]


def close(path: str, pattern: str) -> int:
    name = found(path, pattern)
    files = ("WebSocket/CloseCode", "Protocol/Apus/CloseCode+Apus")
    [file] = [each for each in files if re.search(rf"static let {name} ", swift(each))]
    return number(file, name)


def status(path: str, pattern: str) -> int:
    return int(found(path, pattern))


def http_status(name: str) -> int:
    """The number of a status that SwiftNIO or HTTPTypes names so."""
    other = {"contentTooLarge": "requestEntityTooLarge"}
    return HTTPStatus[re.sub("([A-Z])", r"_\1", other.get(name, name)).upper()].value


def of_page(cells: list[str]) -> Row:
    """The numbers, shares and error codes that a row tells, in order, without the options' own numbers."""
    default = r"`--[\w-]+`(?: a second| at once)?, \d[\d,]*(?: (?:bytes|MiB|s)\b)?(?=,| \||$)"
    text = re.sub(default, "", " | ".join(cells))
    row: Row = []
    codes = error_codes().values()
    pattern = rf"(?<![\w-])(-?\d[\d,]*\b)(?: (KiB|MiB|bytes|s)\b)?|({'|'.join(SHARES)})|`(\w+)`"
    for value, unit, share, word in re.findall(pattern, text):
        if value:
            row.append(int(value.replace(",", "")) * UNITS[unit])
        elif share:
            row.append(SHARES[share])
        elif word in codes:
            row.append(word)
    return row


# What is said of the same thing in several rows.
ANSWERS = ("Server/Delivery/Delivery+Deferred", r"static func answerTooLarge.*\n +Refusal\(\.(\w+)")
MANY_ANSWERS = ("Server/Delivery/Delivery+Deferred", r"static var tooManyAnswers.*\n +Refusal\(\.(\w+)")
ABOVE_THE_RATE = ("Hub/Hub+Rates", r"return \.refused\(Refusal\(\.(\w+)")
TOO_SLOW = ("Server/Worker/Worker+Delivering", r"func isTooSlow.*\n +close\(slot, \.(\w+)")
MANY_CALLS = ("Server/Worker/Worker+Backend", r"guard calls\.open\.hasRoom.*\n.*\n +return Refusal\(\.(\w+)")


def of_operations() -> dict[str, Row]:
    """Of "Limits that are no options": what stands in the rows, by their first cells."""
    server = "Server/ServerConfiguration"
    refusals, messages = "WebSocket/Handshake/HandshakeRefusal", "Node/HTTP/HTTPMessages"
    head, receiving = "WebSocket/Handshake/HandshakeParser", "Server/Worker/Worker+Receiving"
    deferred = "Server/DeferredSubscribes"
    room, control_plane = "Node/HTTP/BodyRoom", "Node/ControlPlane"
    too_many_bodies = status(messages, r"tooManyBodies = .*\n +status: (\d+)")
    return {
        "time for a handshake, or for the head of an HTTP request": [
            number(server, "handshakeTimeout"),
            status("Server/Worker/Worker+Accepting", r"func handshakeTimedOut.*\n.*status: (\d+)"),
        ],
        "head of a request; a line of it; headers": [
            number(head, "maxHeadBytes"),
            number(head, "maxLine"),
            number(head, "maxHeaders"),
            status(refusals, r"func headTooLarge.*\n.*status: (\d+)"),
        ],
        "time from one HTTP answer to the end of the next request, and from there to the end of its answer": [
            time("Node/HTTP/HTTPConversation", "limit")
        ],
        "HTTP connections kept for another request": [number("Node/HTTP/HTTPGateway", "maxKept")],
        "HTTP requests of a connection without a known API key": [
            number("Node/HTTP/HTTPLimits", "rate"),
            number("Node/HTTP/HTTPLimits", "burst"),
            status(messages, r"tooManyRequestsOfOne = .*\n +status: (\d+)"),
        ],
        "bodies of requests to the HTTP API under way on a node": [
            number(room, "maxCount"),
            number(room, "maxBytes"),
            number("Node/HTTP/HTTPLimits", "leastPart"),
            too_many_bodies,
        ],
        "bodies of `/events`, `/poll` and `/commands` under way on a node; those of one address": [
            number(control_plane, "maxCount"),
            number(room, "maxBytes"),
            number(control_plane, "maxCount") // number(control_plane, "shares"),
            number(room, "maxBytes") // number(control_plane, "shares"),
            too_many_bodies,
        ],
        "scrapes of `/metrics`": [1000 // time("Node/HTTP/MetricsPage", "interval")],
        "frames of one message, empty ones too": [
            number(server, "maxFragments"),
            close("WebSocket/FrameDecoder", r"limits\.maxFragments else \{ return fail\(\.(\w+)"),
        ],
        "a compressed message, inflated": [close(receiving, r"case \.tooBig: violated\(\.(\w+)")],
        "pings and pongs of a client in a second": [
            number(server, "maxControlFrames"),
            close(receiving, r"maxControlFrames else .*\n +close\(slot, \.(\w+)"),
        ],
        "a compressed command above the rate, to be told by its `id`: compressed, inflated, of a client in a second": [
            number(server, "maxExcessSize"),
            number(server, "maxInflatedExcess"),
            number(server, "maxExcessFrames"),
            code(*ABOVE_THE_RATE),
        ],
        "subscribes of a connection's first 30 s that wait for the rate: one after the other, each": [
            number(deferred, "window"),
            number(deferred, "timeout"),
            code(*ABOVE_THE_RATE),
        ],
        "what such connections have sent meanwhile, for all of a loop": [
            number(deferred, "maxBytes"),
            code(*ABOVE_THE_RATE),
        ],
        "time an outbox is more than half full": [number(server, "slowTimeout"), close(*TOO_SLOW)],
        "time for the closing handshake": [number(server, "closeTimeout")],
        "messages on their way between two loops": [
            number("Server/InFlightBytes", "limit"),
            code("Model/ErrorCode", r"static func overloaded.*\n +Refusal\(id: id, \.(\w+)"),
        ],
        "body of an HTTP request, or what its chunks announce": [
            number("Node/API/API", "maxBodySize"),
            status(refusals, r"func bodyTooLarge.*\n.*status: (\d+)"),
        ],
    }


def of_backend() -> dict[str, Row]:
    """Of the limits of "The backend"."""
    backend, queue = "Node/Backend/HTTPBackend", "Server/Backend/CallQueue"
    return {
        "time from the command to the answer": [
            number("Server/Backend/Backend", "timeLimit"),
            code("Server/Backend/Backend", r"static let late = BackendAnswer\.failure\(\n +\.(\w+)"),
        ],
        "calls at a time, of the node": [number(queue, "running")],
        "calls that wait, and their bytes": [
            number(queue, "waiting"),
            number(queue, "waitingBytes"),
            code("Server/Worker/Worker+Backend", r"guard backend\.take.*\n +return Refusal\(\.(\w+)"),
        ],
        "calls of one connection, waiting or under way": [
            number("Server/Backend/OpenCalls", "maxPerSession"),
            code(*MANY_CALLS),
        ],
        "answer": [number(backend, "maxAnswer"), code(backend, r"is NIOTooManyBytesError: \.failure\(\.(\w+)")],
        "answer, in a node whose `--max-outbox` is less": [code(*ANSWERS)],
        "no answer: nobody is there, or with a certificate that is not trusted; status 429 or 503": [
            *map(http_status, re.findall(r"\.(\w+)", found(backend, r"case (.*):\n +\.failure\(\.unavailable"))),
            code(backend, r"static let (?:unreachable|untrusted) = BackendAnswer\.failure\(\n +\.(\w+)"),
        ],
        "the connection ends before the answer": [
            code(backend, r"static let lost = BackendAnswer\.failure\(\n +\.(\w+)"),
        ],
        "any other status, redirects too, or an answer of another form": [
            code(backend, r"default: \.failure\(\.(\w+)"),
        ],
    }


def status_of(code: str) -> int:
    """The HTTP status of an error by its code."""
    [name] = [name for name, text in error_codes().items() if text == code]
    return int(found("Model/ErrorCode+HTTP", rf"case (?:.*, )?\.{name}(?:, .*)?: (\d+)"))


def of_http_api() -> dict[str, Row]:
    """Of "Limits" of the HTTP API."""
    routes, nodes = "Node/API/Routes", "Node/API/Nodes"
    [name] = {number(path, "maxLength") for path in ("Model/ChannelName", "Model/Identifiers")}
    [key] = {number("Protocol/Apus/Command", each) for each in ("maxKeyLength", "maxEventLength")}
    client = int(found("Node/API/Route", r"static let client = Schema\.string\(minBytes: 1, maxBytes: (\d+)"))
    [told] = {number(f"{nodes}/{each}", "maxBytes") for each in ("ChannelPages", "NodeRespondent")}
    [shared] = {time(f"{nodes}/{each}", "lifetime") for each in ("SharedSurveys", "Census")}
    bad, large = status_of("bad_request"), status_of("too_large")
    return {
        "body of a request": [
            number("Node/API/API", "maxBodySize"),
            status("WebSocket/Handshake/HandshakeRefusal", r"func bodyTooLarge.*\n.*status: (\d+)"),
        ],
        "`data` of a message, or `binary` when it is decoded": [large, "too_large"],
        "messages of one request": [number(f"{routes}/MessageRoutes", "maxMessages"), bad],
        "name of a channel": [name, status_of("invalid_channel")],
        "name of a user": [name, bad],
        "`key`, `event`": [key, bad],
        "`exclude`, id of a connection in a path": [client, bad],
        "`info`": [number("Model/Presence", "maxInfoLength"), large],
        "`reason`": [number(f"{routes}/ConnectionRoutes", "maxReason"), bad],
        "JSON in a body": [number("JSON/JSONScanner", "maxDepth"), bad],
        "channels of one answer": [number(f"{routes}/ChannelRoutes", "maxChannels"), bad],
        "connections of one answer with presence": [number(f"{routes}/PresenceRoutes", "maxConnections"), bad],
        "messages of one answer with history": [
            number(f"{routes}/HistoryRoutes", "maxMessages"),
            number("Model/History", "maxBytes"),
            bad,
        ],
        "what one node tells of its channels, or of a user's connections": [told],
        "one node's answer to another": [number("Cluster/Survey", "maxBytes")],
        "time for the answers of all nodes": [number("Broker/Redis/Machines/Surveys", "patience")],
        "questions to all nodes that one node has under way": [
            number("Broker/Redis/Machines/Surveys", "capacity"),
            status_of(code("Model/ErrorCode", r"static func overloaded.*\n +Refusal\(id: id, \.(\w+)")),
        ],
        "time for which equal questions are one": [shared],
        "time a `key` is known": [number("Broker/Memory/IdempotencyTable", "lifetime")],
        "keys that a node without Redis knows": [number("Broker/Memory/IdempotencyTable", "capacity")],
        "requests of a connection without a known key": [
            number("Node/HTTP/HTTPLimits", "rate"),
            number("Node/HTTP/HTTPLimits", "burst"),
            status("Node/HTTP/HTTPMessages", r"tooManyRequestsOfOne = .*\n +status: (\d+)"),
        ],
    }


def of_fallbacks() -> dict[str, Row]:
    """Of "Limits" of the fallbacks."""
    polls, request, calls = "Node/Fallbacks/Polls", "Node/Fallbacks/StreamRequest", "Server/Backend/OpenCalls"
    bad, many, full = status_of("bad_request"), status_of("too_many_channels"), status_of("unavailable")
    length = found(request, r"\((\d+)\.\.\.(\d+)\)\.contains\(text\.utf8\.count\)")
    seconds = {name: 1000 * number(polls, name) for name in ("maxWait", "defaultWait")}
    return {
        "channels of a stream or poll by GET": [number(request, "maxChannelsByGet"), many],
        "channels of a stream or poll by POST": [many],
        "body of a POST": [number("Node/Fallbacks/Fallbacks", "maxBodySize"), status_of("too_large")],
        "session": [*map(int, length), bad],
        "commands of one POST": [number("Server/Guests/CommandBatch", "maxCommands"), bad],
        "each command, or the binary frame": [
            code("Server/Worker/Worker+Guests", r"Refusal\(id: id, \.(\w+), \"A command must"),
        ],
        "time for the commands of one POST": [
            number("Server/Guests/CommandBatch", "timeLimit"),
            code("Server/Guests/OpenBatch", r"case \.sent: .*Refusal\(id: .*, \.(\w+)"),
            code("Server/Guests/OpenBatch", r"case \.waiting: .*Refusal\(id: .*, \.(\w+)"),
        ],
        "requests of one POST under way": [number(calls, "maxPerSession")],
        "answers to one POST together, without errors": [
            number("Server/Guests/OpenBatch", "maxBytes"),
            code("Server/Guests/OpenBatch", r"Refusal\(id: .*, \.(\w+), \"The answers"),
        ],
        "`wait` of a poll": [*seconds.values(), bad],
        "`limit` of a poll": [number(polls, "maxEvents"), number(polls, "defaultEvents"), bad],
        "events of histories in the answer to a poll": [number("Model/History", "maxBytes")],
        "polls that wait, of a loop": [int(found("Server/Worker/Worker+Polls", r"maxPolls: Int \{ (\d+)")), full],
        "POSTs with commands under way, of a loop": [
            int(found("Server/Worker/Worker+Guests", r"maxBatches: Int \{ (\d+)")),
            full,
        ],
    }


def of_protocol() -> dict[str, Row]:
    """Of "Limits" of the protocol; the numbers of options are compared by `test_limits_that_are_options`."""
    closing, hub, held = "Server/Worker/Worker+Closing", "Hub/Hub", "Hub/BufferedEvents"
    commands, reader, calls = "Protocol/Apus/Command", "Protocol/Apus/CommandReader", "Server/Backend/OpenCalls"
    pending, errors = "Hub/PendingSubscribe", "Protocol/Apus/RPC/RPCResponse"
    configuration = "Node/Configuration/NodeConfiguration"
    torn = code("Hub/Hub+Subscribing", r"for key in mustFail \{ fail\(key, \.(\w+)")
    waiting = found("Server/Delivery/Delivery+Deferred", r"answerBytes.* <= (\d \*) min\(limit")
    recoveries = found(configuration, r"maxRecovery: (\d \*) min\(maxOutbox")
    [fleeting] = {number(commands, name) for name in ("maxKeyLength", "maxEventLength")}
    return {
        "message": [close("WebSocket/FrameDecoder", r"guard header\.length <= .*fail\(\.(\w+)")],
        "channels of a connection": [code("Hub/Hub+Commands", r"A connection may subscribe.*\n.*refuse\(.*, \.(\w+), message\)")],
        "commands of a connection, and of all connections of a user on a node": [
            code(*ABOVE_THE_RATE),
            number("Hub/TokenBucket", "timeout"),
            close("Server/Worker/Worker+Receiving", r"case \.exhausted: close\(slot, \.(\w+)"),
        ],
        "token": [
            number("Tokens/TokenVerifier", "maxLength"),
            code("Tokens/TokenHeader", r"Refusal\(isExpired \? \.\w+ : \.(\w+)"),
        ],
        "time until a token is shown, where one is demanded": [
            number(hub, "timeout"),
            close("Server/Worker/Worker+Delivering", r"case \.noToken, \.invalidToken: \.(\w+)"),
        ],
        "waiting to be read by the client": [close(*TOO_SLOW)],
        "commands waiting behind one `subscribe`": [
            number(pending, "maxDeferred"),
            number(pending, "maxBytes"),
            code("Hub/Hub+Commands", r"put\(command\) == false.*\n.*\n +id: command\.id, \.(\w+)"),
        ],
        "events held while a channel's members are read": [number(held, "capacity"), torn],
        "events of a channel held while what was missed is read": [number(held, "capacity"), torn],
        "events held behind what was missed of their channels, while that is sent": [
            number("Server/Delivery/RecoveryQueue", "maxBehind"),
            close(*TOO_SLOW),
        ],
        "one answer (of `history`, `presence`, `request`)": [
            code(*ANSWERS),
            number(errors, found("Server/Worker/Worker+Backend", r"case [^:]*\.tooLarge[^:]*:\n +\.(\w+)")),
        ],
        "answers (of `history`, `presence`, `request`) that wait to be sent on a connection": [
            waiting,
            code(*MANY_ANSWERS),
            close(*TOO_SLOW),
        ],
        "members in one answer or event": [
            number("Model/Presence", "maxConnections"),
            number("Model/Presence", "maxBytes"),
            found(configuration, r"Roster\.maxBytes, maxOutbox / (.*)\)"),
        ],
        "messages of one `history`": [
            number(commands, "most"),
            number("Model/History", "maxBytes"),
            found(configuration, r"HistoryRead\.maxBytes, maxOutbox / (.*)\)"),
        ],
        "what was missed and waits to be sent on a connection": [recoveries],
        "messages of one recovery": [number("Model/History", "maxRecovered")],
        "`key`, `event`": [fleeting, code(reader, r"id: id, \.(\w+), \"The member key")],
        "`method` of a `request`": [
            number(commands, "maxMethodLength"),
            code(reader, r"id: id, \.(\w+), \"The member method"),
        ],
        "requests of a connection that the backend has not answered": [
            number(calls, "maxPerSession"),
            code(*MANY_CALLS),
        ],
        "calls in a batch of JSON-RPC": [
            number("Protocol/Apus/RPC/RPCCall", "maxCalls"),
            number(errors, found("Server/Worker/Worker+Requests", r"case \.refused: .*failure\(nil, \.(\w+)")),
        ],
        "answers to a batch of JSON-RPC": [
            number(calls, "maxBatchBytes"),
            number(errors, found("Server/Backend/BatchRoom", r"func error.*\.failure\(id, \.(\w+)")),
        ],
        "silence after a ping": [close(closing, r"close\(slot, \.(\w+), reason: \"no pong")],
    }
