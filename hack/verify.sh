#!/usr/bin/env bash
# Fails where crds/ is not what hack/generate.sh would write.
set -euo pipefail
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
hack/generate.sh "$folder"
diff -ru --exclude=Kustomization crds "$folder" ||
  fail 'crds/ is out of date: run hack/generate.sh'
