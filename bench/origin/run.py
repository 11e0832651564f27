#!/usr/bin/env python3
"""The embedded origin's speed: `sluice origin` on a Postgres of its own, beside what Electric 1.7.12 took for the same work.

    bench/origin/run.py                          # everything, three rounds
    bench/origin/run.py writes-1000 small        # some
    bench/origin/run.py --list

Prints a line of JSON for each measurement and the table at the end; README.md says what the figures mean.
"""
import argparse
import collections
import fcntl
import json
import pathlib
import resource
import signal
import statistics
import sys
import tempfile

import deployment
import machine
import scenarios

LOCK = pathlib.Path(tempfile.gettempdir()) / "sluice-bench-origin.lock"

# name: what is done
JOBS = {
    "idle": lambda d: scenarios.idle(d),
    "initial": lambda d: scenarios.initial(d),
    "small": lambda d: scenarios.small(d),
    "writes-own": lambda d: scenarios.writes(d, 1, live="own"),
    "writes-live-25000": lambda d: scenarios.writes(d, 1, rows=25_000),
    "writes-live": lambda d: scenarios.writes(d, 1),
    "writes-1000": lambda d: scenarios.writes(d, 1_000),
    "writes-10000": lambda d: scenarios.writes(d, 10_000),
    "writes-100000": lambda d: scenarios.writes(d, 100_000),
    "backlog-own": lambda d: scenarios.writes(d, 1, live="own", backlog=True),
    "backlog-1000": lambda d: scenarios.writes(d, 1_000, backlog=True),
    "ilike-1000": lambda d: scenarios.ilike(d, 1_000),
    "latency-poll": lambda d: scenarios.latency(d, 1_000, "lp"),
    "latency-sse": lambda d: scenarios.latency(d, 1_000, "sse"),
    "fanout-poll": lambda d: scenarios.fanout(d, 5_000, "lp"),
    "fanout-sse": lambda d: scenarios.fanout(d, 5_000, "sse"),
    "restart": lambda d: scenarios.restart(d),
}

# work, job, figure, unit, Electric 1.7.12 (None: not recorded), the physical limit, goal: at most (<=) or at least (>=). Goals and
# limits are of the machine of Electric's figures; "of it" is the goal as a multiple of the limit that was measured beside it.
ROWS = [
    ("initial, 1M rows, first client", "initial", "first_s", "s", 5.6, "COPY alone", "<= 1.2"),
    ("  CPU", "initial", "first_cpu_s", "s", 6.9, "", "<= 1.2"),
    ("  first byte", "initial", "first_ttfb_ms", "ms", None, "", ""),
    ("  COPY alone", "initial", "copy_s", "s", 0.46, "", ""),
    ("  of it", "initial", "first_of_copy", "x", None, "", "<= 2.61"),
    ("initial, second client", "initial", "second_mb_s", "MB/s", 143, "1,500", ">= 1000"),
    ("  pread and send alone", "initial", "file_mb_s", "MB/s", None, "1,500", ""),
    ("  of it", "initial", "second_of_file", "x", None, "", ">= 0.67"),
    ("  CPU", "initial", "second_cpu_s", "s", 3.1, "", "<= 0.15"),
    ("small, 500 rows (122 kB)", "small", "requests_s", "/s", 1090, "", ""),
    ("  CPU a request", "small", "cpu_us", "us", 1710, "nginx 23", "<= 35"),
    ("  nginx on a file of these bytes", "small", "nginx_us", "us", None, "23", ""),
    ("  of it", "small", "of_nginx", "x", None, "", "<= 1.52"),
    ("writes, 1 shape, live client elsewhere", "writes-own", "changes_s", "/s", 33_000, "110,000", ">= 80000"),
    ("  pg_recvlogical alone", "writes-own", "reader_changes_s", "/s", None, "110,000", ""),
    ("  of it", "writes-own", "of_reader", "x", None, "", ">= 0.73"),
    ("  CPU a change", "writes-own", "cpu_us", "us", 34, "", "<= 8"),
    ("  the writer alone", "writes-own", "write_s", "s", None, "", ""),
    ("  from a backlog", "backlog-own", "changes_s", "/s", None, "110,000", ">= 80000"),
    ("  pg_recvlogical alone", "backlog-own", "reader_changes_s", "/s", None, "110,000", ""),
    ("  of it", "backlog-own", "of_reader", "x", None, "", ">= 0.73"),
    ("writes, 1 shape, live client on it", "writes-live", "changes_s", "/s", 1330, "110,000", ">= 60000"),
    ("  pg_recvlogical alone", "writes-live", "reader_changes_s", "/s", None, "110,000", ""),
    ("  of it", "writes-live", "of_reader", "x", None, "", ">= 0.55"),
    ("  CPU a change", "writes-live", "cpu_us", "us", 813, "", "<= 12"),
    ("  CPU a change, a quarter of the rows", "writes-live-25000", "cpu_us", "us", None, "", "<= 12"),
    ("writes, 1,000 shapes", "writes-1000", "changes_s", "/s", 4120, "110,000", ">= 80000"),
    ("  pg_recvlogical alone", "writes-1000", "reader_changes_s", "/s", None, "110,000", ""),
    ("  of it", "writes-1000", "of_reader", "x", None, "", ">= 0.73"),
    ("  CPU a change", "writes-1000", "cpu_us", "us", 429, "", "<= 8"),
    ("  from a backlog", "backlog-1000", "changes_s", "/s", None, "110,000", ">= 80000"),
    ("  pg_recvlogical alone", "backlog-1000", "reader_changes_s", "/s", None, "110,000", ""),
    ("  of it", "backlog-1000", "of_reader", "x", None, "", ">= 0.73"),
    ("writes, 10,000 shapes", "writes-10000", "changes_s", "/s", 2400, "110,000", ">= 80000"),
    ("  pg_recvlogical alone", "writes-10000", "reader_changes_s", "/s", None, "110,000", ""),
    ("  of it", "writes-10000", "of_reader", "x", None, "", ">= 0.73"),
    ("  CPU a change", "writes-10000", "cpu_us", "us", 738, "", "<= 8"),
    ("writes, 100,000 shapes", "writes-100000", "changes_s", "/s", None, "110,000", ">= 80000"),
    ("  pg_recvlogical alone", "writes-100000", "reader_changes_s", "/s", None, "110,000", ""),
    ("  of it", "writes-100000", "of_reader", "x", None, "", ">= 0.73"),
    ("  CPU a change", "writes-100000", "cpu_us", "us", None, "", "<= 8"),
    ("ilike, 1,000 shapes", "ilike-1000", "changes_s", "/s", 133, "", ">= 10000"),
    ("  CPU a change", "ilike-1000", "cpu_us", "us", 9417, "", ""),
    ("latency, 1,000 shapes, long poll, p50", "latency-poll", "p50_ms", "ms", 1.9, "", "<= 0.6"),
    ("  p99", "latency-poll", "p99_ms", "ms", 4.5, "", "<= 2"),
    ("latency, 1,000 shapes, SSE, p50", "latency-sse", "p50_ms", "ms", 1.7, "", "<= 0.6"),
    ("  p99", "latency-sse", "p99_ms", "ms", 4.8, "", "<= 2"),
    ("fanout 5,000, long poll, last client", "fanout-poll", "last_client_ms", "ms", 1370, "", "<= 120"),
    ("  the least there can be", "fanout-poll", "floor_last_client_ms", "ms", None, "", ""),
    ("  CPU a message", "fanout-poll", "cpu_us", "us", 360, "kernel 7", "<= 15"),
    ("  the least there can be", "fanout-poll", "floor_us", "us", None, "7", ""),
    ("  of it", "fanout-poll", "of_floor", "x", None, "", "<= 2.14"),
    ("fanout 5,000, SSE, last client", "fanout-sse", "last_client_ms", "ms", 520, "", "<= 80"),
    ("  the least there can be", "fanout-sse", "floor_last_client_ms", "ms", None, "", ""),
    ("  CPU a message", "fanout-sse", "cpu_us", "us", 160, "", "<= 8"),
    ("  the least there can be", "fanout-sse", "floor_us", "us", None, "", ""),
    ("  of it", "fanout-sse", "of_floor", "x", None, "", ""),
    ("RSS, idle", "idle", "rss_mb", "MB", 246, "", "<= 12"),
    ("RSS of a held poll", "fanout-poll", "rss_kb_a_client", "kB", 30, "", "<= 3"),
    ("RSS, 10,000 shapes", "writes-10000", "shapes_rss_mb", "MB", 1250, "", "<= 60"),
    ("restart after SIGKILL, 1,000 shapes", "restart", "serves_s", "s", 1.5, "", "<= 0.3"),
    ("  must refetch", "restart", "must_refetch", "", 0, "", "<= 0"),
]


