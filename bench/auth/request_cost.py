"""What a request with a token seen before costs more than the same one without any, in the gate alone and in the whole
process."""
import re
import statistics
import subprocess
import tempfile

import harness

SLUICE_CORE, OTHERS_CORE = 0, 1
# name, path and query, who signs its token
REQUESTS = [
    ("public named shape", f"/v1/shapes/open?{harness.POSITION}", None),
    # What the token's bytes alone cost: they are read with the request, and looked at by nobody.
    ("public, token sent along", f"/v1/shapes/open?{harness.POSITION}", harness.identity_signer),
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
    """CPU us a request: the process's, and of it what is not the kernel's."""
    headers = ["-H", f"Authorization: Bearer {token}"] if token else []
    before, user_before = server.cpu_ns(), server.user_s()
    out = subprocess.run(["taskset", "-c", str(OTHERS_CORE), "wrk", "-t1", "-c32", f"-d{seconds}s", *headers,
                          f"http://127.0.0.1:{harness.GATEWAY}{path}"], check=True, capture_output=True, text=True).stdout
    spent, user = server.cpu_ns() - before, server.user_s() - user_before
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(f"{path} was not answered with 200 throughout:\n{out}")
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    return spent / 1e3 / requests, user * 1e6 / requests


def difference(values, base):
    return f"{statistics.median(value - other for value, other in zip(values, base)):.2f}"


def whole(options):
    tokens = [make().token("alice", "1").decode() if make else None for _, _, make in REQUESTS]
    total, user = [[] for _ in REQUESTS], [[] for _ in REQUESTS]
    with (tempfile.TemporaryDirectory() as directory, harness.fast_origin(directory, core=OTHERS_CORE),
          harness.sluice(directory, threads=1, core=SLUICE_CORE) as server):
        for n in range(-1, options.paired_rounds):  # the first warms
            order = range(len(REQUESTS)) if n % 2 else reversed(range(len(REQUESTS)))
            for i in order:
                measured = load(server, REQUESTS[i][1], tokens[i], options.seconds)
                if n >= 0:
                    total[i].append(measured[0])
                    user[i].append(measured[1])
    rows = []
    for i, (name, _, _) in enumerate(REQUESTS):
        least, middle, noise = harness.spread(total[i])
        rows.append([name, least, middle, noise, difference(total[i], total[0]), difference(total[i], total[1]),
                     statistics.median(user[i]), difference(user[i], user[0]), difference(user[i], user[1])])
    harness.print_table(
        f"The whole process, CPU us a proxied request; what is added is the median of {options.paired_rounds} paired rounds' differences",
        ["request", "min", "median", "noise", "added", "beside the same bytes", "user code: median", "added", "beside the same bytes"],
        rows)


def run(options):
    gate(options)
    whole(options)
