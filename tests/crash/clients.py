"""Clients of the shape protocol that live through whatever happens to the server, and keep books on what they are told.

Each is a thread. It follows one shape as the published client does: pages from -1 until up to date, then long polls or an event
stream; a connection that breaks or a 5xx is tried again from the same position; 409 begins anew. What a server that neither loses
nor repeats never says is a violation: an insert of a row that is there, a change of one that is not, a position that goes back, a
400, another handle without a 409, or other bytes for a page that was full before.
"""
import hashlib
import http.client
import json
import random
import threading
import time
import urllib.parse

TIMEOUT_S = 30
RETRY_S = 0.02
VIOLATIONS_MAX = 20  # kept of each client


class Pages:
    """What each page held that was full when it was read: its bytes may never change, whoever asks, and after whatever crash."""

    def __init__(self):
        self.lock = threading.Lock()
        self.digests = {}
        self.compared = 0

    def differs(self, url, body):
        digest = hashlib.sha256(body).digest()
        with self.lock:
            known = self.digests.setdefault(url, digest)
            self.compared += known is not digest
            return known != digest


class Refused(Exception):
    """The server is there and says no: what a client would give up at."""


class Client(threading.Thread):
    def __init__(self, world, shape, kind, pages):
        super().__init__(daemon=True, name=f"{kind} {shape.name}")
        self.world, self.shape, self.kind, self.pages = world, shape, kind, pages
        self.rows = {}
        self.violations = []
        self.refetches = self.operations = self.broken = self.unavailable = 0
        self.last_seen_lsn = 0
        self.stopping = False
        self._begin(None)

    def _begin(self, handle):
        self.rows.clear()
        self.offset, self.handle, self.cursor = "-1", handle, None
        self.up_to_date = False
        self.position = (0, -1)  # of the last operation

    def violation(self, text):
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(f"{self.name}: {text}")

    def stop(self):
        self.stopping = True

    def run(self):
        connection = None
        while not self.stopping:
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.world.port, timeout=TIMEOUT_S)
                self.step(connection)
            except (OSError, http.client.HTTPException):
                self.broken += 1
                connection.close()
                connection = None
                time.sleep(RETRY_S)
            except Refused as error:
                self.violation(str(error))
                return
        if connection:
            connection.close()

    # --- one request

    def query(self):
        live = self.up_to_date
        query = {**self.shape.definition, "offset": self.offset}
        if self.handle and self.offset != "-1":
            query["handle"] = self.handle
        if live:
            query["live"] = "true"
            if self.kind == "sse":
                query |= {"live_sse": "true", "experimental_live_sse": "true"}
            if self.cursor:
                query["cursor"] = self.cursor
        return "/v1/shape?" + urllib.parse.urlencode(sorted(query.items()))

    def step(self, connection):
        url, live = self.query(), self.up_to_date
        connection.request("GET", url, headers={"accept": "text/event-stream"} if self.kind == "sse" and live else {})
        answer = connection.getresponse()
        events = answer.status == 200 and answer.getheader("content-type") == "text/event-stream"
        body = b"" if events else answer.read()
        if answer.status == 409:
            self.refetches += 1
            self._begin(answer.getheader("electric-handle"))
        elif answer.status >= 500 or answer.status == 429:
            self.unavailable += 1
            time.sleep(RETRY_S)
        elif answer.status != 200:
            raise Refused(f"{answer.status} for {url}: {body[:200]}")
        else:
            self._fields(answer, live)
            self._events(answer, connection) if events else self._page(answer, url, body, live)

    def _fields(self, answer, live):
        handle = answer.getheader("electric-handle")
        if self.handle and self.offset != "-1" and handle != self.handle:
            self.violation(f"handle {self.handle} has become {handle}")
        self.handle = handle
        cursor = answer.getheader("electric-cursor")
        if live and self.cursor and int(cursor) <= int(self.cursor):
            self.violation(f"cursor {self.cursor}, then {cursor}")
        self.cursor = cursor or self.cursor

    def _page(self, answer, url, body, live):
        full = answer.getheader("electric-up-to-date") is None
        if full and not live and body != b"[]" and self.pages.differs(f"{self.handle} {url}", body):
            self.violation(f"other bytes than before for {url}")
        for message in json.loads(body):
            self.take(message)
        self.offset = answer.getheader("electric-offset")
        self.up_to_date = not full

    def _events(self, answer, connection):
        """A batch counts when it is whole: when up-to-date has come. What came before a break comes again."""
        batch = []
        try:
            while not self.stopping:
                line = answer.readline()
                if not line:
                    break
                if not line.startswith(b"data: "):
                    continue
                batch.append(json.loads(line[6:]))
                if batch[-1]["headers"].get("control") != "up-to-date":
                    continue
                for message in batch:
                    self.take(message)
                self.offset = batch[-1]["headers"]["global_last_seen_lsn"] + "_0"
                batch = []
        finally:
            answer.close()
            connection.close()  # an event stream is the last of its connection
        time.sleep(RETRY_S)

    # --- the rows

    def take(self, message):
        headers = message["headers"]
        if "control" in headers:
            if "global_last_seen_lsn" in headers:
                self.last_seen_lsn = int(headers["global_last_seen_lsn"])
            return
        self.operations += 1
        key, operation = message["key"], headers["operation"]
        if "lsn" in headers:
            position = (int(headers["lsn"]), headers["op_position"])
            if position <= self.position:
                self.violation(f"{operation} of {key} at {position} after {self.position}")
            self.position = position
        if (operation == "insert") == (key in self.rows):
            self.violation(f"{operation} of {key}, which {'is' if key in self.rows else 'is not'} there; {headers}")
        if operation == "delete":
            self.rows.pop(key, None)
        else:
            self.rows[key] = {**self.rows.get(key, {}), **message["value"]}


class Reader(Client):
    """Begins anew again and again: it holds every page against what others have read there."""

    def __init__(self, world, shape, pages, pause_s=0.05):
        super().__init__(world, shape, "reader", pages)
        self.pause_s = pause_s
        self.readings = 0

    def step(self, connection):
        super().step(connection)
        if self.up_to_date and not self.stopping:
            self.readings += 1
            time.sleep(self.pause_s)
            self._begin(None)


class Leaver(Client):
    """Hangs up in the middle of things, and comes back."""

    def step(self, connection):
        if random.random() < 0.3:
            connection.request("GET", self.query())
            time.sleep(random.random() * 0.05)
            raise OSError("hung up")
        super().step(connection)


class Slow(Client):
    """Reads a page a few bytes at a time, or not at all for a while."""

    def step(self, connection):
        if self.up_to_date:
            self._begin(None)
        connection.request("GET", self.query())
        answer = connection.getresponse()
        for _ in range(200):
            if self.stopping or not answer.read(512):
                break
            time.sleep(0.02)
        raise OSError("hung up")
