#!/bin/sh
# Counts instructions per operation, which are repeatable where times are not.
#
#   benches/callgrind.sh                                   the workloads that have a budget, and more; all peers and libraries
#   benches/callgrind.sh yield-100 ping-pong               these ones
#   benches/callgrind.sh --peers evenkeel,tokio            these peers
#   benches/callgrind.sh --libraries "evenkeel gather"     these libraries
#   benches/callgrind.sh --check                           fails if a figure rose above benches/instructions.txt
#   benches/callgrind.sh --write                           accepts the figures of today
#   benches/callgrind.sh --record "0.2.0, 2026-12-24"      adds a column to benches/history.txt and the book's page
set -eu
cd "$(dirname "$0")/.."

command -v valgrind >/dev/null || {
    root=$([ "$(id -u)" = 0 ] || echo sudo)
    $root apt-get update -qq && $root apt-get install -y -qq valgrind
} >&2 || true

cargo build --quiet --release --package evenkeel-benches --bin work --bin alone --bin instructions >&2
exec "${CARGO_TARGET_DIR:-target}/release/instructions" "$@"
