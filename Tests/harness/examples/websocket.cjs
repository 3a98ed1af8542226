// Gives a Node.js that has no WebSocket the one of Debian's package node-ws.
globalThis.WebSocket = require("/usr/share/nodejs/ws");
