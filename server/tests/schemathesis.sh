#!/usr/bin/env bash
# Schemathesis over the OpenAPI document of a server on loopback: no answer with a
# status of 500 or more, none that its schema does not allow. The same examples each
# time, others for each SEED, with calls one after the other too. Wants Python; installs
# Schemathesis into a directory of its own.
#
#     server/tests/schemathesis.sh [EXAMPLES] [SECONDS] [SEED]
#
# SECONDS are for most routes; those that fail on purpose and those that burn have a third each.
set -euo pipefail
cd "$(dirname "$0")/../.."
examples=${1:-20} seconds=${2:-120}
chance=(--generation-deterministic --phases examples,coverage,fuzzing)
if [ $# -gt 2 ]; then chance=(--seed "$3"); fi # All phases.
target=${CARGO_TARGET_DIR:-target}
cargo build --locked --quiet -p chimera-server --bin chimera
tools=$target/schemathesis
if [ ! -x "$tools/bin/schemathesis" ]; then
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet schemathesis==4.32.5
fi
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$target/debug/chimera" serve --port "$port" --log-level error &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
for _ in $(seq 300); do
  curl -fs -o /dev/null "http://127.0.0.1:$port/ready" && break
  sleep 0.1
done
# Well-formed queries may still be no MeTTa, so that what fits a schema is refused is no
# fault here.
try() {
  local seconds=$1 unchecked=$2
  shift 2
  SCHEMATHESIS_HOOKS=server/tests/schemathesis_hooks.py \
    "$tools/bin/schemathesis" --config-file server/tests/schemathesis.toml \
    run "http://127.0.0.1:$port/openapi.json" "${chance[@]}" \
    --max-examples "$examples" --max-time "$seconds" \
    --exclude-checks "$unchecked" --request-timeout 30 --warnings off --no-color "$@"
}
failing='request.failures' heavy='memory-leak|cpu-overload|stress-test$'
# All but the stream, which does not end, and those below.
try "$seconds" positive_data_acceptance --exclude-path /events --exclude-path-regex "$failing|$heavy"
# What is there to fail may answer 500, in the shape that its schema says.
try $((seconds / 3)) positive_data_acceptance,not_a_server_error --include-path-regex "$failing"
# Last what burns processors and takes memory, up to the bounds of the demo.
try $((seconds / 3)) positive_data_acceptance --include-path-regex "$heavy"
