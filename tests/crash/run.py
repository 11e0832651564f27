#!/usr/bin/env python3
"""Kills `sluice origin` (SIGKILL) again and again while rows are written, and starts it again at once.

    tests/crash/run.py --kills 200

Clients follow through it all, by long poll and by events, each shape by several. At the end each has the rows that SELECT has, none was
told a row twice or a change of a row that it does not have, no page that was full has other bytes than before, and nobody had to
fetch again (--refetches-max). The random numbers come from --seed.
"""
import argparse
import random
import signal
import sys
import time

from clients import Client, Pages, Reader
from world import SHAPES, SLUICE, World, Writer, wait_for_equality, wait_until

WRITERS = 2


def kill_again_and_again(world, options):
    numbers = random.Random(options.seed)
    for done in range(options.kills):
        time.sleep(numbers.uniform(options.least_ms, options.most_ms) / 1000)
        world.kill()
        world.start()
        # Often killed before it could serve; now and then it is left until it does, so that something happens between.
        if done % 3 == 0:
            wait_until("the origin serves", world.active)
        if (done + 1) % 20 == 0:
            print(f"{done + 1} kills", flush=True)


def report(world, clients, readers, writers, pages, wrong, options):
    violations = [text for client in clients + readers for text in client.violations]
    refetches = sum(client.refetches for client in clients)
    print(f"{world.kills} kills, {sum(w.transactions for w in writers)} transactions, {len(clients)} clients, ", end="")
    print(f"{sum(c.operations for c in clients)} operations, {sum(c.broken for c in clients)} connections broken, ", end="")
    print(f"{sum(c.unavailable for c in clients)} answers 5xx, {refetches} refetches, ", end="")
    print(f"{sum(r.readings for r in readers)} whole readings, {len(pages.digests)} full pages, {pages.compared} read again")
    for text in violations[:20] + wrong:
        print("WRONG", text)
    if refetches > options.refetches_max:
        print(f"WRONG {refetches} refetches, {options.refetches_max} allowed")
    if not pages.compared:
        print("WRONG no page was read twice: nothing is shown about their bytes")
    return bool(violations or wrong or refetches > options.refetches_max or not pages.compared)


def run(world, options):
    pages = Pages()
    world.start()
    wait_until("the origin serves", world.active)
    clients = [Client(world, shape, kind, pages) for shape in SHAPES for kind in ("poll", "sse") for _ in range(options.clients)]
    readers = [Reader(world, SHAPES[0], pages), Reader(world, SHAPES[1], pages)]
    for client in clients + readers:
        client.start()
    wait_until("every client is up to date", lambda: all(client.up_to_date for client in clients))
    writers = [Writer(world, options.rate / WRITERS, options.seed + i) for i in range(WRITERS)]
    for writer in writers:
        writer.start()
    kill_again_and_again(world, options)
    wait_until("the origin serves", world.active)
    for writer in writers:
        writer.stop()
    wrong = wait_for_equality(world, clients)
    for client in clients + readers:
        client.stop()
    return report(world, clients, readers, writers, pages, wrong, options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--least-ms", type=float, default=50, help="between two kills")
    parser.add_argument("--most-ms", type=float, default=700)
    parser.add_argument("--rate", type=float, default=200, help="transactions a second")
    parser.add_argument("--clients", type=int, default=2, help="of each shape and kind")
    parser.add_argument("--refetches-max", type=int, default=0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--sluice", default=SLUICE)
    parser.add_argument("--keep", action="store_true", help="keep the folder where something is wrong")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started ends
    world = World(options.sluice)
    failed = True
    try:
        failed = run(world, options)
    finally:
        world.close(keep=failed and options.keep)
        if failed and options.keep:
            print(f"kept: {world.folder}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
