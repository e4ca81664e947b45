//! The values that a workspace's parameters refer to.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Secret;
use secrecy::SecretString;

use crate::{
    api::{
        text::chain,
        workspace::{CoderWorkspace, SecretKeySelector},
    },
    coderd,
    controller::{references::Referent, shared::Controller},
    k8s::object::{Key, Objects},
    sync::workspace::value::{ParameterValue, Referenced},
};

/// The longest value, as for one that is written into `spec`.
const LONGEST: usize = 65_536;

/// The references of the object: the parameter's name, and the key of a Secret.
fn references(object: &CoderWorkspace) -> impl Iterator<Item = (&str, &SecretKeySelector)> {
    let parameters = object.spec.parameters.iter();
    parameters.filter_map(|one| Some((one.name.as_str(), &one.value_from.as_ref()?.secret_key_ref)))
}

/// What the object refers to.
pub(super) fn referents(object: &CoderWorkspace) -> BTreeSet<Referent> {
    let names = references(object).map(|(_, reference)| reference.name.clone());
    names.map(Referent::Secret).collect()
}

/// Reads the values that the object refers to.
pub(super) async fn read(controller: &Controller, object: &CoderWorkspace) -> Referenced {
    let mut referenced = Referenced::new();
    for (name, reference) in references(object) {
        let value = value(controller, reference).await;
        referenced.insert(name.to_owned(), value);
    }
    referenced
}

async fn value(
    controller: &Controller,
    reference: &SecretKeySelector,
) -> Result<ParameterValue, String> {
    let SecretKeySelector { name, key } = reference;
    let secrets = Objects::<Secret>::new(controller.settings.kube.clone());
    let place = Key::new(&controller.settings.namespace, name);
    match secrets.get(&place).await {
        Ok(Some(secret)) => text(&secret, name, key),
        Ok(None) => Err(format!("there is no Secret {name}")),
        Err(error) => Err(format!("Secret {name} cannot be read: {}", chain(&error))),
    }
}

fn text(secret: &Secret, name: &str, key: &str) -> Result<ParameterValue, String> {
    let bytes = secret.data.as_ref().and_then(|data| data.get(key));
    let bytes = bytes.ok_or_else(|| format!("Secret {name} has no key {key}"))?;
    if bytes.0.len() > LONGEST {
        return Err(format!(
            "key {key} of Secret {name} has more than {LONGEST} bytes"
        ));
    }
    let text = str::from_utf8(&bytes.0);
    let text = text.map_err(|_| format!("key {key} of Secret {name} is not text"))?;
    Ok(text.into())
}

/// A client that repeats none of these values, whatever coderd says of the workspace.
pub(super) fn hiding(controller: &Controller, referenced: &Referenced) -> coderd::Client {
    let values = referenced.values().flatten();
    let secrets = values.map(|value| SecretString::from(value.expose()));
    controller.settings.coderd.hiding(secrets)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;

    #[test]
    fn a_value_is_the_text_of_a_key_as_it_stands_there() {
        let data = [
            ("good", b"a b\n".to_vec()),
            ("bytes", vec![0xff]),
            ("long", vec![b'a'; LONGEST + 1]),
            ("empty", Vec::new()),
        ];
        let data = data.map(|(key, bytes)| (key.to_owned(), ByteString(bytes)));
        let secret = Secret {
            data: Some(data.into()),
            ..Secret::default()
        };
        let text = |key: &str| text(&secret, "s", key);
        assert_eq!(text("good"), Ok("a b\n".into()));
        assert_eq!(text("empty"), Ok("".into()));
        for (key, said) in [
            ("none", "Secret s has no key none"),
            ("bytes", "not text"),
            ("long", "more than 65536 bytes"),
        ] {
            let error = text(key).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
