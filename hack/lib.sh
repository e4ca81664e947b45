# shellcheck shell=bash
# What the scripts share. To be sourced; it goes to the root of the repository.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# Outside of the checkout, so that a clean checkout builds nothing twice.
CODER_K8S_CACHE=${CODER_K8S_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/coder-k8s}
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CODER_K8S_CACHE/target}
export CODER_K8S_CACHE CARGO_TARGET_DIR

# shellcheck disable=SC2034 # the scripts that source this use them
{
  bold='' dim='' red='' green='' plain=''
  if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
  fi
}

fail() {
  printf '%s%s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}

# Runs a command under a headline and tells how long it took.
stage() {
  local headline=$1 begin=$SECONDS
  shift
  printf '%s==> %s%s\n' "$bold" "$headline" "$plain"
  "$@" || fail "==> $headline: failed after $((SECONDS - begin)) s"
  printf '%s==> %s: done in %s s%s\n\n' "$dim" "$headline" "$((SECONDS - begin))" "$plain"
}

have() {
  command -v "$1" >/dev/null
}

have_postgres() {
  local folder
  have initdb && have postgres && return
  for folder in /usr/lib/postgresql/*/bin; do
    [[ -x $folder/initdb && -x $folder/postgres ]] && return
  done
  return 1
}

# Says what the machine lacks; on Debian, root installs what Debian has.
tools() {
  local missing=() packages=()
  have cargo || missing+=('cargo: Rust 1.89 or newer, from https://rustup.rs')
  have go || missing+=('go: Go 1.26 or newer, from https://go.dev/dl')
  have terraform || missing+=('terraform: 1.1 to 1.14, from https://developer.hashicorp.com/terraform/install')
  have cc || packages+=(gcc libc6-dev)
  have curl || packages+=(curl ca-certificates)
  have setpriv || packages+=(util-linux)
  have_postgres || packages+=(postgresql)
  python3 -m venv -h >/dev/null 2>&1 || packages+=(python3-venv)
  have npm || packages+=(nodejs npm)
  if ((${#packages[@]})); then
    if have apt-get && ((EUID == 0)); then
      # The package of PostgreSQL would start a server that nobody asked for.
      mkdir -p /etc/postgresql-common/createcluster.d
      echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/coder-k8s.conf
      apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends "${packages[@]}" ||
        missing+=("the Debian packages ${packages[*]}")
    else
      missing+=("the packages (as Debian calls them) ${packages[*]}")
    fi
  fi
  ((${#missing[@]} == 0)) || {
    printf 'missing: %s\n' "${missing[@]}" >&2
    return 1
  }
}

# All programs in one go. With the tests: to build less would give the dependencies other features, and
# so build each of them twice.
build() {
  cargo build --locked --workspace --bins --tests
}

# The folder of the built programs.
programs() {
  echo "${CODER_K8S_PROGRAMS:-$CARGO_TARGET_DIR/debug}"
}
