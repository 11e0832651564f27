#!/usr/bin/env python3
"""What authentication and authorization cost, how fast access ends, and what an attacker's floods leave in memory.

    bench/auth/run.py                                   # everything, some ten minutes
    bench/auth/run.py cost --paired-rounds 40           # one section: cost, parts, revocation, attacks
    bench/auth/run.py attacks --count 100000

Each table says the least and the median of its rounds; noise is how far the median lies above the least. Needs Debian's
nginx, wrk and openssl, and build/release. Loopback only.
"""
import argparse

import attacks
import parts
import request_cost
import revoking

SECTIONS = {"cost": request_cost.run, "parts": parts.run, "revocation": revoking.run, "attacks": attacks.run}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("section", nargs="?", choices=["all", *SECTIONS], default="all")
    parser.add_argument("--rounds", type=int, default=5, help="of each case of the parts")
    parser.add_argument("--paired-rounds", type=int, default=20, help="of requests with and without a token")
    parser.add_argument("--seconds", type=int, default=1, help="of each round and request")
    parser.add_argument("--revocations", type=int, default=10)
    parser.add_argument("--count", type=int, default=1_000_000, help="requests of each flood")
    parser.add_argument("--attack", default="", help="only floods with this in their name")
    options = parser.parse_args()
    for name, section in SECTIONS.items():
        if options.section in ("all", name):
            section(options)


if __name__ == "__main__":
    main()
