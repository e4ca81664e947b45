#!/usr/bin/env bash
# Measures something against real servers and prints figures. Nothing fails for being slow.
#
#   hack/bench.sh order   from `kubectl apply` of an order until the build is asked of coderd
set -euo pipefail
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"

benchmarks=(order)
name=${1:-}
if (($# != 1)) || [[ -z $name || " ${benchmarks[*]} " != *" $name "* ]]; then
  {
    echo 'usage: hack/bench.sh NAME, where NAME is one of:'
    printf '  %s\n' "${benchmarks[@]}"
  } >&2
  exit 2
fi

# The programs as the tests build them, so that nothing is built twice.
bench() {
  cargo bench --locked --workspace --profile dev --bench bench "$@"
}

stage 'tools' tools
stage 'build' build
stage 'servers of the test bed' "$(programs)/testbed" build
stage 'build of the benchmark' bench --no-run
stage "$name" bench -- "$name"
