#!/usr/bin/env python3
"""An origin that holds: live requests are never answered, event streams begin and never end. holding_origin.py PORT"""
import asyncio
import sys

HEAD = (b"HTTP/1.1 200 OK\r\nelectric-handle: 38083685-1729874417404\r\nelectric-offset: 0_0\r\n"
        b"cache-control: no-store\r\n")
EVENTS = HEAD + b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n8\r\n: held\n\n\r\n"
EMPTY = HEAD + b"content-type: application/json\r\ncontent-length: 2\r\n\r\n[]"


class Connection(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.received = b""

    def data_received(self, data):
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, self.received = self.received.split(b"\r\n\r\n", 1)
            if b"live_sse=true" in head:
                self.transport.write(EVENTS)
            elif b"live=true" not in head:
                self.transport.write(EMPTY)


async def main():
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    await server.serve_forever()


asyncio.run(main())
