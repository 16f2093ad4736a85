#!/bin/sh
# Counts instructions per operation, which are repeatable where times are not.
#
#   benches/callgrind.sh                         the workloads that have a budget, and a few more
#   benches/callgrind.sh yield-100 ping-pong     these ones
#
# Each workload runs with two counts of operations; the difference of the instructions, divided by the difference of the
# counts, leaves out what is needed once.
set -eu
cd "$(dirname "$0")/.."

command -v valgrind >/dev/null || {
    root=$([ "$(id -u)" = 0 ] || echo sudo)
    $root apt-get update -qq && $root apt-get install -y -qq valgrind
} >&2

cargo build --quiet --release --package evenkeel-benches --bin work >&2
work=${CARGO_TARGET_DIR:-target}/release/work

# instructions WORKLOAD PEER COUNT
instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "$work" --work "$1" --peer "$2" --count "$3" 2>&1 |
        awk -v what="$*" '
            / Collected : / { print $4; found = 1 }
            { said = said $0 "\n" }
            END { if (!found) { printf "%s: valgrind said\n%s", what, said > "/dev/stderr"; exit 1 } }
        '
}

# per_operation WORKLOAD PEER FEWER MORE
per_operation() {
    fewer=$(instructions "$1" "$2" "$3")
    more=$(instructions "$1" "$2" "$4")
    echo "$fewer $more $3 $4" | awk '{ printf "%.1f", ($2 - $1) / ($4 - $3) }'
}

[ $# -gt 0 ] || set -- yield-main yield-1 yield-100 yield-10000 \
    spawn-join-100 spawn-join-1000 spawn-join-100000 spawn-join-single \
    spawn-detached-100 spawn-detached-100000 ping-pong abort-drain cancel-await \
    sleep-make-0 sleep-make-10000 sleep-arm-0 sleep-arm-10000 sleep-turn-0 sleep-turn-10000 \
    timeout-0 timeout-10000 \
    queue-1-by-1 queue-100-by-1 queue-unbounded-by-1 channel-ping-pong semaphore-alone semaphore-crowd \
    mutex-alone mutex-crowd oneshot-ready oneshot-pending

printf '%-22s %10s %10s\n' 'instructions per op' evenkeel tokio
for name in "$@"; do
    # Large batches need counts that hold several of them; the first one grows the executor's tables.
    case $name in
    *-100000) fewer=200000 more=600000 ;;
    *-1000000) fewer=2000000 more=4000000 ;;
    *) fewer=100000 more=300000 ;;
    esac
    printf '%-22s %10s %10s\n' "$name" \
        "$(per_operation "$name" evenkeel $fewer $more)" "$(per_operation "$name" tokio $fewer $more)"
done
