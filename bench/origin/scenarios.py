"""What is done and what is seen. Each takes a Deployment that is fresh and returns figures; README.md says what they mean."""
import signal
import statistics
import subprocess
import time
import urllib.parse

import machine
import peers
from deployment import LiveClients, Usage, Writer, wrk

COLUMNS = "id bigint primary key, org text, title text, n int, ts timestamptz"
SMALL_CONNECTIONS = 64
CAUGHT_UP_S = 300
LAST_ID = 10**9


def row(row_id, org):
    return (f"{row_id}, 'k' || {org}, 'item k' || lpad(({org})::text, 5, '0') || 'x with a title of usual length ' || {row_id}, "
            f"({row_id} % 1000)::int, timestamptz '2024-01-01' + {row_id} * interval '1 second'")


def new_table(deployment, name, rows=0, org="0"):
    deployment.sql(f"drop table if exists {name}; create table {name} ({COLUMNS})")
    if rows:
        deployment.sql(f"insert into {name} select {row('g', org)} from generate_series(1, {rows}) g")
        deployment.sql(f"vacuum analyze {name}")
        deployment.sql("checkpoint")


def shape(table, where=None):
    return f"/v1/shape?table={table}" + ("&where=" + urllib.parse.quote(where) if where else "")


def percentile_ms(values_s, part):
    values = sorted(values_s)
    return values[min(len(values) - 1, int(part * len(values)))] * 1000


def at_rate(rate, count):
    """0, 1, … count-1, each at its time."""
    begin = time.monotonic()
    for i in range(count):
        time.sleep(max(0, begin + i / rate - time.monotonic()))
        yield i


def copy_alone_s(deployment, table):
    begin = time.monotonic()
    with deployment.psql("-c", f"copy {table} to stdout", stdout=subprocess.PIPE) as reader:
        while reader.stdout.read(1 << 20):
            pass
    return time.monotonic() - begin


def pages(deployment, path):
    """(fields, body) of each, up to date."""
    at = "&offset=-1"
    while True:
        status, fields, body = deployment.get(path + at)
        if status != 200:
            raise RuntimeError(f"{path + at}: {status} {body[:200]}")
        yield fields, body
        if "electric-up-to-date" in fields:
            return
        at = f"&handle={fields['electric-handle']}&offset={fields['electric-offset']}"


def initial(deployment, rows=1_000_000):
    """The first client's sync of a table, for which the snapshot is made, and a second one's."""
    new_table(deployment, "initial", rows, "g % 1000")
    figures = dict(copy_s=copy_alone_s(deployment, "initial"), rss_before_mb=deployment.rss_mb())
    machine.forget_peak(deployment.pid)
    for client in ("first", "second"):
        usage = Usage(deployment)
        result = deployment.sync(shape("initial"))
        if result["rows"] != rows:
            raise RuntimeError(f"{client} client has {result['rows']} rows of {rows}")
        deployment.settle()
        used = usage.figures()
        figures |= {f"{client}_s": result["seconds"], f"{client}_ttfb_ms": result["ttfb_s"] * 1000,
                    f"{client}_mb_s": result["bytes"] / 1e6 / result["seconds"], f"{client}_cpu_s": used["server_cpu_s"],
                    f"{client}_pg_cpu_s": used["pg_backends_cpu_s"], f"{client}_others_cores": used["others_cores"]}
    figures |= dict(json_mb=result["bytes"] / 1e6, peak_rss_mb=machine.memory_mb(deployment.pid, "VmHWM"))
    whole = deployment.folder / "initial.json"
    with open(whole, "wb") as f:
        f.writelines(body for _, body in pages(deployment, shape("initial")))
    file_mb_s = peers.file_mb_s(whole)
    whole.unlink()
    return figures | dict(file_mb_s=file_mb_s, first_of_copy=figures["first_s"] / figures["copy_s"], second_of_file=figures["second_mb_s"] / file_mb_s)


def small(deployment, rows=500, seconds=10):
    """offset=-1 of a small shape, again and again, on kept-alive connections."""
    new_table(deployment, "small", rows, "g % 10")
    first = deployment.sync(shape("small"))
    if first["rows"] != rows:
        raise RuntimeError(f"{first['rows']} rows of {rows}")
    url = deployment.url + shape("small") + "&offset=-1"
    wrk(url, SMALL_CONNECTIONS, 1)
    usage = Usage(deployment)
    requests, requests_s = wrk(url, SMALL_CONNECTIONS, seconds)
    used = usage.figures()
    cpu_us = used["server_cpu_s"] / requests * 1e6
    nginx_us = peers.nginx_cpu_us(deployment.folder, deployment.get(shape("small") + "&offset=-1")[2], SMALL_CONNECTIONS, seconds)
    return dict(requests_s=requests_s, cpu_us=cpu_us, nginx_us=nginx_us, of_nginx=cpu_us / nginx_us, body_bytes=first["bytes"],
                others_cores=used["others_cores"])


