"""A Postgres with tables that are written to without a pause, `sluice origin` on it, and what SELECT says at the end."""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/support"))
from postgres import Postgres, free_port, wait_until  # noqa: E402

SLUICE = ROOT / "build/release/sluice"
DISPLAY = "-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=iso_8601 -c bytea_output=hex -c extra_float_digits=1"
CHUNK_BYTES = 20_000
LONG_POLL_S = 2
ORGANISATIONS = 8
ROWS = 2_000
CAUGHT_UP_S = 120

SCHEMA = f"""
CREATE TABLE items (id bigint PRIMARY KEY, org int NOT NULL, title text, done boolean, price numeric, big text,
                    at timestamptz DEFAULT now());
ALTER TABLE items ALTER COLUMN big SET STORAGE EXTERNAL;
CREATE TABLE pairs (a int, b text, n int, PRIMARY KEY (a, b));
CREATE SEQUENCE ids START {10 * ROWS};
INSERT INTO items SELECT i, i % {ORGANISATIONS}, 'title ' || i, i % 2 = 0, i / 7.0, CASE WHEN i % 50 = 0 THEN repeat(md5(i::text), 100) END
  FROM generate_series(1, {ROWS}) i;
INSERT INTO pairs SELECT i % 50, 'b' || i / 50, i FROM generate_series(1, 500) i;
"""

# Each is one transaction; {id} is a row that may be there, {org} an organisation, {n} a number.
WRITES = [
    "INSERT INTO items (id, org, title, done) VALUES (nextval('ids'), {org}, 'new {n}', true)",
    "INSERT INTO items (id, org, title, done) SELECT nextval('ids'), i % 8, 'many {n}', false FROM generate_series(1, 20) i",
    "UPDATE items SET title = 'changed {n}', price = {n} WHERE id = {id}",
    "UPDATE items SET title = title || '.', done = NOT done WHERE id BETWEEN {id} AND {id} + 5",
    "UPDATE items SET org = {org} WHERE id = {id}",
    "UPDATE items SET id = nextval('ids') WHERE id = {id}",
    "UPDATE items SET big = repeat(md5('{n}'), 100) WHERE id = {id}",
    "DELETE FROM items WHERE id = {id}",
    # The tables stay about as large as they were, however long this goes on.
    f"DELETE FROM items WHERE id IN (SELECT id FROM items ORDER BY id LIMIT greatest(0, (SELECT count(*) FROM items) - {ROWS}))",
    "BEGIN; UPDATE items SET done = NOT done WHERE id = {id}; "
    "INSERT INTO pairs VALUES ({n} % 500, 'x', 1) ON CONFLICT (a, b) DO UPDATE SET n = pairs.n + 1; COMMIT",
    "UPDATE pairs SET n = n + 1 WHERE a = {n} % 50",
    "BEGIN; DELETE FROM pairs WHERE a = {n} % 50 AND b = 'b1'; INSERT INTO pairs VALUES ({n} % 50, 'b1', 0); COMMIT",
    "BEGIN; INSERT INTO items (id, org) VALUES (nextval('ids'), {org}); ROLLBACK",
]


class Shape:
    """What is asked for, and the query whose rows it is."""

    def __init__(self, name, table, key, where=None, columns=None, **more):
        self.name, self.table, self.key = name, table, key
        self.definition = {"table": table, **more}
        if where:
            self.definition["where"] = where
        if columns:
            self.definition["columns"] = ",".join(columns)
        self.where, self.columns = where or "true", columns or ["*"]


SHAPES = [
    Shape("items", "items", ["id"]),
    Shape("of an organisation", "items", ["id"], where="org = 3"),
    Shape("done of some", "items", ["id"], where="done AND org IN (1, 2)"),
    Shape("changed ones", "items", ["id"], where="title LIKE 'changed%'"),
    Shape("narrow", "items", ["id"], columns=["id", "org"]),
    Shape("whole rows", "items", ["id"], where="org = 5", replica="full"),
    Shape("pairs", "pairs", ["a", "b"]),
]


class Writer(threading.Thread):
    """One session that writes until it is told to stop. `rate`: transactions a second, at most."""

    def __init__(self, world, rate, seed):
        super().__init__(daemon=True)
        self.world, self.rate, self.random = world, rate, random.Random(seed)
        self.stopping = False
        self.transactions = 0
        self.failure = None

    def run(self):
        session = self.world.session()
        begin = time.monotonic()
        while not self.stopping:
            number = self.random.randrange
            text = self.random.choice(WRITES).format(id=number(1, 12 * ROWS), org=number(ORGANISATIONS), n=number(100_000))
            session.stdin.write(text + ";\n\\echo done\n")
            session.stdin.flush()
            if session.stdout.readline() != "done\n":
                self.failure = "a writer's session has ended"
                break
            self.transactions += 1
            time.sleep(max(0, begin + self.transactions / self.rate - time.monotonic()))
        session.communicate()

    def stop(self):
        self.stopping = True
        self.join()
        if self.failure:
            raise RuntimeError(self.failure)


