"""What is measured: a Postgres 15 of its own and `sluice origin` on it, in one temporary folder, on free ports of the loopback."""
import contextlib
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import machine

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests/support"))
from postgres import Postgres, free_port, wait_until  # noqa: E402

SLUICE = ROOT / "build/release/sluice"
BUILT = ROOT / "build/bench"
LOADGEN, FLOOR = BUILT / "loadgen", BUILT / "floor"
APPLICATION = "origin-bench"  # our own sessions, told from the origin's by their name
# Room for what is measured, and no checkpoint in its middle.
POSTGRES = {"shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "1h"}


def build(program):
    source = HERE / f"{program.name}.cc"
    if program.exists() and program.stat().st_mtime >= source.stat().st_mtime:
        return
    BUILT.mkdir(parents=True, exist_ok=True)
    subprocess.run(["clang++-19", "-O2", "-std=c++23", "-o", program, source], check=True)


def loadgen(port, mode, *arguments, paths=None):
    """(its JSON, its other lines)"""
    command = [LOADGEN, mode, "127.0.0.1", port, *arguments]
    run = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True, input="".join(path + "\n" for path in paths or []))
    lines = run.stdout.splitlines()
    return json.loads(lines[-1]), lines[:-1]


def wrk(url, connections, seconds):
    """(requests, a second)"""
    said = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", url], check=True, stdout=subprocess.PIPE, text=True).stdout
    requests, elapsed = re.search(r"(\d+) requests in ([\d.]+)s", said).groups()
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    return int(requests), int(requests) / float(elapsed)


def session_environment():
    return {**os.environ, "PGAPPNAME": APPLICATION, "PGOPTIONS": "-c client_min_messages=warning"}


