#!/usr/bin/env bash
# From nothing to a template and a workspace that Kubernetes and Coder keep in step: real servers, real
# commands, each as you would type it, and each promise checked.
#
#   hack/demo.sh          runs, then removes everything
#   hack/demo.sh --keep   leaves it running and says how to use it
set -euo pipefail
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"

keep=false
case ${1:-} in
  '') ;;
  --keep) keep=true ;;
  *) fail "usage: hack/demo.sh [--keep]" ;;
esac

controller='' directory=''

# --- the stage ------------------------------------------------------------------------------------

title() { printf '\n%s=== %s%s\n' "$bold" "$*" "$plain"; }
say() { printf '\n%s# %s%s\n' "$dim" "$*" "$plain"; }

# Prints a command as typed, then runs it.
run() {
  printf '%s$ %s%s\n' "$bold" "$1" "$plain"
  eval "$1"
}

# The same for a command that has to fail; what it says is kept in $refusal.
run_refused() {
  printf '%s$ %s%s\n' "$bold" "$1" "$plain"
  if refusal=$(eval "$1" 2>&1); then
    printf '%s\n' "$refusal"
    fail 'this was expected to be refused'
  fi
  # The rest is general advice.
  printf '%s\n' "${refusal%%$'\n'Please review*}"
}

proved() { printf '%s  ✓ %s%s\n' "$green" "$*" "$plain"; }

# A promise: what it says, then what is and what has to be.
expect() {
  [[ $2 == "$3" ]] || fail "  ✗ $1: expected '$3', found '$2'"
  proved "$1"
}

# A promise that a text holds a piece.
expect_in() {
  [[ $2 == *"$3"* ]] || fail "  ✗ $1: no '$3' in '$2'"
  proved "$1"
}

# A promise that comes true within a minute: what it says, then a command that succeeds then.
expect_soon() {
  local deadline=$((SECONDS + 60))
  until eval "$2" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || fail "  ✗ $1: not within a minute ($2)"
    [[ -z $controller ]] || kill -0 "$controller" 2>/dev/null || fail "  ✗ $1: the controller has ended"
    sleep 0.2
  done
  proved "$1"
}

field() { kubectl get "$1" -o jsonpath="$2"; }
version_of() { field "$1" '{.metadata.resourceVersion}'; }
message() { field "$1" "{.status.conditions[?(@.type==\"$2\")].message}"; }

# The managers that own spec.FIELD of an object.
owners() {
  local form='{range .metadata.managedFields[*]}{.manager}{" "}{.fieldsV1.f:spec}{"\n"}{end}'
  kubectl get "$1" --show-managed-fields -o jsonpath="$form" |
    awk -v field="\"f:$2\"" 'index($0, field) { print $1 }' | sort -u | paste -sd ' '
}

# What Coder itself says, without any Kubernetes: PATH, then the name of a member of the reply.
coder_says() {
  curl -fsS -H "Coder-Session-Token: $CODER_SESSION_TOKEN" "$CODER_URL/api/v2/$1" |
    grep -o "\"$2\":[^,}]*" | head -n 1 | sed 's/^[^:]*://; s/^"//; s/"$//'
}

# Waits until the controller has looked at an object anew, so that what it leaves alone is left alone on
# purpose.
look_anew() {
  local stamp
  stamp=$(date +%s.%N)
  kubectl annotate "$1" --overwrite "coder.com/reconcile-requested-at=$stamp" >/dev/null
  kubectl wait "$1" --for=jsonpath='{.status.lastHandledReconcileAt}'="$stamp" --timeout=60s >/dev/null
}

