#!/usr/bin/env bash
# Sluice beside HAProxy and the others, in one interleaved run. Options go to bench.sh: --rounds, --secs, --peers, --stages.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
root=$(dirname "$(dirname "$here")")
trap '"$here/peers.sh" stop >/dev/null' EXIT
"$here/peers.sh" start origin haproxy
"$here/bench.sh" sluice=http://127.0.0.1:4010 --cmd sluice="$root/build/release/sluice serve --config $here/sluice.toml" "$@"
