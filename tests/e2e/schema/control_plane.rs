//! Manifests of control planes: those of the Go project are taken as they are.

use serde_json::{Value, json};

use super::{Case, check, manifest, stage};

const ONE_EXPOSURE: &str = "spec.expose: Invalid value: only one of ingress or gateway may be set";
const ONE_SOURCE: &str =
    "spec.envFrom: Invalid value: each entry must have either configMapRef or secretRef, not both";
const ONE_DATABASE: &str = "spec: Invalid value: set either database.connectionSecretRef or CODER_PG_CONNECTION_URL in extraEnv, not both";

fn control_plane(spec: &Value) -> Value {
    manifest("CoderControlPlane", "coder", spec)
}

/// Every field that the Go project's kind has.
fn full() -> Value {
    json!({
        "image": "coder:v2.36.0", "replicas": 2,
        "service": { "type": "LoadBalancer", "port": 8080, "annotations": { "a": "b" } },
        "extraArgs": ["--verbose"],
        "extraEnv": [
            { "name": "CODER_PG_CONNECTION_URL", "valueFrom": { "secretKeyRef": { "name": "pg", "key": "url" } } },
            { "name": "LIMIT", "valueFrom": { "resourceFieldRef": { "resource": "limits.cpu", "divisor": 1 } } },
        ],
        "imagePullSecrets": [{ "name": "registry" }],
        "operatorAccess": { "disabled": false, "generatedTokenSecretName": "token" },
        "licenseSecretRef": { "name": "license" },
        "serviceAccount": { "disableCreate": true, "name": "coder", "annotations": { "a": "b" }, "labels": { "a": "b" } },
        "rbac": {
            "workspacePerms": true, "enableDeployments": false, "workspaceNamespaces": ["a", "b"],
            "extraRules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }],
        },
        "resources": { "requests": { "cpu": 1, "memory": "1Gi" }, "limits": { "cpu": "2" } },
        "securityContext": { "runAsNonRoot": true }, "podSecurityContext": { "fsGroup": 1000 },
        "tls": { "secretNames": ["tls"] },
        "readinessProbe": { "enabled": true, "initialDelaySeconds": 5, "periodSeconds": 10 },
        "livenessProbe": { "enabled": true, "timeoutSeconds": 2, "successThreshold": 1, "failureThreshold": 3 },
        "envUseClusterAccessURL": false,
        "expose": { "ingress": {
            "className": "nginx", "host": "coder.example.com", "wildcardHost": "*.coder.example.com",
            "annotations": { "a": "b" }, "tls": { "secretName": "a", "wildcardSecretName": "b" },
        } },
        "envFrom": [{ "configMapRef": { "name": "a" } }, { "secretRef": { "name": "b" }, "prefix": "X_" }],
        "volumes": [
            { "name": "a", "emptyDir": { "sizeLimit": "1Gi" } },
            { "name": "b", "projected": { "sources": [{ "secret": { "name": "s" } }] } },
        ],
        "volumeMounts": [{ "name": "a", "mountPath": "/a", "readOnly": true }],
        "certs": { "secrets": [{ "name": "ca", "key": "ca.crt" }] },
        "nodeSelector": { "kubernetes.io/os": "linux" },
        "tolerations": [{ "key": "a", "operator": "Exists", "tolerationSeconds": 5 }],
        "affinity": { "nodeAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [{
            "weight": 1,
            "preference": { "matchExpressions": [{ "key": "a", "operator": "In", "values": ["b"] }] },
        }] } },
        "topologySpreadConstraints": [{
            "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": { "matchLabels": { "a": "b" } },
        }],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_the_go_project_is_taken_and_kept() {
    let scene = stage("ccp-fields").await;
    let applied = control_plane(&full());
    scene.apply(&applied).await;
    let shown = scene.kubectl(&["get", "ccp", "coder", "-o", "json"]).await;
    let seen: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(seen["spec"], full());
    assert_eq!(seen["status"]["observedGeneration"], -1);
    let status = json!({ "status": {
        "observedGeneration": 1, "readyReplicas": 1, "phase": "Ready", "url": "http://coder.team.svc:80",
        "operatorTokenSecretRef": { "name": "token", "key": "token" }, "operatorAccessReady": true,
        "licenseLastApplied": "2026-11-21T10:00:00Z", "licenseLastAppliedHash": "00", "licenseTier": "premium",
        "entitlementsLastChecked": "2026-11-21T10:00:00Z",
        "externalProvisionerDaemonsEntitlement": "grace_period",
        "conditions": [{
            "type": "LicenseApplied", "status": "True", "reason": "Applied", "message": "",
            "lastTransitionTime": "2026-11-21T10:00:00Z",
        }],
    } });
    let patch = [
        "patch",
        "ccp",
        "coder",
        "--subresource=status",
        "--type=merge",
        "-p",
    ];
    scene
        .kubectl(&[&patch[..], &[&status.to_string()]].concat())
        .await;
    let shown = scene.kubectl(&["get", "ccp", "coder", "-o", "json"]).await;
    let seen: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(seen["status"], status["status"]);
    let columns = scene.kubectl(&["get", "ccp"]).await;
    let [head, row] = columns.lines().collect::<Vec<_>>()[..] else {
        panic!("{columns}");
    };
    let words = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words(head), ["NAME", "URL", "PHASE", "ACCESS", "AGE"]);
    assert_eq!(
        words(row)[..4],
        ["coder", "http://coder.team.svc:80", "Ready", "true"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_excludes_each_other_is_refused_in_words_that_help() {
    let scene = stage("ccp-rules").await;
    let gateway = json!({ "host": "a", "parentRefs": [{ "name": "g" }] });
    let both = json!({ "expose": { "ingress": { "host": "a" }, "gateway": gateway } });
    let source =
        json!({ "envFrom": [{ "configMapRef": { "name": "a" }, "secretRef": { "name": "b" } }] });
    let reference = json!({ "connectionSecretRef": { "name": "pg", "key": "url" } });
    let database = json!({
        "database": reference,
        "extraEnv": [{ "name": "CODER_PG_CONNECTION_URL", "value": "postgres://a" }],
    });
    let cases: Vec<Case<'_>> = vec![
        (control_plane(&json!({})), &[]),
        (
            control_plane(&json!({ "expose": { "gateway": gateway } })),
            &[],
        ),
        (control_plane(&json!({ "database": reference })), &[]),
        (control_plane(&both), &[ONE_EXPOSURE]),
        (control_plane(&source), &[ONE_SOURCE]),
        (control_plane(&database), &[ONE_DATABASE]),
    ];
    check(&scene, &cases).await;
}
