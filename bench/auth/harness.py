"""What the sections share: tokens, processes with their CPU and memory, Sluice with its origins, tables."""
import base64
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build/release"

IDENTITY_SECRET = "an identity's secret of this benchmark, 32 bytes or more"
GRANT_SECRET = "a grant issuer's secret of this benchmark, 32 bytes or more"
ADMIN_TOKEN = "the-operators-token-of-this-benchmark-32-bytes-or-more"
GATEWAY, ADMIN, ORIGIN, KEYS = 4780, 4781, 4782, 4783  # ports

SHAPE = {"table": "items", "where": "org_id = $1", "params": {"1": "7"}}
# The same definition as a client spells it out, and where in its log it is.
DEFINITION = "table=items&where=org_id+%3D+%241&params%5B1%5D=7"
POSITION = "offset=0_0&handle=38083685-1729874417404&log=full"

CONFIG = """
listen = ["127.0.0.1:{gateway}"]
threads = {threads}
log_level = "error"
[admin]
listen = ["127.0.0.1:{admin}"]
token_env = "ADMIN_TOKEN"
[audit]
file = "{directory}/audit.jsonl"
[revocation]
file = "{directory}/revocations.log"
[reload]
watch = false
[origin]
url = "http://127.0.0.1:{origin}"
[[identity]]
name = "app"
issuer = "https://app.example.com"
audience = "https://sync.example.com"
alg = "HS256"
secret_env = "IDENTITY_SECRET"
{more}
[[gate.issuer]]
name = "api"
issuer = "https://api.example.com"
audience = "https://sync.example.com"
alg = "HS256"
secret_env = "GRANT_SECRET"
[[shape]]
name = "open"
table = "items"
where = "org_id = $1"
params = ["7"]
public = true
[[shape]]
name = "mine"
table = "items"
where = "org_id = $1"
params = ["{{claims.org_id::int8}}"]
"""

# An origin whose every answer is one small chunk from memory.
NGINX = """
worker_processes 1;
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  server {{
    listen 127.0.0.1:{origin};
    location = /v1/shape {{
      default_type application/json;
      add_header electric-handle 38083685-1729874417404;
      add_header electric-offset 26800584_4;
      add_header cache-control 'public, max-age=60, stale-while-revalidate=300';
      return 200 '[{{"headers":{{"operation":"insert"}},"key":"\\"public\\".\\"items\\"/\\"1\\"","value":{{"id":"1","title":"one","org_id":"7"}}}}]';
    }}
  }}
}}
"""


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def as_json(value):
    return json.dumps(value, separators=(",", ":")).encode()


class Signer:
    """HS256, with what all tokens have in common encoded once."""

    def __init__(self, secret, claims):
        self.hmac = hmac.new(secret.encode(), digestmod=hashlib.sha256)
        self.head = base64url(as_json({"alg": "HS256", "typ": "JWT"}))
        now_s = int(time.time())
        self.claims = as_json({"aud": "https://sync.example.com", "iat": now_s - 5, "exp": now_s + 7200, **claims})[:-1]

    def token(self, subject, token_id):
        text = self.head + b"." + base64url(b'%b,"sub":"%b","jti":"%b"}' % (self.claims, subject.encode(), token_id.encode()))
        mac = self.hmac.copy()
        mac.update(text)
        return text + b"." + base64url(mac.digest())


def identity_signer():
    return Signer(IDENTITY_SECRET, {"iss": "https://app.example.com", "org_id": 7, "role": "member"})


def grant_signer():
    return Signer(GRANT_SECRET, {"iss": "https://api.example.com", "shape": SHAPE})


class Process:
    def __init__(self, command, environment=None, core=None):
        pinned = ["taskset", "-c", str(core)] if core is not None else []
        self.process = subprocess.Popen([*pinned, *map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        env={**os.environ, **(environment or {})})
        self.proc = pathlib.Path(f"/proc/{self.process.pid}")

    def cpu_ns(self):
        """User and system time of every thread."""
        total = 0
        for task in (self.proc / "task").iterdir():
            with contextlib.suppress(FileNotFoundError):  # a thread that has just ended
                total += int((task / "schedstat").read_text().split()[0])
        return total

    def user_s(self):
        """As the clock's tick sees it: for longer times only."""
        return int((self.proc / "stat").read_text().rsplit(")", 1)[1].split()[11]) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self, field):
        """VmRSS, or VmHWM for the highest there was."""
        return int(re.search(field + r":\s+(\d+) kB", (self.proc / "status").read_text()).group(1)) / 1024

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def running(command, port, **how):
    if connects(port):
        sys.exit(f"something listens on port {port} already")
    process = Process(command, **how)
    try:
        deadline = time.monotonic() + 30
        while not connects(port):
            if process.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{command[0]} does not listen on port {port}")
            time.sleep(0.05)
        yield process
    finally:
        process.stop()


def connects(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def sluice(directory, threads=0, more="", core=None):
    config = pathlib.Path(directory) / "sluice.toml"
    config.write_text(CONFIG.format(gateway=GATEWAY, admin=ADMIN, origin=ORIGIN, directory=directory, threads=threads,
                                    more=more))
    environment = {"IDENTITY_SECRET": IDENTITY_SECRET, "GRANT_SECRET": GRANT_SECRET, "ADMIN_TOKEN": ADMIN_TOKEN}
    return running([BUILD / "sluice", "serve", "--config", config], GATEWAY, environment=environment, core=core)


def fast_origin(directory, core=None):
    os.chmod(directory, 0o755)  # nginx's worker is another user
    config = pathlib.Path(directory) / "nginx.conf"
    config.write_text(NGINX.format(directory=directory, origin=ORIGIN))
    return running(["nginx", "-c", config, "-e", f"{directory}/nginx.log"], ORIGIN, core=core)


def holding_origin():
    return running([sys.executable, HERE / "holding_origin.py", str(ORIGIN)], ORIGIN)


def metrics():
    """Samples by name with labels: 'sluice_tokens{kind="hit"}'."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ADMIN}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def micro(program, options, pattern=".", interleaved=True):
    """A Google Benchmark program's CPU times in ns, {name: [one a repetition]}, in the program's order."""
    command = [BUILD / "src" / program, f"--benchmark_filter={pattern}"]
    names = subprocess.run([*command, "--benchmark_list_tests"], check=True, capture_output=True, text=True).stdout.split()
    found = {name: [] for name in names}
    out = subprocess.run([*command, f"--benchmark_repetitions={options.rounds}", f"--benchmark_min_time={options.seconds / 20}",
                          f"--benchmark_enable_random_interleaving={str(interleaved).lower()}", "--benchmark_format=json"],
                         check=True, capture_output=True, text=True).stdout
    for run in json.loads(out)["benchmarks"]:
        if run["run_type"] != "iteration":
            continue
        if run.get("error_occurred"):
            sys.exit(f"{program}: {run['name']}: {run['error_message']}")
        scale = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[run["time_unit"]]
        found[run["run_name"]].append(run["cpu_time"] * scale)
    return found


def spread(values):
    """The least, the median, and how far that lies above: what the machine adds."""
    least, middle = min(values), statistics.median(values)
    return least, middle, f"{100 * (middle - least) / least:.0f} %"


def print_table(title, heads, rows):
    print(f"\n{title}\n")
    texts = [[f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [heads, *texts]) for i in range(len(heads))]
    for row in [heads, ["-" * width for width in widths], *texts]:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
        print("| " + " | ".join(cells) + " |")
    sys.stdout.flush()