class World:
    def __init__(self, sluice=SLUICE, options=()):
        self.sluice, self.options = sluice, options
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-crash-"))
        self.folder.chmod(0o755)
        self.port = free_port()
        self.process = self.postgres = None
        self.kills = 0
        try:
            self.postgres = Postgres(self.folder)
            self.sql(SCHEMA)
        except BaseException:
            self.close(keep=False)
            raise

    def close(self, keep):
        """With `keep` the folder stays, for who wants to know what went wrong."""
        self.kill()
        if self.postgres:
            self.postgres.stop()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- the origin

    def start(self):
        command = [self.sluice, "origin", "--database-url", self.postgres.url, "--insecure", "--listen", f"127.0.0.1:{self.port}",
                   "--chunk-bytes", CHUNK_BYTES, "--long-poll-timeout", LONG_POLL_S, "--storage", self.folder / "storage", *self.options]
        with open(self.folder / "origin.log", "ab") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self):
        """The process is gone when it returns; who it was may have ended by itself, which is a failure."""
        if not self.process:
            return
        if self.process.poll() is not None:
            raise RuntimeError(f"the origin has ended by itself: {self.process.returncode}\n{self.log_tail()}")
        self.process.kill()
        self.process.wait()
        self.process = None
        self.kills += 1

    def log_tail(self):
        return (self.folder / "origin.log").read_text(errors="replace")[-3000:]

    def active(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/health", timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    # --- the database

    def environment(self):
        return {**os.environ, "PGOPTIONS": f"-c client_min_messages=warning {DISPLAY}"}

    def sql(self, text):
        run = subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", self.postgres.url], input=text, env=self.environment(),
                             capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(run.stderr)
        return run.stdout.strip()

    def session(self):
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return subprocess.Popen(["psql", "-qAtX", self.postgres.url], env=self.environment(), text=True, **pipes)

    def lsn(self):
        """Of the end of what is written; nothing that comes later is before it."""
        return int(self.sql("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))

    def selected(self, shape):
        """The shape's rows, every value as text, sorted by key."""
        columns = shape.columns
        if columns == ["*"]:
            of_table = f"attrelid = '{shape.table}'::regclass AND attnum > 0 AND NOT attisdropped"
            columns = self.sql(f"SELECT attname FROM pg_attribute WHERE {of_table}").split()
        pairs = ", ".join(f"'{name}', {name}::text" for name in columns)
        text = self.sql(f"SELECT json_build_object({pairs}) FROM {shape.table} WHERE {shape.where}")
        return canonical([json.loads(line) for line in text.splitlines()], shape.key)


def canonical(rows, key):
    """In the key's order; booleans, which a snapshot and a stream spell differently, in one spelling."""
    spelled = {"true": "t", "false": "f"}
    rows = [{name: spelled.get(value, value) for name, value in row.items()} for row in rows]
    return sorted(rows, key=lambda row: [row[name] for name in key])


def wait_for_equality(world, clients):
    """Every client, once it has seen all that is written, against SELECT: the texts of what is wrong."""
    lsn = world.lsn()
    world.sql("UPDATE pairs SET n = n + 1 WHERE a = 1")  # so that something comes after it, which everybody is told of
    wrong = []
    deadline = time.monotonic() + CAUGHT_UP_S
    for client in clients:
        # An event stream says nothing where nothing happens to its shape.
        told = lambda: client.kind == "sse" or client.up_to_date and client.last_seen_lsn >= lsn
        while client.is_alive() and not told() and time.monotonic() < deadline:
            time.sleep(0.02)
        got, wanted = canonical(list(client.rows.values()), client.shape.key), world.selected(client.shape)
        while got != wanted and client.is_alive() and time.monotonic() < deadline:
            time.sleep(0.05)
            got = canonical(list(client.rows.values()), client.shape.key)
        if got != wanted:
            wrong.append(f"{client.name}: {describe(got, wanted, client.shape.key)}")
    return wrong


def describe(got, wanted, key):
    by_key = lambda rows: {tuple(row[name] for name in key): row for row in rows}
    has, should = by_key(got), by_key(wanted)
    missing = [k for k in should if k not in has]
    extra = [k for k in has if k not in should]
    different = [(has[k], should[k]) for k in should if k in has and has[k] != should[k]]
    return (
        f"{len(got)} rows of {len(wanted)}; {len(missing)} missing {missing[:3]}, {len(extra)} too many {extra[:3]}, "
        f"{len(different)} different {json.dumps(different[:2])[:600]}"
    )


__all__ = ["SHAPES", "SLUICE", "Shape", "World", "Writer", "wait_for_equality", "wait_until"]
