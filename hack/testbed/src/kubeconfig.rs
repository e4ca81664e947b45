//! kubeconfig files, as JSON (which is YAML too).

use std::path::Path;

use serde_json::{Value, json};

use crate::{Error, certificates, file, layout::Layout};

/// Who uses a kubeconfig.
pub(crate) enum User<'a> {
    /// The holder of a certificate of this name.
    Certificate(&'a str),
    /// The holder of a token.
    Token(&'a str),
}

/// Writes a kubeconfig for the bed's API server, complete in itself.
pub(crate) fn write(
    path: &Path,
    layout: &Layout,
    server: &str,
    user: &User<'_>,
) -> Result<(), Error> {
    let user = match user {
        User::Certificate(name) => json!({
            "client-certificate": layout.certificate(name),
            "client-key": layout.key(name),
        }),
        User::Token(token) => json!({ "token": token }),
    };
    let authority = layout.certificate(certificates::AUTHORITY);
    file::write_secret(path, &text(server, &authority, &user))
}

fn text(server: &str, authority: &Path, user: &Value) -> String {
    let name = "testbed";
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": name,
            "cluster": { "server": server, "certificate-authority": authority },
        }],
        "users": [{ "name": name, "user": user }],
        "contexts": [{ "name": name, "context": { "cluster": name, "user": name } }],
        "current-context": name,
    });
    format!("{config:#}\n")
}
