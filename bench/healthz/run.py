#!/usr/bin/env python3
"""CPU a kept-alive 200 costs in Sluice, beside nginx `return 200`, in one run.

Each server has one core to itself and wrk has another; rounds alternate, so that what else the machine does falls on both.
CPU is user + system time of the server's process from /proc/PID/stat, divided by the requests wrk counted.

    bench/healthz/run.py                                        # build/release/sluice dev
    bench/healthz/run.py --cmd 'build/release/src/http_hello_bench 127.0.0.1:4790' --url http://127.0.0.1:4790/healthz

Needs Debian's nginx and wrk. Loopback only.
"""
import argparse
import os
import re
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

TICKS_PER_S = os.sysconf("SC_CLK_TCK")

NGINX_CONF = """
worker_processes 1;
daemon off;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir}; uwsgi_temp_path {dir}; scgi_temp_path {dir};
  server {{
    listen 127.0.0.1:{port} reuseport;
    location = /healthz {{ default_type {type}; add_header Cache-Control no-store; return 200 '{body}'; }}
  }}
}}
"""


def descendants(pid):
    """The process and what it has started."""
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as f:
                children.setdefault(int(f.read().rsplit(")", 1)[1].split()[1]), []).append(int(entry))
        except OSError:
            pass
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def cpu_s(pid):
    total = 0
    for p in descendants(pid):
        try:
            with open(f"/proc/{p}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total / TICKS_PER_S


class Server:
    def __init__(self, name, command, url, core):
        self.name, self.url = name, url
        self.process = subprocess.Popen(["taskset", "-c", str(core), *command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        self.results = []

    def answer(self, patience_s):
        deadline = time.monotonic() + patience_s
        while True:
            try:
                with urllib.request.urlopen(self.url, timeout=5) as response:
                    return response.headers.get("content-type", "text/plain"), response.read().decode()
            except (OSError, urllib.error.URLError) as error:
                if self.process.poll() is not None:
                    sys.exit(f"{self.name} has ended: {self.process.stderr.read().decode()[-2000:]}")
                if time.monotonic() > deadline:
                    sys.exit(f"{self.name}: no 200 from {self.url}: {error}")
                time.sleep(0.1)

    def load(self, core, connections, seconds):
        before = cpu_s(self.process.pid)
        wrk = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", self.url]
        out = subprocess.run(wrk, check=True, capture_output=True, text=True).stdout
        spent = cpu_s(self.process.pid) - before
        requests = int(re.search(r"(\d+) requests in", out).group(1))
        if "Non-2xx" in out or "Socket errors" in out:
            sys.exit(f"{self.name} did not answer everything:\n{out}")
        return 1e6 * spent / requests, requests / seconds

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def measure(options, nginx, sluice):
    for server in (nginx, sluice):
        server.load(options.wrk_core, options.connections, 1)  # warm
    print(f"{'round':>5}  {'nginx us/req':>12}  {'sluice us/req':>13}  {'ratio':>6}  {'nginx req/s':>11}  {'sluice req/s':>12}")
    ratios = []
    for n in range(options.rounds):
        for server in (nginx, sluice) if n % 2 == 0 else (sluice, nginx):
            server.results.append(server.load(options.wrk_core, options.connections, options.seconds))
        (nginx_us, nginx_rate), (sluice_us, sluice_rate) = nginx.results[-1], sluice.results[-1]
        ratios.append(sluice_us / nginx_us)
        print(f"{n + 1:>5}  {nginx_us:>12.2f}  {sluice_us:>13.2f}  {ratios[-1]:>6.2f}  {nginx_rate:>11.0f}  {sluice_rate:>12.0f}",
              flush=True)
    median = {server.name: statistics.median(us for us, _ in server.results) for server in (nginx, sluice)}
    ratio = statistics.median(ratios)
    print(f"median CPU us/req: nginx {median['nginx']:.2f}, sluice {median['sluice']:.2f}; median ratio {ratio:.2f}")
    return ratio


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cmd", default="build/release/sluice dev --listen 127.0.0.1:4790", help="how Sluice is started")
    parser.add_argument("--url", default="http://127.0.0.1:4790/healthz")
    parser.add_argument("--nginx-port", type=int, default=4791)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3, help="of each round and server")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--wrk-core", type=int, default=1)
    parser.add_argument("--ratio-max", type=float, default=1.25, help="exit with 1 beyond it")
    options = parser.parse_args()

    servers = []
    with tempfile.TemporaryDirectory() as directory:
        try:
            sluice = Server("sluice", shlex.split(options.cmd), options.url, options.server_core)
            servers.append(sluice)
            content_type, body = sluice.answer(60)  # nginx answers with the same bytes
            conf = os.path.join(directory, "nginx.conf")
            with open(conf, "w") as f:
                f.write(NGINX_CONF.format(dir=directory, port=options.nginx_port, type=content_type.split(";")[0],
                                          body=body.replace("\\", "\\\\").replace("'", "\\'")))
            os.chmod(directory, 0o755)
            nginx = Server("nginx", ["nginx", "-c", conf, "-e", os.path.join(directory, "error.log")],
                           f"http://127.0.0.1:{options.nginx_port}/healthz", options.server_core)
            servers.append(nginx)
            nginx.answer(10)
            ratio = measure(options, nginx, sluice)
        finally:
            for server in servers:
                server.stop()
    sys.exit(0 if ratio <= options.ratio_max else 1)


if __name__ == "__main__":
    main()
