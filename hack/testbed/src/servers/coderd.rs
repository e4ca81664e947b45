//! coderd with nothing that goes out to the internet.

use std::{path::Path, time::Duration};

use crate::{Error, Options, build::Binaries, file, layout::Layout, run::Spec};

/// A coderd called `name` on a loopback port, with Terraform taking providers from a folder only.
pub(crate) fn spec(
    layout: &Layout,
    binaries: &Binaries,
    name: &str,
    port: u16,
    database: &str,
    options: &Options,
) -> Result<Spec, Error> {
    let folder = layout.directory.join("coder").join(name);
    file::make_folder(&folder)?;
    let terraform = folder.join("terraform.tfrc");
    file::write_secret(
        &terraform,
        &terraform_configuration(&binaries.terraform_mirror),
    )?;
    let mut spec = Spec::new(name, binaries.coder.clone(), layout)
        // As a flag: coderd takes the variable of the same name for a provider of its own.
        .arguments([
            "server",
            "--external-auth-github-default-provider-enable=false",
        ])
        .variable("CODER_ACCESS_URL", url(port))
        .variable("CODER_HTTP_ADDRESS", format!("127.0.0.1:{port}"))
        .variable("CODER_PG_CONNECTION_URL", database)
        .variable("CODER_CACHE_DIRECTORY", folder.join("cache"))
        .variable("CODER_CONFIG_DIR", folder.join("configuration"))
        .variable("TF_CLI_CONFIG_FILE", terraform)
        .variable("CODER_TELEMETRY_ENABLE", "false")
        .variable("CODER_UPDATE_CHECK", "false")
        .variable("CODER_DERP_SERVER_STUN_ADDRESSES", "disable")
        .variable("CODER_OAUTH2_GITHUB_DEFAULT_PROVIDER_ENABLE", "false")
        .variable("CODER_NO_OPEN", "true")
        .variable("CODER_MAX_ADMIN_TOKEN_LIFETIME", "87600h")
        .variable(
            "CODER_ALLOW_WORKSPACE_RENAMES",
            options.workspace_renames.to_string(),
        )
        .variable("CODER_EXPERIMENTS", "workspace-build-updates");
    if !options.rate_limits {
        spec = spec.variable("CODER_DANGEROUS_DISABLE_RATE_LIMITS", "true");
    }
    for (name, value) in &options.coderd_environment {
        spec = spec.variable(name, value);
    }
    Ok(spec)
}

/// Where coderd listens.
pub(crate) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn terraform_configuration(mirror: &Path) -> String {
    format!(
        "provider_installation {{\n  filesystem_mirror {{\n    path = {:?}\n  }}\n}}\n\
         disable_checkpoint = true\n",
        mirror.display().to_string()
    )
}

/// Content when coderd says that it is healthy. Without a token, so the database is not asked.
pub(crate) async fn probe(client: reqwest::Client, url: String) -> Result<(), String> {
    let request = client
        .get(format!("{url}/healthz"))
        .timeout(Duration::from_secs(2));
    match request.send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("/healthz answers {}", answer.status())),
        Err(error) => Err(format!("/healthz does not answer: {error}")),
    }
}
