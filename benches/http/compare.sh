#!/usr/bin/env bash
# The server against hyper alone, which answers the same bytes and headers: requests a
# second, 99th percentile and CPU time a request, in rounds one after the other. Wants wrk.
#
#     benches/http/compare.sh [PATH] [ROUNDS] [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
path=${1:-/health} rounds=${2:-5} seconds=${3:-5}
cargo build --release --locked --quiet -p chimera-server --bin chimera --example bare
target=${CARGO_TARGET_DIR:-target}/release
free() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
ours=$(free) bares=$(free)
"$target/chimera" serve --port "$ours" --log-level error &
server=$!
bare=
trap 'kill "$server" $bare 2>/dev/null || true' EXIT
until curl -fs -o /dev/null "http://127.0.0.1:$ours/ready"; do sleep 0.1; done
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }

# One round: the requests a second, the 99th percentile in ms, the microseconds of CPU.
measure() {
  local before after
  before=$(ticks "$2")
  wrk -t1 -c50 -d"${seconds}s" --latency "http://127.0.0.1:$1$path" > "$scratch"
  after=$(ticks "$2")
  python3 - "$scratch" "$((after - before))" <<'PY'
import re, sys
text = open(sys.argv[1]).read()
rate = float(re.search(r"Requests/sec:\s*([\d.]+)", text)[1])
p99, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
requests = int(re.search(r"(\d+) requests in", text)[1])
scale = {"us": 1e-3, "ms": 1, "s": 1e3}[unit]
print(f"{rate:.0f} {float(p99) * scale:.2f} {int(sys.argv[2]) * 1e4 / requests:.2f}")
PY
}
scratch=$(mktemp)
echo "round   ours: req/s p99-ms cpu-us   bare: req/s p99-ms cpu-us   req/s and cpu ratio"
for round in $(seq "$rounds"); do
  # Started anew, so that it answers what the server answers now.
  "$target/examples/bare" "127.0.0.1:$ours" "$path" "$bares" &
  bare=$!
  until curl -fs -o /dev/null "http://127.0.0.1:$bares/"; do sleep 0.1; done
  a=$(measure "$ours" "$server")
  b=$(measure "$bares" "$bare")
  kill "$bare"; wait "$bare" 2>/dev/null || true
  bare=
  awk -v r="$round" '{printf "%5s   %6s %6s %6s              %6s %6s %6s                %.2f  %.2f\n", r, $1, $2, $3, $4, $5, $6, $1/$4, $6/$3}' <<< "$a $b"
done
rm -f "$scratch"
