#!/usr/bin/env bash
# All that has to hold: checks, generated files, and every test against a real kube-apiserver, coderd
# and PostgreSQL. Needs the network once, to fetch and build them into a cache.
set -euo pipefail
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"

summary() {
  local status=$?
  if ((status == 0)); then
    printf '%sall tests passed in %s s%s\n' "$green" "$SECONDS" "$plain"
  else
    printf '%sTESTS FAILED after %s s%s\n' "$red" "$SECONDS" "$plain"
  fi
}
trap summary EXIT

stage 'tools' tools
stage 'check' hack/check.sh
stage 'build' build
stage 'generated files' env CODER_K8S_PROGRAMS="$(programs)" hack/verify.sh
stage 'servers of the test bed' "$(programs)/testbed" build
stage 'clients of the MCP server' hack/mcp-clients.sh
# A test mostly waits for servers, so that more of them than there are cores go at once.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-4}
stage 'tests' cargo test --locked --workspace