class Deployment:
    """The database and the origin on it. `fresh()` comes before each measurement."""

    def __init__(self, options):
        build(LOADGEN)
        build(FLOOR)
        self.options = options
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-bench-origin-"))
        self.folder.chmod(0o755)
        self.storage = self.folder / "storage"
        self.postgres = None
        self.process = None
        try:
            self.postgres = Postgres(self.folder, POSTGRES)
        except BaseException:
            self.close()
            raise

    def close(self):
        self.kill()
        if self.postgres:
            self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- the origin

    def start(self):
        """Returns at once."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [self.options.sluice, "origin", "--database-url", self.postgres.url, "--insecure", "--listen", f"127.0.0.1:{self.port}",
                   *(["--storage", self.storage] if self.options.storage else ["--in-memory"]), *self.options.origin_option]
        with open(self.folder / "origin.log", "ab") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def active(self):
        if self.process.poll() is not None:
            raise RuntimeError("the origin has ended:\n" + (self.folder / "origin.log").read_text()[-2000:])
        try:
            status, _, body = self.get("/v1/health", 5)
        except OSError:
            return False
        return status == 200 and b"active" in body

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def fresh(self):
        """An origin without shapes, on a database without tables of ours."""
        self.kill()
        shutil.rmtree(self.storage, ignore_errors=True)
        self.drop_slots()
        self.start()
        wait_until("the origin is active", self.active)
        self.settle()

    def drop_slots(self, which="true"):
        drop = f"select pg_drop_replication_slot(slot_name) from pg_replication_slots where {which} and not active"
        left = f"select count(*) from pg_replication_slots where {which}"
        wait_until("the slot is gone", lambda: (self.sql(drop), self.sql(left) == "0")[1], pause_s=0.1)

    @property
    def pid(self):
        return self.process.pid

    def rss_mb(self):
        return machine.memory_mb(self.pid)

    def settle(self, limit_s=60, level=0.05):
        """Until the origin has used less than `level` of a core for 1.5 s."""
        begin, calm = time.monotonic(), 0
        while time.monotonic() - begin < limit_s and calm < 3:
            before = machine.cpu_s(self.pid)
            time.sleep(0.5)
            calm = calm + 1 if machine.cpu_s(self.pid) - before <= 0.5 * level else 0

    # --- the database

    def sql(self, text):
        command = ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", self.postgres.url, "-c", text]
        return subprocess.run(command, env=session_environment(), check=True, text=True, stdout=subprocess.PIPE).stdout.strip()

    def psql(self, *arguments, **how):
        return subprocess.Popen(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", self.postgres.url, *arguments], env=session_environment(), **how)

    def backends(self):
        """The pids of those that serve the origin: its pool and its walsender."""
        found = self.sql(f"select pid from pg_stat_activity where application_name <> '{APPLICATION}' and backend_type in ('client backend', 'walsender')")
        return [int(pid) for pid in found.split()]

    # --- clients

    def get(self, path, timeout_s=60):
        try:
            with urllib.request.urlopen(self.url + path, timeout=timeout_s) as answer:
                return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, {k.lower(): v for k, v in answer.headers.items()}, answer.read()

    def sync(self, path):
        result, _ = loadgen(self.port, "sync", path)
        if set(result["codes"]) != {"200"}:
            raise RuntimeError(f"sync of {path}: {result}")
        return result

    def list(self, paths, connections=16):
        """(JSON, [[status, handle, offset, rows, cursor] of each path])"""
        result, lines = loadgen(self.port, "list", connections, paths=paths)
        return result, [line.split() for line in lines]

    def follow(self, paths):
        """As list(), of the answers at which each shape has no more rows to give."""
        found = self.list([path + "&offset=-1" for path in paths])[1]
        for _ in range(20):
            more = [i for i, answer in enumerate(found) if int(answer[3])]
            if not more:
                break
            for i, answer in zip(more, self.list([f"{paths[i]}&handle={found[i][1]}&offset={found[i][2]}" for i in more])[1]):
                found[i] = answer
        return found


class Usage:
    """What has been used since it was made."""

    def __init__(self, deployment):
        self.deployment = deployment
        self.before = self._now()

    def _now(self):
        postmaster = self.deployment.postgres.process.pid
        return dict(origin=machine.cpu_s(self.deployment.pid), backends={pid: machine.cpu_s(pid) for pid in self.deployment.backends()},
                    postgres=machine.cpu_of_tree_s(postmaster) + machine.reaped_s(postmaster), busy=machine.busy_s(),
                    at=time.monotonic(), own=machine.own_s())

    def origin_s(self):
        return machine.cpu_s(self.deployment.pid) - self.before["origin"]

    def figures(self):
        """others_cores: what neither the origin nor Postgres nor this harness used."""
        now, before = self._now(), self.before
        origin, postgres, busy, own, wall = (now[k] - before[k] for k in ("origin", "postgres", "busy", "own", "at"))
        backends = sum(s - before["backends"].get(pid, 0) for pid, s in now["backends"].items())
        return dict(server_cpu_s=origin, pg_backends_cpu_s=backends, others_cores=max(0, busy - origin - postgres - own) / wall)


class LiveClients:
    """Live clients in a process of their own; they begin where the shape is now."""

    def __init__(self, deployment, path, count=1, kind="lp", watch=None):
        at = deployment.sync(path)
        command = [LOADGEN, "live", "127.0.0.1", deployment.port, count, kind, path, at["handle"], at["offset"], at["cursor"] or "-",
                   *([watch] if watch else [])]
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "READY\n":
            raise RuntimeError("the live clients did not begin")

    def wait_for_watched(self, patience_s):
        """When the watched row came, on the monotonic clock; None where it did not."""
        ready, _, _ = select.select([self.process.stdout], [], [], patience_s)
        return int(self.process.stdout.readline().split()[1]) / 1e9 if ready else None

    def stop(self):
        """({row's id: (count, first, median, last) of its arrivals, ns}, JSON)"""
        lines = self.process.communicate()[0].splitlines()
        seen = (line.split() for line in lines if line.startswith("A "))
        return {int(words[1]): tuple(map(int, words[2:])) for words in seen}, json.loads(lines[-1])


class Writer:
    """One session, fed statement by statement; each returns one row."""

    def __init__(self, deployment):
        self.process = deployment.psql(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self("select 1")

    def __call__(self, statement):
        """When it was sent and when it was acknowledged."""
        sent = time.monotonic()
        self.process.stdin.write(statement + ";\n")
        self.process.stdin.flush()
        if not self.process.stdout.readline():
            raise RuntimeError("psql has ended")
        return sent, time.monotonic()

    def close(self):
        with contextlib.suppress(OSError):
            self.process.communicate()
