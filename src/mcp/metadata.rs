//! What callers without a token are told (RFC 9728): where this server is, and who issues tokens for it.

use http::HeaderValue;
use serde_json::{Value, json};
use url::Url;

use super::gate::PATH;

/// Where the metadata is, before the path of what it describes.
pub(super) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What is known of this server.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    public_url: Option<Url>,
    issuer: Option<Url>,
    scheme: &'static str,
}

impl Metadata {
    pub(super) fn new(public_url: Option<Url>, issuer: Option<Url>, is_tls: bool) -> Self {
        Self {
            public_url,
            issuer,
            scheme: if is_tls { "https" } else { "http" },
        }
    }

    /// The document, for a request to `host`.
    pub(super) fn document(&self, host: &str) -> Value {
        let issuers: Vec<_> = self
            .issuer
            .iter()
            .map(|url| url.as_str().trim_end_matches('/'))
            .collect();
        json!({
            "resource": self.resource(host),
            "resource_name": "coder-k8s",
            "authorization_servers": issuers,
            "bearer_methods_supported": ["header"],
        })
    }

    /// The challenge of a 401, for a request to `host`; `error` only where there was a token.
    pub(super) fn challenge(&self, host: &str, error: Option<&str>) -> Option<HeaderValue> {
        let resource = self.resource(host);
        let (base, path) = split(&resource);
        let error =
            error.map(|error| format!(", error=\"invalid_token\", error_description=\"{error}\""));
        let challenge = format!(
            "Bearer resource_metadata=\"{base}{WELL_KNOWN}{path}\"{}",
            error.unwrap_or_default()
        );
        challenge.try_into().ok()
    }

    fn resource(&self, host: &str) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("{}://{host}{PATH}", self.scheme),
        }
    }
}

/// Scheme and host, and the path.
fn split(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(host..).and_then(|rest| rest.find('/'));
    path.and_then(|path| url.split_at_checked(host + path))
        .unwrap_or((url, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_token_is_led_to_the_issuer() {
        let issuer = Url::parse("https://login.example.com").unwrap();
        let metadata = Metadata::new(None, Some(issuer), false);
        let challenge = metadata.challenge("localhost:8090", None).unwrap();
        assert_eq!(
            challenge.to_str().unwrap(),
            "Bearer resource_metadata=\"http://localhost:8090/.well-known/oauth-protected-resource/mcp\""
        );
        let document = metadata.document("localhost:8090");
        assert_eq!(document["resource"], "http://localhost:8090/mcp");
        assert_eq!(
            document["authorization_servers"],
            json!(["https://login.example.com"])
        );
    }

    #[test]
    fn behind_an_ingress_the_public_url_counts() {
        let url = Url::parse("https://tools.example.com/coder/mcp").unwrap();
        let metadata = Metadata::new(Some(url), None, false);
        let challenge = metadata.challenge("10.0.0.1", Some("not valid")).unwrap();
        assert_eq!(
            challenge.to_str().unwrap(),
            "Bearer resource_metadata=\"https://tools.example.com/.well-known/oauth-protected-resource\
             /coder/mcp\", error=\"invalid_token\", error_description=\"not valid\""
        );
        let document = metadata.document("10.0.0.1");
        assert_eq!(document["resource"], "https://tools.example.com/coder/mcp");
        assert_eq!(document["authorization_servers"], json!([]));
    }
}
