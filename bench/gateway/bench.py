#!/usr/bin/env python3
"""Interleaved measure of proxies in front of the stand-in origin. See README.md; run through bench.sh."""
import argparse, json, os, re, resource, shlex, signal, socket, statistics, subprocess, sys, time, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
BED = os.environ.setdefault("BED", os.path.join(os.environ.get("TMPDIR", "/tmp"), "gateway-bench-%d" % os.getuid()))
sys.path.insert(0, HERE)
from mktoken import sign, claims

TICK = os.sysconf("SC_CLK_TCK")
PORT = dict(direct=3900, haproxy=4001, **{"nginx-njs": 4002, "nginx-lua": 4003, "haproxy-splice": 4008})
UNITS = {"direct": ["origin"]}
LOAD = {"small": (64, 1.0), "medium": (16, 0.6), "large": (4, 0.6)}   # connections, share of --secs


def peers_sh(*a):
    subprocess.run([f"{HERE}/peers.sh", *a], check=True)


def tree(pids):
    kids = {}
    for d in os.listdir("/proc"):
        if d.isdigit():
            try:
                kids.setdefault(int(open(f"/proc/{d}/stat").read().rsplit(")", 1)[1].split()[1]), []).append(int(d))
            except OSError:
                pass
    out, todo = [], list(pids)
    while todo:
        p = todo.pop(); out.append(p); todo += kids.get(p, [])
    return out


def cpu(pids):
    t = 0
    for p in pids:
        try:
            f = open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split(); t += int(f[11]) + int(f[12])
        except OSError:
            pass
    return t / TICK


def status(pids, field):
    kb = 0
    for p in pids:
        try:
            kb += int(re.search(rf"{field}:\s+(\d+)", open(f"/proc/{p}/status").read()).group(1))
        except (OSError, AttributeError):
            pass
    return kb * 1024


def reset_peak(pids):
    for p in pids:
        try:
            open(f"/proc/{p}/clear_refs", "w").write("5")
        except OSError:
            pass


def busy():
    f = list(map(int, open("/proc/stat").readline().split()[1:]))
    return (sum(f[0:3]) + f[5] + f[6] + f[7]) / TICK, f[7] / TICK


class Target:
    def __init__(self, name, url, pid=None, cmd=None):
        self.name, self.url, self.pid, self.cmd, self.child = name, url.rstrip("/"), pid, cmd, None

    def roots(self):
        if self.child: return [self.child.pid]
        if self.pid: return [self.pid]
        if self.name in PORT:
            return [int(open(f"{BED}/run/{u}.root").read()) for u in UNITS.get(self.name, [self.name])]
        return []

    def start(self):
        if self.cmd and not self.child:
            env = dict(os.environ, AUTH_SECRET=os.environ["AUTH_SECRET"], ELECTRIC_URL="http://127.0.0.1:3900")
            self.child = subprocess.Popen(shlex.split(self.cmd), env=env, stdin=subprocess.DEVNULL, stdout=open(f"{BED}/run/{self.name}.out", "w"), stderr=subprocess.STDOUT)
        elif self.name in PORT:
            peers_sh("start", *UNITS.get(self.name, [self.name]))
        for _ in range(50):
            try:
                if self.once("small") == 200: return
            except OSError:
                pass
            time.sleep(0.1)
        self.stop()
        sys.exit(f"{self.name}: no 200 from {self.url}")

    def stop(self):
        if self.child:
            self.child.terminate()
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill(); self.child.wait()
            self.child = None

    def restart(self):
        if self.cmd:
            self.stop(); self.start()
        elif self.name in PORT and self.name != "direct":
            peers_sh("restart", *UNITS.get(self.name, [self.name])); self.start()

    def target(self, table, position="offset=-1"):
        return f"/v1/shape?table={table}&{position}"

    def once(self, table):
        r = urllib.request.Request(self.url + self.target(table), headers={"Authorization": f"Bearer {TOKEN[table]}"})
        with urllib.request.urlopen(r, timeout=10) as a:
            a.read(); return a.status


