"""How long a thousand long polls and a thousand event streams live on after their subject has been revoked."""
import contextlib
import json
import selectors
import socket
import statistics
import tempfile
import time

import harness

POLLS, STREAMS, OTHERS = 1000, 1000, 200
PATIENCE_S = 30
PATH = f"/v1/shape?{harness.DEFINITION}&{harness.POSITION}&live=true"


class Held:
    """A held request; `ended_s` is when its 401 or the end of its events came."""

    def __init__(self, selector, token, events, stays=False):
        self.events, self.stays, self.received, self.ended_s = events, stays, b"", None
        self.socket = socket.create_connection(("127.0.0.1", harness.GATEWAY))
        path = PATH + ("&live_sse=true" if events else "")
        self.socket.sendall(b"GET %b HTTP/1.1\r\nHost: sync.example.com\r\nAuthorization: Bearer %b\r\n\r\n" %
                            (path.encode(), token))
        self.socket.setblocking(False)
        selector.register(self.socket, selectors.EVENT_READ, self)

    def read(self, now_s):
        """True once cut."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.received += data
        if self.events:
            cut = not data or self.received.endswith(b"\r\n0\r\n\r\n")
            if self.received and not self.received.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"an event stream did not begin: {self.received[:300]}")
        else:
            cut = b"\r\n\r\n" in self.received
            if cut and not self.received.startswith(b"HTTP/1.1 401"):
                raise SystemExit(f"a long poll was cut, but not with 401: {self.received[:300]}")
            if not data and not cut:
                raise SystemExit("a long poll's connection was closed without an answer")
        if cut and self.stays:
            raise SystemExit(f"another subject's request was cut: {self.received[:300]}")
        if cut:
            self.ended_s = now_s
        return cut


def revocation(subject):
    body = json.dumps({"subject": subject}).encode()
    return (b"POST /admin/revoke HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b" %
            (harness.ADMIN_TOKEN.encode(), len(body), body))


def wait_until_held(selector, count):
    deadline = time.monotonic() + PATIENCE_S
    while harness.metrics()["sluice_held_requests"] != count:
        if time.monotonic() > deadline:
            raise SystemExit(f"{count} requests are not held: {harness.metrics()['sluice_held_requests']} are")
        time.sleep(0.1)
    while ready := selector.select(0.1):  # the beginnings of the event streams
        for key, _ in ready:
            key.data.read(0.0)


def revoke(selector, subject):
    admin = socket.create_connection(("127.0.0.1", harness.ADMIN))
    selector.register(admin, selectors.EVENT_READ, None)
    start_s = time.monotonic()
    admin.sendall(revocation(subject))
    return start_s


def one_round(selector, signer, n):
    """Seconds from sending the call until each request was cut, and until the call was answered."""
    subject = f"leaves-{n}"
    leaving = [Held(selector, signer.token(subject, f"{n}-{i}"), i >= POLLS) for i in range(POLLS + STREAMS)]
    wait_until_held(selector, POLLS + STREAMS + OTHERS)
    start_s = revoke(selector, subject)
    answered_s, left = None, len(leaving)
    while left or answered_s is None:
        ready = selector.select(PATIENCE_S)
        if not ready:
            raise SystemExit(f"{left} requests are still held {PATIENCE_S} s after the revocation")
        for key, _ in ready:
            now_s = time.monotonic()
            if not key.data:
                answer = key.fileobj.recv(65536)
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise SystemExit(f"the revocation failed: {answer[:300]}")
                answered_s = now_s
            elif key.data.read(now_s):
                left -= 1
            else:
                continue
            selector.unregister(key.fileobj)
            key.fileobj.close()
    return [held.ended_s - start_s for held in leaving], answered_s - start_s


def run(options):
    signer = harness.grant_signer()
    rows = []
    with (tempfile.TemporaryDirectory() as directory, harness.holding_origin(), harness.sluice(directory),
          contextlib.closing(selectors.DefaultSelector()) as selector):
        staying = [Held(selector, signer.token(f"stays-{i}", f"stays-{i}"), i % 2 == 1, stays=True) for i in range(OTHERS)]
        for n in range(options.revocations):
            cut_s, answered_s = one_round(selector, signer, n)
            cut_ms = sorted(1e3 * s for s in cut_s)
            rows.append([n + 1, 1e3 * answered_s, cut_ms[len(cut_ms) // 2], cut_ms[len(cut_ms) * 99 // 100], cut_ms[-1]])
        wait_until_held(selector, OTHERS)  # none of the others has been cut
        for held in staying:
            held.socket.close()
    rows.append(["median", *(statistics.median(row[i] for row in rows) for i in range(1, 5))])
    rows.append(["max", *(max(row[i] for row in rows) for i in range(1, 5))])
    harness.print_table(f"From POST /admin/revoke until {POLLS} long polls and {STREAMS} event streams of its subject were cut, ms "
                        f"(goal: at most 1000); {OTHERS} of other subjects stayed",
                        ["round", "call answered", "p50", "p99", "max"], rows)
