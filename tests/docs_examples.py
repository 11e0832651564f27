#!/usr/bin/env python3
"""Every whole configuration that the docs print is one that `sluice serve --check` calls good.

usage: docs_examples.py SLUICE    (a toml block with a table [origin] is whole; parts of one are not looked at)
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```toml\n(.*?)^```", re.M | re.S)
VARIABLE = re.compile(r'(\w+)_env = "(\w+)"')
FILE = re.compile(r'(\w+)_file = "([\w.-]+)"')
KEY_SET = '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "2026-11", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}'
URLS = {"redis_url": "redis://user:password@127.0.0.1:6379", "database_url": "postgresql://a:b@127.0.0.1/app"}


def secret(name):
    """Another one for each name, long enough for every algorithm."""
    return (name + "-").ljust(64, "x")


def check(sluice, toml, folder):
    environment = {name: URLS.get(kind, secret(name)) for kind, name in VARIABLE.findall(toml)}
    for kind, name in FILE.findall(toml):
        (folder / name).write_text(KEY_SET if kind == "jwks" else secret(name))
    (folder / "sluice.toml").write_text(toml)
    done = subprocess.run([sluice, "serve", "--config", "sluice.toml", "--check"], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, **environment})
    return done.returncode == 0, done.stderr.strip()


def main():
    sluice = pathlib.Path(sys.argv[1]).resolve()
    checked, faults = 0, 0
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = path.read_text()
        for block in BLOCK.finditer(text):
            if "[origin]" not in block[1]:
                continue
            checked += 1
            with tempfile.TemporaryDirectory() as folder:
                good, said = check(sluice, block[1], pathlib.Path(folder))
            if not good:
                faults += 1
                print(f"{path.name}:{text.count(chr(10), 0, block.start()) + 1}: {said}", file=sys.stderr)
    print(f"{checked} configurations, {faults} faults")
    return 1 if faults or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
