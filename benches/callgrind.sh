#!/bin/sh
# Counts instructions per operation, which are repeatable where times are not.
#
#   benches/callgrind.sh                          the workloads that have a budget, and more; the peers below
#   benches/callgrind.sh yield-100 ping-pong      these ones
#   benches/callgrind.sh --peers evenkeel,tokio   these peers
#
# Each workload runs with two counts of operations; the difference of the instructions, divided by the difference of the
# counts, leaves out what is needed once. Prints a table in Markdown, whose last column names the fewest of another's.
set -eu
cd "$(dirname "$0")/.."

peers=evenkeel,tokio,tokio-local-runtime,async-executor,async-local-executor,local-pool,monoio,glommio,compio,embassy
if [ "${1:-}" = --peers ]; then
    peers=${2:?"--peers wants names, separated by commas"}
    shift 2
fi
[ $# -gt 0 ] || set -- yield-main yield-1 yield-100 yield-10000 yield-deep ping-pong \
    spawn-join-1000 spawn-join-100000 spawn-join-single spawn-detached-100 abort-drain cancel-await \
    sleep-arm-0 sleep-turn-0 sleep-turn-10000 timeout-0 \
    queue-1-by-1 queue-100-by-1 queue-unbounded-by-1 channel-ping-pong semaphore-alone semaphore-crowd \
    mutex-alone mutex-crowd oneshot-ready oneshot-pending family-10 family-1000

command -v valgrind >/dev/null || {
    root=$([ "$(id -u)" = 0 ] || echo sudo)
    $root apt-get update -qq && $root apt-get install -y -qq valgrind
} >&2

cargo build --quiet --release --package evenkeel-benches --bin work >&2
work=${CARGO_TARGET_DIR:-target}/release/work

# able PEER WORKLOAD
able() {
    "$work" --peer "$1" --list | grep "^$2 " >/dev/null
}

# instructions PEER WORKLOAD COUNT
instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$work" --peer "$1" --work "$2" --count "$3" 2>&1 |
        awk '/ Collected : / { print $4 }'
}

# per_operation PEER WORKLOAD FEWER MORE: nothing, if it does not run under valgrind
per_operation() {
    fewer=$(instructions "$1" "$2" "$3")
    more=$(instructions "$1" "$2" "$4")
    echo "${fewer:--} ${more:--} $3 $4" | awk '$1 != "-" && $2 != "-" { printf "%.0f", ($2 - $1) / ($4 - $3) }'
}

# Valgrind does not know every system call, and not every peer runs here at all.
running=
for peer in $(echo "$peers" | tr , ' '); do
    why=$("$work" --peer "$peer" --work yield-main --count 1 2>&1 >/dev/null) || true
    case $why in
    *"has no workload"* | "") ;;
    *) echo "$peer is skipped: $why" >&2 && continue ;;
    esac
    if able "$peer" spawn-join-100; then probe=spawn-join-100; else probe=yield-1; fi
    if valgrind --tool=none "$work" --peer "$peer" --work $probe --count 1 >/dev/null 2>&1; then
        running="$running $peer"
    else
        echo "$peer is skipped: it does not run under valgrind" >&2
    fi
done

echo "| instructions per operation |$(printf ' %s |' $running) fewest of another |"
echo "|---|$(printf -- '---:|%.0s' $running)---:|"
for name in "$@"; do
    # Large batches need counts that hold several of them; the first one grows the executor's tables.
    case $name in
    *-1000000) fewer=2000000 more=4000000 ;;
    *-100000) fewer=200000 more=400000 ;;
    *) fewer=30000 more=90000 ;;
    esac
    line="| $name |" best=
    for peer in $running; do
        figure=
        if able "$peer" "$name"; then
            figure=$(per_operation "$peer" "$name" $fewer $more)
        fi
        line="$line ${figure:-–} |"
        if [ "$peer" != evenkeel ] && [ -n "$figure" ] && [ "$figure" -lt "${best:-999999999}" ]; then
            best=$figure whose=$peer
        fi
    done
    echo "$line ${best:+$best $whose} |"
done
