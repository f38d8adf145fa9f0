#!/bin/sh
# How long decisions take, proofs included: the shipped rules on a virtual server that falls ill
# and is healed, then the same with 10,000 more rules. Microseconds by the clock, so on a machine
# with little else to do.
set -eu
cd "$(dirname "$0")/../.."
cargo test --release --package chimera-server --lib decisions_in_numbers -- --ignored --nocapture |
    sed -n '/^microseconds/,/^$/p'