def number(value):
    if value is None:
        return ""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def reached(value, goal):
    if not goal:
        return ""
    relation, bound = goal.split()
    return "yes" if (value <= float(bound) if relation == "<=" else value >= float(bound)) else "no"


def print_table(seen):
    """Medians, with the least and the greatest of the rounds."""
    lines = [("work", "", "Electric 1.7.12", "limit", "goal", "seen", "least to greatest", "reached")]
    for work, job, figure, unit, electric, limit, goal in ROWS:
        values = [figures[figure] for figures in seen[job]]
        if not values:
            continue
        middle = statistics.median(values)
        spread = f"{number(min(values))} to {number(max(values))}"
        lines.append((work, unit, number(electric), limit, goal, number(middle), spread, reached(middle, goal)))
    lines.insert(1, tuple("---" for _ in lines[0]))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    print()
    for line in lines:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")


def run(options, names, seen):
    failed = 0
    measured = deployment.Deployment(options)
    try:
        for number_of_round in range(options.rounds):
            for name in names:
                record = dict(job=name, round=number_of_round + 1)
                try:
                    measured.fresh()
                    figures = JOBS[name](measured)
                    seen[name].append(figures)
                    record |= {key: round(value, 4) for key, value in figures.items()}
                except Exception as error:  # a failed measurement is a result too, and the next may not
                    failed += 1
                    record["failed"] = str(error)[:500]
                record["calibration_ms"] = round(machine.calibration_ms(), 2)
                print(json.dumps(record), flush=True)
    finally:
        measured.close()
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="default: all of --list")
    parser.add_argument("--list", action="store_true", help="the names of the jobs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sluice", default=deployment.SLUICE, help="the program")
    option = "for `sluice origin`, as --origin-option=--chunk-bytes=1000000"
    parser.add_argument("--origin-option", action="append", default=[], metavar="OPTION", help=option)
    parser.add_argument("--memory", dest="storage", action="store_false", help="with --in-memory")
    options = parser.parse_args()
    if options.list:
        print("\n".join(JOBS))
        return 0
    names = options.jobs or list(JOBS)
    if unknown := set(names) - set(JOBS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; --list names them")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started ends
    files_max = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max, files_max))  # a connection a client, here and in the origin
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two at once would measure each other
        seen = collections.defaultdict(list)
        failed = run(options, names, seen)
    print_table(seen)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
