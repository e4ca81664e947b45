#!/usr/bin/env bash
# Measures something against real servers and prints figures. Nothing fails for being slow.
#
#   hack/bench.sh shim    reads and watches of the old API group beside those of the stored one
#   hack/bench.sh mcp     a tool of the MCP server beside the same request at kube-apiserver
#   hack/bench.sh planes  memory for ten Coders beside one, and edits while nine of them hang
#   hack/bench.sh order   from `kubectl apply` of an order until the build is asked of coderd
set -euo pipefail
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"

benchmarks=(mcp order planes shim)
name=${1:-}
if (($# != 1)) || [[ -z $name || " ${benchmarks[*]} " != *" $name "* ]]; then
  {
    echo 'usage: hack/bench.sh NAME, where NAME is one of:'
    printf '  %s\n' "${benchmarks[@]}"
  } >&2
  exit 2
fi

# The programs as the tests build them, so that nothing is built twice; but where the time of this
# project's own code is what is measured, as they are released.
profile=dev
[[ $name == order ]] || profile=release
bench() {
  cargo bench --locked --workspace --profile "$profile" --bench bench "$@"
}

stage 'tools' tools
stage 'build' build
stage 'servers of the test bed' "$(programs)/testbed" build
[[ $name != mcp ]] || stage 'clients of the MCP server' hack/mcp-clients.sh
stage 'build of the benchmark' bench --no-run
stage "$name" bench -- "$name"
