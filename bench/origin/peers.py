"""What the machine itself allows, measured beside Sluice: nginx on a file, pread and send, the kernel's part of a fan-out, a reader of
Postgres's stream that does nothing. Each is fed by the same load as what it stands beside."""
import contextlib
import http.client
import os
import pathlib
import re
import signal
import statistics
import subprocess
import time

import machine
from deployment import FLOOR, LiveClients, loadgen, session_environment, wrk
from postgres import free_port, wait_until

NGINX = """
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 100000000;
  open_file_cache max=10;
  server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""
FILE_READ_BYTES = 1 << 18  # as loadgen reads


def nginx_cpu_us(folder, body, connections, seconds):
    """CPU time a request for a file of these bytes."""
    folder = pathlib.Path(folder) / "nginx"
    folder.mkdir(exist_ok=True)
    (folder / "body").write_bytes(body)
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, user="user root;" if os.getuid() == 0 else ""))
    master = subprocess.Popen(["nginx", "-c", folder / "nginx.conf", "-e", folder / "nginx.log", "-g", "daemon off;"])
    try:
        url = f"http://127.0.0.1:{port}/body"
        wait_until("nginx answers", lambda: answers(port, "/body"))
        wrk(url, connections, 1)
        before = machine.cpu_of_tree_s(master.pid)
        requests, _ = wrk(url, connections, seconds)
        return (machine.cpu_of_tree_s(master.pid) - before) / requests * 1e6
    finally:
        master.send_signal(signal.SIGQUIT)
        master.wait()


def answers(port, path):
    with contextlib.suppress(OSError):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path)
        return connection.getresponse().status == 200
    return False


class Floor:
    """floor.cc, as loadgen's server."""

    def __init__(self, mode, *arguments):
        self.port = free_port()
        command = [FLOOR, mode, self.port, *arguments]
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "READY\n":
            raise RuntimeError("floor did not begin")

    def sync(self, _):
        return dict(handle="1-1", offset="0_0", cursor=None)

    def cpu_s(self):
        return machine.cpu_s(self.process.pid)

    def send(self, row_id):
        """When it began; returns when it is sent."""
        begin = time.monotonic()
        self.process.stdin.write(f"{row_id:010}\n")
        self.process.stdin.flush()
        self.process.stdout.readline()
        return begin

    def close(self):
        self.process.communicate()


def file_mb_s(file):
    """A file to loadgen, by pread and send."""
    floor = Floor("file", file, FILE_READ_BYTES)
    result, _ = loadgen(floor.port, "sync", "/file?")
    floor.close()
    return result["bytes"] / 1e6 / result["seconds"]


def with_row(text):
    """An answer with the place for floor's number in it."""
    return re.sub(r'"id":"\d+"', '"id":"@@@@@@@@@@"', text)


def fanout_floor(folder, answer, clients, kind, rounds):
    """(CPU us a message, median ms until the last client) of answers like this one; `answer` is (fields, JSON)."""
    fields, body = {name: value for name, value in answer[0].items() if name != "connection"}, with_row(answer[1])
    entries = re.findall(r'\{.*\}(?=[,\]])', body)
    if kind == "sse":
        fields = fields | {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
    else:
        fields = fields | {"content-length": str(len(body))}
    head = "HTTP/1.1 200 OK\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
    event = "".join(f"data: {entry}\n\n" for entry in entries)
    (folder / "answer").write_text(head if kind == "sse" else head + body)
    (folder / "event").write_text(f"{len(event):x}\r\n{event}\r\n")
    floor = Floor("hold", clients, kind, folder / "answer", *([folder / "event"] if kind == "sse" else []))
    followers = LiveClients(floor, "/floor?", count=clients, kind=kind)
    time.sleep(2)
    before, sent = floor.cpu_s(), {}
    for i in range(rounds):
        sent[i + 1] = floor.send(i + 1)
        time.sleep(1)
    used = floor.cpu_s() - before
    got, _ = followers.stop()
    floor.close()
    if any(got.get(i, (0,))[0] != clients for i in sent):
        raise RuntimeError(f"floor: not every client has every row: {[got.get(i, (0,))[0] for i in sent]}")
    return used / (clients * rounds) * 1e6, statistics.median(got[i][3] / 1e9 - at for i, at in sent.items()) * 1000


class StreamReader:
    """pg_recvlogical on a slot of its own, which begins now; what it gets is only looked at for the last row."""

    def __init__(self, deployment, publication="peer"):
        self.deployment, self.publication = deployment, publication
        deployment.sql(f"drop publication if exists {publication}; create publication {publication} for all tables")
        deployment.sql(f"select pg_create_logical_replication_slot('{publication}', 'pgoutput')")

    def start(self):
        command = ["pg_recvlogical", "-d", self.deployment.postgres.url, "--slot", self.publication, "--start", "-f", "-",
                   "-o", "proto_version=1", "-o", f"publication_names={self.publication}", "--no-loop"]
        self.process = subprocess.Popen(command, env=session_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def wait_for(self, text):
        """When it came."""
        tail = b""
        while piece := self.process.stdout.read1(1 << 20):
            if text in tail + piece:
                return time.monotonic()
            tail = piece[-len(text):]
        raise RuntimeError("pg_recvlogical has ended")

    def close(self):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()
        self.deployment.sql(f"drop publication {self.publication}")
        self.deployment.drop_slots(f"slot_name = '{self.publication}'")