clean_up() {
  local status=$?
  trap - EXIT INT TERM
  if ((status != 0)) && [[ -s $directory/controller.log ]]; then
    printf '\nthe end of the log of the controller:\n' >&2
    tail -n 40 "$directory/controller.log" >&2
  fi
  if $keep && ((status == 0)); then
    exit 0
  fi
  if [[ -n $controller ]] && kill "$controller" 2>/dev/null; then
    wait "$controller" 2>/dev/null || true
  fi
  if [[ -n $directory ]]; then
    "$(programs)/testbed" down --dir "$directory/bed" >/dev/null || status=1
    rm -rf "$directory"
  fi
  if ((status == 0)); then
    printf '\n%sthe demo kept all its promises, in %s s; nothing is left of it%s\n' "$green" "$SECONDS" "$plain"
  else
    printf '\n%sTHE DEMO FAILED after %s s%s\n' "$red" "$SECONDS" "$plain"
  fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

stage 'tools' tools
[[ -n ${CODER_K8S_PROGRAMS:-} ]] || stage 'build' build

directory=$(mktemp -d)
chmod 755 "$directory"
cp deploy/examples/template.yaml deploy/examples/workspace.yaml "$directory"
stage 'Kubernetes, Coder and PostgreSQL' "$(programs)/testbed" up --dir "$directory/bed" --detach
# shellcheck source=/dev/null
source "$directory/bed/env"
export KUBECACHEDIR="$directory/cache"
SECONDS=0

title 'The controller'

say 'The kinds, who the controller is, and what it may do: nothing but this.'
run 'kubectl apply --server-side -f crds'
run 'kubectl apply -f deploy/base/namespace.yaml -f deploy/base/account.yaml -f deploy/base/role.yaml -f deploy/base/lease.yaml -f deploy/base/deletion.yaml'
run 'kubectl create namespace team'
run 'kubectl apply -n team -k deploy/sync'
run 'kubectl wait --for=condition=Established crd/coderworkspaces.coder.com crd/codertemplates.coder.com --timeout=30s'
run 'kubectl config set-context --current --namespace=team'

say 'In a cluster it runs as deploy/base/deployment.yaml; here as a process, as the same ServiceAccount.'
kubeconfig=$directory/controller.kubeconfig
kubectl config view --raw --flatten --minify >"$kubeconfig"
chmod 600 "$kubeconfig"
kubectl config --kubeconfig="$kubeconfig" set-credentials coder-k8s \
  --token="$(kubectl create token coder-k8s -n coder-system --duration=24h)" >/dev/null
kubectl config --kubeconfig="$kubeconfig" set-context --current --user=coder-k8s >/dev/null
printf '%s$ coder-k8s --app=controller --coder-url=%s --coder-session-token-file=… --coder-namespace=team &%s\n' \
  "$bold" "$CODER_URL" "$plain"
POD_NAMESPACE=coder-system KUBECONFIG=$kubeconfig nohup "$(programs)/coder-k8s" --app=controller --coder-url="$CODER_URL" \
  --coder-session-token-file="$CODER_K8S_TOKEN_FILE" --coder-namespace=team --sweep-interval=2s \
  --health-bind-address=127.0.0.1:0 --metrics-bind-address=0 \
  >"$directory/controller.log" 2>&1 </dev/null &
controller=$!
expect_soon 'it is ready: all objects are known, and coderd has answered' \
  "curl -fsS http://\$(grep -o 'bound=[0-9.:]*' '$directory/controller.log' | head -n 1 | cut -d= -f2)/readyz"

title 'A template from files'

template=codertemplate/coder.dev
say 'A template with a parameter, an agent and a resource, its Terraform files inline.'
run "cat $directory/template.yaml"
run "kubectl apply --server-side -f $directory/template.yaml"
run "kubectl wait $template --for=condition=Ready --timeout=120s"
run "kubectl get $template"
template_id=$(field "$template" '{.status.id}')
first=$(field "$template" '{.status.activeVersionName}')
count_versions() {
  curl -fsS -H "Coder-Session-Token: $CODER_SESSION_TOKEN" \
    "$CODER_URL/api/v2/templates/$template_id/versions?include_archived=true" | grep -o '"file_id"' | wc -l
}
expect 'the version built from the files is active in Coder' \
  "$(coder_says "templates/$template_id" active_version_id)" "$(field "$template" '{.status.activeVersionID}')"

say 'The same files again: nothing happens, on either side.'
before=$(version_of "$template")
run "kubectl apply --server-side -f $directory/template.yaml"
expect 'the object is the very same' "$(version_of "$template")" "$before"
look_anew "$template"
expect 'Coder has no other version' "$(count_versions)" 1

say 'Other files: another version, active once its import has succeeded.'
run "sed -i 's/A workspace for development./A better workspace for development./' $directory/template.yaml"
run "kubectl apply --server-side -f $directory/template.yaml"
run "kubectl wait $template --for=condition=Ready --timeout=120s"
second=$(field "$template" '{.status.activeVersionName}')
[[ $second != "$first" ]] || fail '  ✗ no new version is active'
proved "$second is active in place of $first"

say 'Files that Terraform cannot read: the object says why, and the old version stays active.'
run "sed 's/resource \"coder_agent\" \"main\" {/resource \"coder_agent\" {/' $directory/template.yaml >$directory/broken.yaml"
run "kubectl apply --server-side -f $directory/broken.yaml"
run "kubectl wait $template --for=condition=Stalled --timeout=120s"
run "kubectl get $template -o jsonpath='{.status.conditions[?(@.type==\"Stalled\")].message}{\"\n\"}'"
expect_in 'the message has the last lines of the log' "$(message "$template" Stalled)" 'main.tf'
expect 'the old version is still active' "$(field "$template" '{.status.activeVersionName}')" "$second"
expect 'in Coder too' \
  "$(coder_says "templates/$template_id" active_version_id)" "$(field "$template" '{.status.activeVersionID}')"

say 'Put right: ready again, without another build.'
run "kubectl apply --server-side -f $directory/template.yaml"
run "kubectl wait $template --for=condition=Ready --timeout=120s"
expect 'the version from before is in effect' "$(field "$template" '{.status.activeVersionName}')" "$second"
expect 'Coder has the three versions from before' "$(count_versions)" 3

title 'A workspace'

workspace=coderworkspace/coder.owner.dev
say 'Applied, created, started; the wait returns only when it runs.'
run "cat $directory/workspace.yaml"
run "kubectl apply --server-side -f $directory/workspace.yaml"
run "kubectl wait $workspace --for=condition=Ready --timeout=120s"
run "kubectl get $workspace"
workspace_id=$(field "$workspace" '{.status.id}')
build_of() { coder_says "workspaces/$workspace_id" build_number; }
state_of() { field "$workspace" '{.status.latestBuildStatus}'; }
expect 'it runs' "$(state_of)" running
expect 'the run state is mirrored, so nobody has to declare it' "$(owners "$workspace" running)" coderd
expect 'the other fields are ours' "$(owners "$workspace" ttlMillis)" kubectl

say 'Stopped and started from Kubernetes. A patch, for spec.running is a lever that several hands share.'
run "kubectl patch $workspace --type=merge -p '{\"spec\":{\"running\":false}}'"
run "kubectl wait $workspace --for=condition=Ready --timeout=120s"
expect 'it is stopped' "$(state_of)" stopped
run "kubectl patch $workspace --type=merge -p '{\"spec\":{\"running\":true}}'"
run "kubectl wait $workspace --for=condition=Ready --timeout=120s"
expect 'it runs again' "$(state_of)" running

say 'Stopped by somebody else, in Coder: Kubernetes shows it and leaves it so.'
run "curl -fsS -X POST -H \"Coder-Session-Token: \$CODER_SESSION_TOKEN\" -d '{\"transition\":\"stop\"}' \$CODER_URL/api/v2/workspaces/$workspace_id/builds >/dev/null"
run "kubectl wait $workspace --for=jsonpath='{.spec.running}'=false --timeout=60s"
run "kubectl wait $workspace --for=condition=Ready --timeout=60s"
expect 'spec.running belongs to coderd' "$(owners "$workspace" running)" coderd
number=$(build_of)
look_anew "$workspace"
expect 'nobody starts it again' "$(build_of)" "$number"

title 'Who owns what'

say 'The same manifest again changes nothing at all.'
before=$(version_of "$workspace")
run "kubectl apply --server-side -f $directory/workspace.yaml"
expect 'the object is the very same' "$(version_of "$workspace")" "$before"

say 'Somebody else who wants another value is told whose it is.'
run_refused "sed 's/28800000/3600000/' $directory/workspace.yaml | kubectl apply --server-side --field-manager=somebody -f -"
expect_in 'the conflict names the owner' "$refusal" 'conflict with "kubectl": .spec.ttlMillis'
run_refused "sed 's/templateName: dev/running: true/' $directory/workspace.yaml | kubectl apply --server-side --field-manager=somebody -f -"
expect_in 'coderd is an owner like any other' "$refusal" 'conflict with "coderd": .spec.running'

say 'Labels and annotations are stored by Kubernetes and stay.'
run "kubectl label $workspace cost-centre=42"
run "kubectl annotate $workspace example.com/note='on loan'"
look_anew "$workspace"
expect 'the label is there' "$(field "$workspace" '{.metadata.labels.cost-centre}')" 42
expect 'the label of the manifest too' "$(field "$workspace" '{.metadata.labels.team}')" platform
expect 'the annotation is there' "$(field "$workspace" '{.metadata.annotations.example\.com/note}')" 'on loan'

# Changes autostop in Coder, as somebody with the CLI would.
set_ttl="curl -fsS -X PUT -H \"Coder-Session-Token: \$CODER_SESSION_TOKEN\" \$CODER_URL/api/v2/workspaces/$workspace_id/ttl"

say 'A field of the manifest, changed in Coder: put back, and told.'
run "$set_ttl -d '{\"ttl_ms\":3600000}'"
expect_soon 'Coder has the declared value again' \
  "[[ \$(coder_says workspaces/$workspace_id ttl_ms) == 28800000 ]]"
expect_soon 'an Event names the value that was found and the one restored' \
  "kubectl get events --field-selector reason=DriftCorrected | grep 'found 3600000, restored 28800000'"
run 'kubectl get events --field-selector reason=DriftCorrected'

say 'A field that no manifest has, changed in Coder: taken over.'
run "curl -fsS -X PUT -H \"Coder-Session-Token: \$CODER_SESSION_TOKEN\" -d '{\"schedule\":\"CRON_TZ=Europe/Berlin 30 8 * * 1-5\"}' \$CODER_URL/api/v2/workspaces/$workspace_id/autostart"
expect_soon 'spec has it' \
  "[[ \$(field $workspace '{.spec.autostartSchedule}') == 'CRON_TZ=Europe/Berlin 30 8 * * 1-5' ]]"
expect 'it belongs to coderd' "$(owners "$workspace" autostartSchedule)" coderd

say 'A field taken out of the manifest: Coder keeps its value, and from now on decides.'
run "sed -i '/ttlMillis/d' $directory/workspace.yaml"
run "kubectl apply --server-side -f $directory/workspace.yaml"
run "kubectl wait $workspace --for=jsonpath='{.spec.ttlMillis}'=28800000 --timeout=60s"
expect_soon 'it belongs to coderd' "[[ \$(owners $workspace ttlMillis) == coderd ]]"
expect 'nothing was pushed' "$(coder_says "workspaces/$workspace_id" ttl_ms)" 28800000
run "$set_ttl -d '{\"ttl_ms\":7200000}'"
run "kubectl wait $workspace --for=jsonpath='{.spec.ttlMillis}'=7200000 --timeout=60s"

say 'With driftPolicy: Observe, a difference is shown and left alone.'
run "printf '  ttlMillis: 28800000\n  driftPolicy: Observe\n' >>$directory/workspace.yaml"
run "kubectl apply --server-side --force-conflicts -f $directory/workspace.yaml"
run "kubectl wait $workspace --for=condition=Drifted --timeout=60s"
expect_in 'the condition names both values' "$(message "$workspace" Drifted)" 'declared 28800000, in Coder 7200000'
look_anew "$workspace"
expect 'nothing was pushed' "$(coder_says "workspaces/$workspace_id" ttl_ms)" 7200000

if $keep; then
  title 'It is yours'
  cat <<END
  . $directory/bed/env                      kubectl and coder for these servers
  kubectl get coder                         all objects of the namespace
  $CODER_URL                    Coder: $CODER_OWNER, $CODER_OWNER_PASSWORD
  less $directory/controller.log
  deploy/examples                           manifests to play with

To end it:
  kill $controller
  $(programs)/testbed down --dir $directory/bed
  rm -r $directory
END
  exit 0
fi

title 'The end'

say 'Both were made from here, so deleting the object deletes its twin; it goes when that is proved.'
run "kubectl delete $workspace --timeout=120s"
expect 'the workspace is gone in Coder' \
  "$(curl -sS -o /dev/null -w '%{http_code}' -H "Coder-Session-Token: $CODER_SESSION_TOKEN" "$CODER_URL/api/v2/workspaces/$workspace_id")" 410
run "kubectl delete $template --timeout=120s"
expect 'the template is gone in Coder' \
  "$(curl -sS -o /dev/null -w '%{http_code}' -H "Coder-Session-Token: $CODER_SESSION_TOKEN" "$CODER_URL/api/v2/templates/$template_id")" 404
