//! The values of keys of Secrets that objects refer to.

use k8s_openapi::api::core::v1::Secret;
use secrecy::SecretString;

use super::control_plane::ControlPlane;
use crate::{
    api::{text::chain, workspace::SecretKeySelector},
    k8s::object::{Key, Objects},
};

/// The longest value, as for one that is written into `spec`.
const LONGEST: usize = 65_536;

/// Reads the text that `reference` leads to, else says what is missing, for people.
pub(super) async fn read(
    plane: &ControlPlane,
    reference: &SecretKeySelector,
) -> Result<SecretString, String> {
    let SecretKeySelector { name, key } = reference;
    let secrets = Objects::<Secret>::new(plane.shared.settings.kube.clone());
    let place = Key::new(&plane.home.place.namespace, name);
    match secrets.get(&place).await {
        Ok(Some(secret)) => text(&secret, name, key).map(SecretString::from),
        Ok(None) => Err(format!("there is no Secret {name}")),
        Err(error) => Err(format!("Secret {name} cannot be read: {}", chain(&error))),
    }
}

fn text<'a>(secret: &'a Secret, name: &str, key: &str) -> Result<&'a str, String> {
    let bytes = secret.data.as_ref().and_then(|data| data.get(key));
    let bytes = bytes.ok_or_else(|| format!("Secret {name} has no key {key}"))?;
    if bytes.0.len() > LONGEST {
        return Err(format!(
            "key {key} of Secret {name} has more than {LONGEST} bytes"
        ));
    }
    str::from_utf8(&bytes.0).map_err(|_| format!("key {key} of Secret {name} is not text"))
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
        assert_eq!(text("good"), Ok("a b\n"));
        assert_eq!(text("empty"), Ok(""));
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
