"""A Postgres 15 of a program's own: a fresh cluster in a folder, on a free port of the loopback, with logical decoding on."""
import contextlib
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time

PATIENCE_S = 60

# Durable as far as the order of things goes, but without waiting for this machine's disk.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "wal_level": "logical",
    "max_wal_senders": 10,
    "max_replication_slots": 10,
    "fsync": "off",
    "log_min_messages": "fatal",
}


def free_port():
    """Below those that the kernel gives to connections (from 32,768): it is not taken before it is listened on."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(what, holds, patience_s=PATIENCE_S, pause_s=0.01):
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {patience_s} s: {what}")
        time.sleep(pause_s)


class Postgres:
    def __init__(self, folder, settings=None):
        binaries = pathlib.Path("/usr/lib/postgresql/15/bin")
        # Postgres refuses to run as root.
        self.user = pwd.getpwnam("postgres").pw_name if os.getuid() == 0 else None
        data = folder / "pg"
        data.mkdir(mode=0o700)
        if self.user:
            shutil.chown(data, self.user, self.user)
        self._run([binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"])
        self.port = free_port()
        settings = {**SETTINGS, **(settings or {}), "port": self.port, "unix_socket_directories": data}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        self.process = subprocess.Popen([*map(str, [binaries / "postgres", "-D", data]), *options], user=self.user, group=self.user,
                                        extra_groups=[] if self.user else None, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        wait_until("Postgres accepts connections", self._accepts)

    def _run(self, command):
        subprocess.run(list(map(str, command)), user=self.user, group=self.user, extra_groups=[] if self.user else None, cwd="/",
                       check=True, stdout=subprocess.DEVNULL)

    def _accepts(self):
        return subprocess.run(["psql", "-qAtX", self.url, "-c", "select 1"], capture_output=True).returncode == 0

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
