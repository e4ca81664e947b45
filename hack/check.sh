#!/usr/bin/env bash
# Everything that can be said about the code without running it.
set -euo pipefail
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"

cargo fmt --all --check
cargo clippy --locked --workspace --all-targets -- --deny warnings

if have shellcheck; then
  shellcheck --external-sources hack/*.sh .ci/run
else
  echo 'shellcheck is not installed: scripts are not checked'
fi
if cargo deny --version >/dev/null 2>&1; then
  cargo deny --locked check --config hack/deny.toml bans licenses sources
else
  echo 'cargo-deny is not installed: dependencies are not checked'
fi
