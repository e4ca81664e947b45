//! The file that a shell sources to use a bed.

use std::{fmt::Write, path::Path};

use crate::{Access, Error, build::Binaries, file};

/// Writes the tokens and `env`; the last thing that a start does, so its presence means ready.
pub(crate) fn write(access: &Access, binaries: &Binaries) -> Result<(), Error> {
    let layout = access.layout();
    file::write_secret(&layout.token("owner"), access.coder_token())?;
    file::write_secret(&layout.token("controller"), access.controller_token())?;
    file::publish(&layout.environment(), &text(access, binaries))
}

fn text(access: &Access, binaries: &Binaries) -> String {
    let path = |path: &Path| path.display().to_string();
    let logs = access.directory().join("logs");
    let variables = [
        ("TESTBED_DIR", path(access.directory())),
        ("TESTBED_LOGS", path(&logs)),
        ("KUBECONFIG", path(&access.kubeconfig())),
        ("CODER_URL", access.coder_url().to_owned()),
        ("CODER_SESSION_TOKEN", access.coder_token().to_owned()),
        ("CODER_OWNER", access.owner().to_owned()),
        ("CODER_OWNER_PASSWORD", access.owner_password().to_owned()),
        ("CODER_ORGANIZATION", access.organization().to_owned()),
        ("CODER_K8S_USER", access.controller_user().to_owned()),
        (
            "CODER_K8S_TOKEN_FILE",
            path(&access.controller_token_file()),
        ),
    ];
    let mut text = String::from("# To be sourced by a shell: the way to a running test bed.\n");
    for (name, value) in variables {
        // Writing to a string cannot fail.
        writeln!(text, "export {name}={}", quoted(&value)).ok();
    }
    let folders: Vec<String> = binaries
        .folders()
        .iter()
        .map(|folder| quoted(&path(folder)))
        .collect();
    writeln!(text, "export PATH={}:\"$PATH\"", folders.join(":")).ok();
    text
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_a_shell() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
