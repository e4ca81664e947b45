#!/usr/bin/env bash
# Writes crds/ from the types in src/api.
set -euo pipefail
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"

[[ -n ${CODER_K8S_PROGRAMS:-} ]] || build
"$(programs)/coder-k8s" crds --output-dir "${1:-crds}"
