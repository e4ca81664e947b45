//! Whether a `CoderControlPlane` is synchronised, and how its coderd is reached.

use crate::{api::control_plane::CoderControlPlane, coderd::BaseUrl};

/// The key of a token Secret where none is named.
const DEFAULT_KEY: &str = "token";

/// Whether a control plane is synchronised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is.
    Eligible(Access),
    /// It will be; until then, why not.
    Waits(String),
    /// It is not meant to be; why not.
    Excluded(String),
}

/// How a coderd is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) url: BaseUrl,
    /// The Secret with the token, in the namespace of the control plane.
    pub(super) secret: String,
    /// Its key.
    pub(super) key: String,
}

/// What is to be said of `object`, the first reason first.
pub(super) fn judge(object: &CoderControlPlane) -> Verdict {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    if name.contains('.') {
        let why = "its name has a dot, so that no object's name can begin with it";
        return Verdict::Excluded(why.to_owned());
    }
    if object.spec.operator_access.disabled {
        return Verdict::Excluded("spec.operatorAccess.disabled is true".to_owned());
    }
    match access(object) {
        Ok(access) => Verdict::Eligible(access),
        Err(why) => Verdict::Waits(why),
    }
}

fn access(object: &CoderControlPlane) -> Result<Access, String> {
    let missing = |what: &str| format!("its status has {what} yet");
    let status = object.status.as_ref();
    let status = status.filter(|status| status.operator_access_ready);
    let status = status.ok_or_else(|| missing("no operatorAccessReady: true"))?;
    let secret = status.operator_token_secret_ref.as_ref();
    let secret = secret.ok_or_else(|| missing("no operatorTokenSecretRef"))?;
    let url = status.url.trim();
    if url.is_empty() {
        return Err(missing("no url"));
    }
    if secret.name.trim().is_empty() {
        return Err(missing("no name in operatorTokenSecretRef"));
    }
    let url = BaseUrl::parse(url).map_err(|error| format!("status.url: {error}"))?;
    let key = Some(secret.key.trim()).filter(|key| !key.is_empty());
    Ok(Access {
        url,
        secret: secret.name.trim().to_owned(),
        key: key.unwrap_or(DEFAULT_KEY).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What is said of a control plane with this name, spec and status.
    fn judged(name: &str, spec: &Value, status: &Value) -> Verdict {
        let object = json!({
            "apiVersion": "coder.com/v1alpha1", "kind": "CoderControlPlane",
            "metadata": { "name": name, "namespace": "team" }, "spec": spec, "status": status,
        });
        judge(&serde_json::from_value(object).unwrap())
    }

    fn ready() -> Value {
        json!({
            "url": " http://coder.team.svc:80 ", "operatorAccessReady": true,
            "operatorTokenSecretRef": { "name": "coder-operator-token", "key": "session" },
        })
    }

    #[test]
    fn a_control_plane_with_access_is_eligible_whatever_its_phase() {
        let mut status = ready();
        status["phase"] = json!("Pending");
        let expected = Access {
            url: BaseUrl::parse("http://coder.team.svc:80").unwrap(),
            secret: "coder-operator-token".to_owned(),
            key: "session".to_owned(),
        };
        assert_eq!(
            judged("coder", &json!({}), &status),
            Verdict::Eligible(expected.clone())
        );
        status["operatorTokenSecretRef"]["key"] = json!("");
        let default = Access {
            key: "token".to_owned(),
            ..expected
        };
        assert_eq!(
            judged("coder", &json!({}), &status),
            Verdict::Eligible(default)
        );
    }

    #[test]
    fn the_first_reason_is_told() {
        let disabled = json!({ "operatorAccess": { "disabled": true } });
        let excluded = |verdict: Verdict, part: &str| match &verdict {
            Verdict::Excluded(why) => assert!(why.contains(part), "{why}"),
            Verdict::Eligible(_) | Verdict::Waits(_) => panic!("{verdict:?}"),
        };
        excluded(judged("a.b", &disabled, &ready()), "dot");
        excluded(
            judged("coder", &disabled, &ready()),
            "operatorAccess.disabled",
        );
        for (field, value, part) in [
            ("operatorAccessReady", json!(false), "operatorAccessReady"),
            (
                "operatorTokenSecretRef",
                Value::Null,
                "operatorTokenSecretRef",
            ),
            (
                "operatorTokenSecretRef",
                json!({ "name": " " }),
                "name in operatorTokenSecretRef",
            ),
            ("url", json!(" "), "url"),
            ("url", json!("coder"), "status.url"),
        ] {
            let mut status = ready();
            status[field] = value;
            let verdict = judged("coder", &json!({}), &status);
            match &verdict {
                Verdict::Waits(why) => assert!(why.contains(part), "{why}"),
                Verdict::Eligible(_) | Verdict::Excluded(_) => panic!("{verdict:?}"),
            }
        }
        let nothing = judged("coder", &json!({}), &Value::Null);
        assert!(matches!(nothing, Verdict::Waits(_)), "{nothing:?}");
    }
}