def load(t, stage, secs):
    conns, share = LOAD[stage]
    secs = max(1, round(secs * share))
    wrk = lambda d, c: subprocess.run(["wrk", "-t1", f"-c{c}", f"-d{d}s", "--timeout", "30s", "-s", f"{HERE}/wrk_report.lua", "-H", f"Authorization: Bearer {TOKEN[stage]}", t.url + t.target(stage)], capture_output=True, text=True).stdout
    wrk(1, conns)
    pids, orig = tree(t.roots()), tree([int(open(f"{BED}/run/origin.root").read())])
    reset_peak(pids)
    c0, o0, (b0, s0), w0, t0 = cpu(pids), cpu(orig), busy(), resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    out = wrk(secs, conns)
    wall = time.monotonic() - t0
    c1, o1, (b1, s1), w1 = cpu(pids), cpu(orig), busy(), resource.getrusage(resource.RUSAGE_CHILDREN)
    r = json.loads(out.split("JSON ", 1)[1])
    wrkcpu = w1.ru_utime + w1.ru_stime - w0.ru_utime - w0.ru_stime
    own = (c1 - c0 if t.name != "direct" else 0) + (o1 - o0) + wrkcpu
    sec = r["us"] / 1e6
    return dict(rps=r["requests"] / sec, mbs=r["bytes"] / sec / 1e6, p50_ms=r["p50"] / 1e3, p99_ms=r["p99"] / 1e3,
                errors=r["status"] + r["sock"] + r["timeout"], peak_rss=status(pids, "VmHWM") if pids else 0,
                cpu_us_req=(c1 - c0) * 1e6 / max(1, r["requests"]), cpu_ms_mb=(c1 - c0) * 1e9 / max(1, r["bytes"]),
                proxy_cores=(c1 - c0) / wall, wrk_cores=wrkcpu / wall, origin_cores=(o1 - o0) / wall,
                foreign_pct=100 * max(0, b1 - b0 - own) / (wall * os.cpu_count()), steal_pct=100 * (s1 - s0) / (wall * os.cpu_count()))


def quiet_load(t, stage, secs, limit=10, tries=3):
    """Other users of the two cores: wait (bounded) for a calm second, and measure again if it did not last."""
    best = None
    for _ in range(tries):
        for _ in range(12):
            b0, t0 = busy()[0], time.monotonic(); time.sleep(0.5)
            if 100 * (busy()[0] - b0) / ((time.monotonic() - t0) * os.cpu_count()) < limit: break
        r = load(t, stage, secs)
        if best is None or r["foreign_pct"] < best["foreign_pct"]: best = r
        if best["foreign_pct"] < limit: break
    return best


def writing():
    return int(re.search(r"Writing: (\d+)", urllib.request.urlopen("http://127.0.0.1:3900/stub_status").read().decode()).group(1))


def open_conns(t, n, request):
    host, port = re.match(r"http://([^:/]+):(\d+)", t.url).groups()
    socks = []
    for i in range(n):
        s = socket.create_connection((host, int(port)), 10); s.sendall(request); socks.append(s)
        if i % 100 == 99: time.sleep(0.02)
    return socks


def idle(t, n):
    t.restart()
    for _ in range(300): t.once("small")
    time.sleep(1)
    pids = tree(t.roots()); w0 = writing(); r0 = status(pids, "VmRSS")
    req = f"GET {t.target('small', 'offset=0_0&handle=3833821-1721812114261&live=true')} HTTP/1.1\r\nHost: {t.url[7:]}\r\nAuthorization: Bearer {TOKEN['small']}\r\n\r\n".encode()
    t0 = time.monotonic(); socks = open_conns(t, n, req)
    while writing() - w0 < n and time.monotonic() - t0 < 20: time.sleep(0.1)
    held, took = writing() - w0, time.monotonic() - t0
    time.sleep(1.5)
    r1, c0 = status(pids, "VmRSS"), cpu(pids)
    time.sleep(2)
    c1 = cpu(pids)
    for s in socks: s.close()
    time.sleep(3)
    left = writing() - w0
    t.restart()
    return dict(base_rss=r0, held=held, setup_s=took, bytes_conn=(r1 - r0) / max(1, held), idle_cpu_pct=100 * (c1 - c0) / 2, left_after_close=left)


def stall(t, n=32):
    """n clients ask for the 10 MB body and read nothing: what the proxy piles up."""
    t.restart()
    for _ in range(300): t.once("small")
    time.sleep(1)
    pids = tree(t.roots()); r0 = status(pids, "VmRSS"); reset_peak(pids)
    req = f"GET {t.target('large')} HTTP/1.1\r\nHost: {t.url[7:]}\r\nAuthorization: Bearer {TOKEN['large']}\r\n\r\n".encode()
    socks = open_conns(t, n, req)
    time.sleep(4)
    r1 = status(pids, "VmHWM")
    for s in socks: s.close()
    t.restart()
    return dict(stall_kb_conn=(r1 - r0) / n / 1024)