def reader_changes_s(deployment, script, rows, backlog):
    """The same rows, to a reader of Postgres's stream that does nothing with them."""
    deployment.kill()
    deployment.drop_slots()
    deployment.sql("truncate burst")
    peer = peers.StreamReader(deployment)
    if not backlog:
        peer.start()
    begin = time.monotonic()
    if deployment.psql("-f", str(script)).wait():
        raise RuntimeError("the writer failed")
    if backlog:
        begin = time.monotonic()
        peer.start()
    arrived = peer.wait_for(str(LAST_ID).encode())
    peer.close()
    return rows / (arrived - begin)


def burst(deployment, shapes, rows, where, live, backlog=False):
    """Rows spread over `shapes` organisations, 100 a transaction, then one that a live client waits for.

    With `backlog` the origin is stopped while they are written, and the time from then on counts: the writer's is not in it.
    """
    new_table(deployment, "burst")
    mine = shapes if live == "own" else 0  # the live client's organisation
    empty_mb = deployment.rss_mb()
    created, _ = deployment.list([shape("burst", where(i)) + "&offset=-1" for i in range(max(shapes, mine + 1))])
    if set(created["codes"]) != {"200"}:
        raise RuntimeError(f"making the shapes: {created['codes']}")
    deployment.settle()
    figures = dict(created_s=shapes / created["seconds"], shapes_rss_mb=deployment.rss_mb(), rss_kb_a_shape=(deployment.rss_mb() - empty_mb) * 1024 / shapes)
    clients = LiveClients(deployment, shape("burst", where(mine)), watch=LAST_ID)
    time.sleep(0.5)
    script = deployment.folder / "burst.sql"
    with open(script, "w") as f:
        for begin in range(0, rows, 100):
            f.write(f"insert into burst select {row('g', f'g % {shapes}')} from generate_series({begin + 1}, {min(begin + 100, rows)}) g;\n")
        f.write(f"insert into burst select {row(LAST_ID, mine)};\n")
    if backlog:
        deployment.process.send_signal(signal.SIGSTOP)
    usage, begin = Usage(deployment), time.monotonic()
    if deployment.psql("-f", str(script)).wait():
        raise RuntimeError("the writer failed")
    write_s = time.monotonic() - begin
    if backlog:
        deployment.process.send_signal(signal.SIGCONT)
        begin = time.monotonic()
    arrived = clients.wait_for_watched(CAUGHT_UP_S)
    used = usage.figures()
    got, load = clients.stop()
    if arrived is None:
        raise RuntimeError(f"the last row has not come within {CAUGHT_UP_S} s")
    expected = 1 if live == "own" else len(range(shapes, rows + 1, shapes)) + 1
    if len(got) != expected or load["errors"]:
        raise RuntimeError(f"the client has {len(got)} rows of {expected}, {load['errors']} errors, {load['codes']}")
    figures |= dict(write_s=write_s, changes_s=rows / (arrived - begin), cpu_us=used["server_cpu_s"] / rows * 1e6,
                    pg_backends_cpu_us=used["pg_backends_cpu_s"] / rows * 1e6, rss_after_mb=deployment.rss_mb(), others_cores=used["others_cores"])
    reader = reader_changes_s(deployment, script, rows, backlog)
    return figures | dict(reader_changes_s=reader, of_reader=figures["changes_s"] / reader)


def writes(deployment, shapes, live="shared", rows=100_000, backlog=False):
    return burst(deployment, shapes, rows, lambda i: f"org = 'k{i}'", live, backlog)


def ilike(deployment, shapes, live="shared", rows=10_000):
    return burst(deployment, shapes, rows, lambda i: f"title ILIKE '%k{i:05d}x%'", live)


def latency(deployment, shapes, kind, rate=50, seconds=10):
    """From the commit's acknowledgement to the row at one live client."""
    new_table(deployment, "latency")
    deployment.list([shape("latency", f"org = 'k{i}'") + "&offset=-1" for i in range(shapes)])
    deployment.settle()
    clients = LiveClients(deployment, shape("latency", "org = 'k0'"), kind=kind)
    writer = Writer(deployment)
    insert = lambda row_id: writer(f"insert into latency select {row(row_id, 0)} returning 1")
    for i in at_rate(rate, 20):  # warm
        insert(i + 1)
    time.sleep(1)
    usage = Usage(deployment)
    times = {1000 + i: insert(1000 + i) for i in at_rate(rate, rate * seconds)}
    time.sleep(1)
    used = usage.figures()
    writer.close()
    got, _ = clients.stop()
    if missing := set(times) - set(got):
        raise RuntimeError(f"{len(missing)} of {len(times)} rows have not come")
    took = [got[i][1] / 1e9 - acknowledged for i, (_, acknowledged) in times.items()]
    return dict(p50_ms=percentile_ms(took, .5), p99_ms=percentile_ms(took, .99), max_ms=max(took) * 1000, cpu_us=used["server_cpu_s"] / len(times) * 1e6,
                others_cores=used["others_cores"])


