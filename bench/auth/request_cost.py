"""What a request with a token seen before costs more than the same one without any, in the gate alone and in the whole
process."""
import re
import statistics
import subprocess
import tempfile

import harness

SLUICE_CORE, OTHERS_CORE = 0, 1
GOAL_US = 1.5
# name, path and query, who signs its token
REQUESTS = [
    ("public named shape", f"/v1/shapes/open?{harness.POSITION}", None),
    ("named shape, token", f"/v1/shapes/mine?{harness.POSITION}", harness.identity_signer),
    ("granted shape", f"/v1/shape?{harness.DEFINITION}&{harness.POSITION}", harness.grant_signer),
]


def gate(options):
    times = harness.micro("gate_bench", options)
    without = times["BM_ParseOnly"]
    rows = []
    for name, values in times.items():
        least, middle, noise = harness.spread(values)
        added = [with_ns - base_ns for with_ns, base_ns in zip(values, without)] if name.startswith("BM_Admit") else None
        rows.append([name, least / 1e3, middle / 1e3, noise, f"{statistics.median(added) / 1e3:.2f}" if added else ""])
    harness.print_table("The gate alone, CPU us a request (goal: at most 1.5 added)",
                        ["case", "min", "median", "noise", "added to BM_ParseOnly"], rows)


def load(server, path, token, seconds):
    """CPU us a request."""
    headers = ["-H", f"Authorization: Bearer {token}"] if token else []
    before = server.cpu_ns()
    out = subprocess.run(["taskset", "-c", str(OTHERS_CORE), "wrk", "-t1", "-c32", f"-d{seconds}s", *headers,
                          f"http://127.0.0.1:{harness.GATEWAY}{path}"], check=True, capture_output=True, text=True).stdout
    spent = server.cpu_ns() - before
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(f"{path} was not answered with 200 throughout:\n{out}")
    return spent / 1e3 / int(re.search(r"(\d+) requests in", out).group(1))


def whole(options):
    tokens = [make().token("alice", "1").decode() if make else None for _, _, make in REQUESTS]
    measured = [[] for _ in REQUESTS]
    with (tempfile.TemporaryDirectory() as directory, harness.fast_origin(directory, core=OTHERS_CORE),
          harness.sluice(directory, threads=1, core=SLUICE_CORE) as server):
        for n in range(-1, options.paired_rounds):  # the first warms
            order = range(len(REQUESTS)) if n % 2 else reversed(range(len(REQUESTS)))
            for i in order:
                us = load(server, REQUESTS[i][1], tokens[i], options.seconds)
                if n >= 0:
                    measured[i].append(us)
    rows = []
    for (name, _, _), values in zip(REQUESTS, measured):
        least, middle, noise = harness.spread(values)
        added = [us - without for us, without in zip(values, measured[0])]
        quarters = statistics.quantiles(added, n=4)
        rows.append([name, least, middle, noise, f"{statistics.median(added):.2f}", f"{quarters[0]:.2f} to {quarters[2]:.2f}"])
    harness.print_table(f"The whole process, CPU us a proxied request ({options.paired_rounds} paired rounds; goal: at most {GOAL_US} "
                        "added)", ["request", "min", "median", "noise", "added: median", "its middle half"], rows)


def run(options):
    gate(options)
    whole(options)
