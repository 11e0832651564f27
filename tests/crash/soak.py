#!/usr/bin/env python3
"""Mixed load on `sluice origin` for as long as wanted: does it stay as it was?

    tests/crash/soak.py --minutes 60

Inserts, updates and deletes without a pause; every few seconds a column comes or goes or a table is emptied; new shapes that
somebody follows for a while; clients that hang up in the middle; clients that hardly read. Clients that stay follow the shapes of
world.py. At the end these have what SELECT has, and memory (RSS, sampled) is about what it was after the first quarter.
"""
import argparse
import json
import random
import signal
import statistics
import sys
import threading
import time

from clients import Client, Leaver, Pages, Reader, Slow
from world import ORGANISATIONS, SHAPES, SLUICE, Shape, World, Writer, wait_for_equality, wait_until

WRITERS = 2
PASSING_S = (2, 20)  # how long a passing client stays
SAMPLE_S = 2
RSS_FACTOR_MAX = 1.25
RSS_MARGIN_MB = 10


class Every(threading.Thread):
    """Does something again and again until it is told to stop."""

    def __init__(self, seconds, what):
        super().__init__(daemon=True)
        self.seconds, self.what, self.stopped, self.failure, self.times = seconds, what, threading.Event(), None, 0
        self.start()

    def run(self):
        while not self.stopped.wait(self.seconds):
            try:
                self.what()
                self.times += 1
            except Exception as error:
                self.failure = error
                return

    def stop(self):
        self.stopped.set()
        self.join()
        if self.failure:
            raise self.failure


class Changes:
    """The schema's: each is the next in turn."""

    STATEMENTS = [
        "ALTER TABLE items ADD COLUMN extra int DEFAULT 1",
        "UPDATE items SET extra = 2 WHERE org = 3",
        "ALTER TABLE items ALTER COLUMN extra TYPE text",
        "ALTER TABLE items DROP COLUMN extra",
        "TRUNCATE pairs",
        "INSERT INTO pairs SELECT i % 50, 'b' || i / 50, i FROM generate_series(1, 500) i ON CONFLICT DO NOTHING",
        "ALTER TABLE pairs ALTER COLUMN n TYPE bigint",
        "ALTER TABLE pairs ALTER COLUMN n TYPE int",
    ]

    def __init__(self, world):
        self.world, self.done = world, 0

    def __call__(self):
        self.world.sql(self.STATEMENTS[self.done % len(self.STATEMENTS)])
        self.done += 1


class Passing:
    """New shapes, each followed by one client for a while."""

    def __init__(self, world, pages, seed):
        self.world, self.pages, self.random = world, pages, random.Random(seed)
        self.present, self.made, self.violations = [], 0, []

    def __call__(self):
        now = time.monotonic()
        for until, client in self.present:
            if until < now:
                client.stop()
                self.violations += client.violations
        self.present = [(until, client) for until, client in self.present if until >= now]
        self.made += 1
        where = f"org = {self.random.randrange(ORGANISATIONS)} AND id > {-self.made}"
        shape = Shape(f"passing {self.made}", "items", ["id"], where=where)
        client = Client(self.world, shape, self.random.choice(["poll", "sse"]), self.pages)
        client.start()
        self.present.append((now + self.random.uniform(*PASSING_S), client))

    def stop(self):
        for _, client in self.present:
            client.stop()
            self.violations += client.violations


class Memory:
    """The origin's RSS."""

    def __init__(self, world):
        self.world, self.samples_mb = world, []

    def __call__(self):
        with open(f"/proc/{self.world.process.pid}/status") as f:
            self.samples_mb.append(next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) / 1024)

    def verdict(self):
        """What is wrong, if anything."""
        quarter = max(1, len(self.samples_mb) // 4)
        early, late = statistics.median(self.samples_mb[quarter:2 * quarter]), statistics.median(self.samples_mb[-quarter:])
        print(f"RSS {early:.1f} MB in the second quarter, {late:.1f} MB in the last, {max(self.samples_mb):.1f} MB at most")
        step = max(1, len(self.samples_mb) // 30)
        print("RSS, MB: " + json.dumps([round(value, 1) for value in self.samples_mb[::step]]))
        if late > early * RSS_FACTOR_MAX + RSS_MARGIN_MB:
            return [f"memory has grown from {early:.1f} to {late:.1f} MB"]
        return []


def run(world, options):
    pages = Pages()
    world.start()
    wait_until("the origin serves", world.active)
    clients = [Client(world, shape, kind, pages) for shape in SHAPES for kind in ("poll", "sse")]
    others = [Reader(world, SHAPES[1], pages, pause_s=1)]
    others += [Leaver(world, shape, "leaver", pages) for shape in SHAPES[:3]]
    others += [Slow(world, SHAPES[0], "slow", pages) for _ in range(options.slow)]
    for client in clients + others:
        client.start()
    writers = [Writer(world, options.rate / WRITERS, options.seed + i) for i in range(WRITERS)]
    for writer in writers:
        writer.start()
    memory, changes, passing = Memory(world), Changes(world), Passing(world, pages, options.seed)
    routines = [Every(SAMPLE_S, memory), Every(options.change_s, changes), Every(options.shape_s, passing)]
    end = time.monotonic() + options.minutes * 60
    while time.monotonic() < end:
        time.sleep(min(60, max(0, end - time.monotonic())))
        print(f"{sum(w.transactions for w in writers)} transactions, {passing.made} shapes, {changes.done} schema changes, "
              f"RSS {memory.samples_mb[-1] if memory.samples_mb else 0:.1f} MB", flush=True)
        if world.process.poll() is not None:
            raise RuntimeError(f"the origin has ended\n{world.log_tail()}")
    for routine in routines:
        routine.stop()
    for writer in writers:
        writer.stop()
    wrong = wait_for_equality(world, clients)
    passing.stop()
    for client in clients + others:
        client.stop()
    # Who hangs up on purpose may be told things twice; its books are not kept.
    wrong += [text for client in clients + others[:1] for text in client.violations] + passing.violations + memory.verdict()
    print(f"{sum(c.operations for c in clients)} operations, {sum(c.refetches for c in clients)} refetches, ", end="")
    print(f"{sum(c.unavailable for c in clients)} answers 5xx, {sum(c.broken for c in clients)} connections broken, ", end="")
    print(f"{len(pages.digests)} full pages, {pages.compared} of them read again")
    for text in wrong[:30]:
        print("WRONG", text)
    return bool(wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=100, help="transactions a second")
    parser.add_argument("--change-s", type=float, default=15, help="between two changes of the schema")
    parser.add_argument("--shape-s", type=float, default=1, help="between two new shapes")
    parser.add_argument("--slow", type=int, default=4, help="clients that hardly read")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--sluice", default=SLUICE)
    option = "for `sluice origin`, as --origin-option=--chunk-bytes=1000000"
    parser.add_argument("--origin-option", action="append", default=[], metavar="OPTION", help=option)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started ends
    world = World(options.sluice, options=options.origin_option)
    try:
        return 1 if run(world, options) else 0
    finally:
        world.close(keep=False)


if __name__ == "__main__":
    sys.exit(main())
