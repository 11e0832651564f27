"""The memory of the whole process before and after a flood of what it has never seen."""
import contextlib
import http.server
import itertools
import os
import re
import socket
import subprocess
import tempfile
import threading
import time

import harness

CONNECTIONS, PIPELINED = 8, 64
STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
PROVIDER = """
[[identity]]
name = "provider"
issuer = "https://provider.example.com"
audience = "https://sync.example.com"
jwks_url = "http://127.0.0.1:%d/keys"
""" % harness.KEYS
# What the metrics say of each flood, beside the answers.
WATCHED = [
    'sluice_tokens_known{tokens="identity"}',
    'sluice_refused_tokens_known{tokens="identity"}',
    "sluice_limited_callers",
    "sluice_audit_dropped_total",
]


class KeySet:
    """A provider's key set, which counts how often it is asked for."""

    def __init__(self, directory):
        self.asked = 0
        body = harness.as_json({"keys": [ec_key(directory)]})

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(handler):
                self.asked += 1
                handler.send_response(200)
                handler.send_header("Content-Length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", harness.KEYS), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def ec_key(directory):
    """A P-256 key as JWK; the point is the end of its DER form."""
    private = os.path.join(directory, "provider.pem")
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private], check=True)
    der = subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-outform", "DER"], check=True,
                         capture_output=True).stdout
    x, y = (harness.base64url(part).decode() for part in (der[-64:-32], der[-32:]))
    return {"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "provider-1", "x": x, "y": y}


def get(path, token):
    return b"GET %b HTTP/1.1\r\nHost: sync.example.com\r\nAuthorization: Bearer %b\r\n\r\n" % (path, token)


OURS = f"/v1/shapes/mine?{harness.POSITION}".encode()


def bad_signatures(count):
    head = harness.identity_signer().token("mallory", "1").rsplit(b".", 1)[0]
    for _ in range(count):
        yield get(OURS, head + b"." + harness.base64url(os.urandom(32)))


def unknown_keys(count):
    claims = harness.identity_signer().token("mallory", "1").split(b".")[1]
    signature = harness.base64url(os.urandom(64))
    for i in range(count):
        head = harness.base64url(b'{"alg":"ES256","typ":"JWT","kid":"%d"}' % i)
        yield get(OURS, head + b"." + claims + b"." + signature)


def principals(count):
    signer = harness.identity_signer()
    for i in range(count):
        yield get(OURS, signer.token(f"user-{i}", f"{i}"))


def subset_callers(count):
    signer = harness.identity_signer()
    for i in range(count):
        path = b"/v1/shapes/mine?offset=now&cache-buster=%d&subset__limit=10&subset__order_by=id" % i
        yield get(path, signer.token(f"user-{i}", f"{i}"))


def cache_busters(count):
    token = harness.identity_signer().token("mallory", "1")
    for i in range(count):
        yield get(OURS + b"&cache-buster=%d" % i, token)


ATTACKS = [
    ("bad signatures", bad_signatures),
    ("unknown keys' names", unknown_keys),
    ("principals", principals),
    ("callers, each with a subset and a cache-buster", subset_callers),
    ("cache-busters of one caller", cache_busters),
]


class Flood:
    """Requests pipelined over some connections, one of them being answered while another's are made."""

    def __init__(self, requests):
        self.requests = requests
        self.answers = {}
        self.pending = []  # connection and how many it is being asked

    def run(self):
        with contextlib.ExitStack() as stack:
            for _ in range(CONNECTIONS):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", harness.GATEWAY)))
                connection.settimeout(60)
                self.send(connection)
            while self.pending:
                connection, count = self.pending.pop(0)
                self.receive(connection, count)
                self.send(connection)
        return self.answers

    def send(self, connection):
        batch = list(itertools.islice(self.requests, PIPELINED))
        if batch:
            connection.sendall(b"".join(batch))
            self.pending.append((connection, len(batch)))

    def receive(self, connection, count):
        received = b""
        while len(found := STATUS.findall(received)) < count:
            data = connection.recv(1 << 18)
            if not data:
                raise SystemExit(f"a connection was closed after: {received[-300:]}")
            received += data
        for status in found:
            self.answers[status.decode()] = self.answers.get(status.decode(), 0) + 1


def attack(name, requests, options):
    with tempfile.TemporaryDirectory() as directory, contextlib.closing(KeySet(directory)) as keys, \
            harness.fast_origin(directory), harness.sluice(directory, more=PROVIDER) as server:
        Flood(iter([get(OURS, harness.identity_signer().token("alice", "1"))] * 10_000)).run()  # what any load takes
        before = server.memory_mib("VmRSS")
        asked_before, start_s = keys.asked, time.monotonic()
        answers = Flood(requests(options.count)).run()
        took_s = time.monotonic() - start_s
        after, highest = server.memory_mib("VmRSS"), server.memory_mib("VmHWM")
        said = harness.metrics()
    return [f"{options.count:,} {name}", f"{before:.1f}", f"{after:.1f}", f"{highest:.1f}",
            " ".join(f"{status}: {number:,}" for status, number in sorted(answers.items())), f"{took_s:.0f}",
            keys.asked - asked_before, *(f"{said[each]:,.0f}" for each in WATCHED)]


def run(options):
    heads = ["flood of", "RSS MiB before", "after", "highest", "answers", "s", "key set asked", "good tokens kept", "refused kept",
             "callers kept", "audit lines dropped"]
    harness.print_table("Memory under attack, the whole process", heads,
                        [attack(name, requests, options) for name, requests in ATTACKS if options.attack in name])
