//! Which API server, as whom: found where the Go project looks, and made into a client that sends
//! nothing twice, says who it is and does not wait for ever.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use http::{HeaderValue, header};
use kube::{
    Client,
    client::ClientBuilder,
    config::{Config, InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError},
};

use tower::util::option_layer;

use super::{
    deadline::{self, DeadlineLayer},
    lease::{Fence, FenceLayer},
};

/// What the API server sees as `User-Agent`: it is in the audit log, and names the field manager of
/// writes that do not name one.
pub const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("coder-k8s/", env!("CARGO_PKG_VERSION")));

/// Why there is no connection to an API server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The variable names files that cannot be used.
    #[error("cannot use the kubeconfig that KUBECONFIG names ({})", .paths.to_string_lossy())]
    Named {
        /// The variable's value.
        paths: OsString,
        /// What is wrong.
        #[source]
        source: KubeconfigError,
    },
    /// There is a file in the home directory, but it cannot be used.
    #[error("cannot use the kubeconfig {}", .path.display())]
    Home {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: KubeconfigError,
    },
    /// None of the three places has a configuration.
    #[error(
        "no Kubernetes configuration: KUBECONFIG is not set, this is no pod of a cluster, and there \
         is no ~/.kube/config"
    )]
    Nowhere(#[source] InClusterError),
    /// The configuration was found, but no client can be made of it.
    #[error("cannot make a client for {url}")]
    Client {
        /// The API server.
        url: String,
        /// What is wrong.
        #[source]
        source: kube::Error,
    },
}

/// Where a configuration may be.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The value of `KUBECONFIG`: paths, the first of which wins where they disagree.
    pub kubeconfig: Option<OsString>,
    /// The user's home directory.
    pub home: Option<PathBuf>,
}

impl Places {
    /// The places that the environment names.
    #[must_use]
    pub fn from_environment() -> Self {
        Self {
            kubeconfig: std::env::var_os("KUBECONFIG"),
            home: std::env::home_dir(),
        }
    }
}

/// The first of: the files of `KUBECONFIG`, the pod's service account, `~/.kube/config`.
pub async fn load(places: &Places) -> Result<Config, Error> {
    load_from(places, Config::incluster).await
}

async fn load_from(
    places: &Places,
    in_cluster: impl FnOnce() -> Result<Config, InClusterError>,
) -> Result<Config, Error> {
    if let Some(paths) = places.kubeconfig.as_ref().filter(|paths| !paths.is_empty()) {
        let files = std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty());
        let config = read(files).await;
        return config.map(ours).map_err(|source| Error::Named {
            paths: paths.clone(),
            source,
        });
    }
    let missing = match in_cluster() {
        Ok(config) => return Ok(ours(config)),
        Err(error) => error,
    };
    let Some(path) = places
        .home
        .as_deref()
        .map(home_file)
        .filter(|path| path.exists())
    else {
        return Err(Error::Nowhere(missing));
    };
    let config = read([path.clone()]).await;
    config
        .map(ours)
        .map_err(|source| Error::Home { path, source })
}

/// The client of all parts: see the module.
pub fn client(config: Config) -> Result<Client, Error> {
    build(config, None)
}

/// The client of a part that changes something only while `fence` lets it.
pub fn fenced_client(config: Config, fence: Fence) -> Result<Client, Error> {
    build(config, Some(fence))
}

fn build(config: Config, fence: Option<Fence>) -> Result<Client, Error> {
    let url = config.cluster_url.to_string();
    let builder =
        ClientBuilder::try_from(config).map_err(|source| Error::Client { url, source })?;
    Ok(builder
        .with_layer(&DeadlineLayer::new(deadline::CALL))
        .with_layer(&option_layer(fence.map(FenceLayer)))
        .build())
}

async fn read(files: impl IntoIterator<Item = PathBuf>) -> Result<Config, KubeconfigError> {
    let merged = files
        .into_iter()
        .try_fold(Kubeconfig::default(), |merged, file| {
            merged.merge(Kubeconfig::read_from(file)?)
        })?;
    Config::from_custom_kubeconfig(merged, &KubeConfigOptions::default()).await
}

fn home_file(home: &Path) -> PathBuf {
    home.join(".kube").join("config")
}

/// `config` as this project uses it.
fn ours(mut config: Config) -> Config {
    // kube would repeat refused requests, POSTs included, for up to hours.
    config.default_retry = false;
    config.headers.push((header::USER_AGENT, USER_AGENT));
    config
}

#[cfg(test)]
mod tests;