CLEAN = 15   # foreign CPU above this: the sample stays in the raw file, out of the medians


def clean(rows):
    return [r for r in rows if r.get("foreign_pct", 0) <= CLEAN] or rows


def med(rows, k):
    return statistics.median(r[k] for r in clean(rows))


def spread(rows, k):
    v = [r[k] for r in clean(rows)]; m = statistics.median(v); return 100 * (max(v) - min(v)) / m if m else 0


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("targets", nargs="*", help="NAME=URL, beside direct and haproxy (or --peers)")
    ap.add_argument("--pid", action="append", default=[], help="NAME=PID of a target that runs already (RSS, CPU)")
    ap.add_argument("--cmd", action="append", default=[], help="NAME=COMMAND that starts the target (restarted for the idle stages)")
    ap.add_argument("--peers", default="direct,haproxy")
    ap.add_argument("--rounds", type=int, default=3); ap.add_argument("--secs", type=float, default=8)
    ap.add_argument("--stages", default="small,medium,large,idle,stall"); ap.add_argument("--conns", type=int, default=2000)
    a = ap.parse_args()
    global TOKEN
    TOKEN = {k: os.environ.get(f"TOKEN_{k.upper()}") or sign(claims(k)) for k in ("small", "medium", "large")}
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    pid, cmd = ({k: v for k, v in (x.split("=", 1) for x in l)} for l in (a.pid, a.cmd))
    ts = [Target(n, f"http://127.0.0.1:{PORT[n]}") for n in a.peers.split(",") if n]
    ts += [Target(n, u, int(pid[n]) if n in pid else None, cmd.get(n)) for n, u in (x.split("=", 1) for x in a.targets)]
    peers_sh("start", "origin")
    for t in ts: t.start()
    res = {t.name: {} for t in ts}
    try:
        for r in range(a.rounds):
            for st in a.stages.split(","):
                order = ts[r % len(ts):] + ts[:r % len(ts)]
                for t in order:
                    if st in ("idle", "stall") and (t.name == "direct" or not t.roots()): continue
                    row = quiet_load(t, st, a.secs) if st in LOAD else idle(t, a.conns) if st == "idle" else stall(t)
                    row["load1"] = os.getloadavg()[0]
                    res[t.name].setdefault(st, []).append(row)
                    print(f"r{r+1} {st:6} {t.name:10} " + " ".join(f"{k}={v:.1f}" for k, v in row.items()), flush=True)
    finally:
        for t in ts: t.stop()
        out = f"{BED}/results/{time.strftime('%H%M%S')}.json"
        json.dump(dict(args=vars(a), results=res), open(out, "w"), indent=1)
        print("\nraw:", out)
    print("\n| target | small rps (spread %) | p50 ms | p99 ms | CPU us/req | medium MB/s (spr) | large MB/s (spr) | CPU ms/MB large | peak RSS MB small/large | idle B/conn | left after close | stalled KB/conn | errors | foreign CPU % |\n|" + "---|" * 14)
    for t in ts:
        R = res[t.name]; g = lambda st, k, f="{:.1f}", d=1: f.format(med(R[st], k) / d) if st in R else "-"
        sp = lambda st, k: f" ({spread(R[st], k):.0f})" if st in R else ""
        er = sum(x.get("errors", 0) for st in R for x in R[st]); fo = [x["foreign_pct"] for st in R for x in R[st] if "foreign_pct" in x]
        print(f"| {t.name} | {g('small','rps','{:.0f}')}{sp('small','rps')} | {g('small','p50_ms','{:.2f}')} | {g('small','p99_ms','{:.2f}')} | {g('small','cpu_us_req')} | {g('medium','mbs','{:.0f}')}{sp('medium','mbs')} | {g('large','mbs','{:.0f}')}{sp('large','mbs')} | {g('large','cpu_ms_mb','{:.3f}')} | {g('small','peak_rss','{:.1f}',1e6)}/{g('large','peak_rss','{:.1f}',1e6)} | {g('idle','bytes_conn','{:.0f}')} | {g('idle','left_after_close','{:.0f}')} | {g('stall','stall_kb_conn','{:.0f}')} | {er} | {statistics.median(fo) if fo else 0:.1f} (max {max(fo) if fo else 0:.1f}; clean {sum(x <= CLEAN for x in fo)}/{len(fo)}) |")


main()