def one_row(deployment, table):
    """The answer to who has everything but the last row: its fields, and its text."""
    *_, (fields, body) = pages(deployment, shape(table))
    lines = body.decode().splitlines()
    return fields, "[" + "\n".join(lines[-2:])


def fanout(deployment, clients, kind, rounds=10):
    """One row a second, to that many live clients of one shape."""
    new_table(deployment, "fanout")
    deployment.sync(shape("fanout"))
    deployment.settle()
    before_mb = deployment.rss_mb()
    followers = LiveClients(deployment, shape("fanout"), count=clients, kind=kind)
    deployment.settle(limit_s=20)
    held_mb = deployment.rss_mb()
    writer = Writer(deployment)
    usage = Usage(deployment)
    times = {i + 1: writer(f"insert into fanout select {row(i + 1, 0)} returning 1") for i in at_rate(1, rounds)}
    time.sleep(2)
    deployment.settle(limit_s=20)
    used = usage.figures()
    after_mb = deployment.rss_mb()
    writer.close()
    got, load = followers.stop()
    if any(got.get(i, (0,))[0] != clients for i in times):
        raise RuntimeError(f"not every client has every row: {[got.get(i, (0,))[0] for i in times]}, {load}")
    last = [got[i][3] / 1e9 - acknowledged for i, (_, acknowledged) in times.items()]
    cpu_us = used["server_cpu_s"] / (clients * rounds) * 1e6
    floor_us, floor_ms = peers.fanout_floor(deployment.folder, one_row(deployment, "fanout"), clients, kind, rounds)
    return dict(last_client_ms=statistics.median(last) * 1000, last_client_max_ms=max(last) * 1000, cpu_us=cpu_us,
                floor_us=floor_us, floor_last_client_ms=floor_ms, of_floor=cpu_us / floor_us, last_of_floor=statistics.median(last) * 1000 / floor_ms,
                rss_kb_a_client=(held_mb - before_mb) * 1024 / clients, idle_mb=before_mb, rss_after_mb=after_mb, errors=load["errors"],
                others_cores=used["others_cores"])


def idle(deployment):
    time.sleep(4)  # two seconds after its start it lets go of what only starting needed
    return dict(rss_mb=deployment.rss_mb())


def restart(deployment, shapes=1000, rows=100_000):
    """Killed, and started again after more was written; every client goes on from where it was."""
    new_table(deployment, "restart", rows, f"g % {shapes}")
    paths = [shape("restart", f"org = 'k{i}'") for i in range(shapes)]
    deployment.list([path + "&offset=-1" for path in paths])
    add = lambda begin, end: deployment.sql(f"insert into restart select {row('g', f'g % {shapes}')} from generate_series({begin}, {end}) g")
    add(rows + 1, rows + 2 * shapes)
    time.sleep(1)
    deployment.settle()
    known = deployment.follow(paths)
    deployment.kill()
    last_id = rows + 3 * shapes
    add(rows + 2 * shapes + 1, last_id)
    begin = time.monotonic()
    deployment.start()
    serves_s, catches_up_s = probe(deployment, f"{paths[0]}&handle={known[0][1]}&offset={known[0][2]}", known[0][1], last_id, begin)
    serve_cpu_s = machine.cpu_s(deployment.pid)
    deployment.settle()
    _, kept = deployment.list([f"{path}&handle={answer[1]}&offset={answer[2]}" for path, answer in zip(paths, known)])
    refetch = sum(answer[0] == "409" for answer in kept)
    with_row = sum(answer[0] == "200" and int(answer[3]) == 1 for answer in kept)
    if with_row + refetch != shapes:
        raise RuntimeError(f"{with_row} shapes have the row that was missed, {refetch} must refetch, of {shapes}")
    return dict(serves_s=serves_s, catches_up_s=catches_up_s, serve_cpu_s=serve_cpu_s, must_refetch=refetch, rss_mb=deployment.rss_mb())


def probe(deployment, path, handle, last_id, begin):
    """(when it answered first, when it had that row), s after `begin`; a must-refetch counts as an answer."""
    serves_s = None
    while time.monotonic() - begin < CAUGHT_UP_S:
        try:
            status, fields, body = deployment.get(path, 5)
        except OSError:
            status = 0
        elapsed = time.monotonic() - begin
        if status == 409:
            return elapsed, elapsed
        if status == 200 and fields.get("electric-handle") == handle:
            serves_s = serves_s or elapsed
            if f'"id":"{last_id}"'.encode() in body:
                return serves_s, elapsed
        time.sleep(0.002)
    raise RuntimeError("the origin does not catch up")
