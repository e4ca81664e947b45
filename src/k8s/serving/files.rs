//! A certificate in two files that somebody else keeps, such as cert-manager.
//!
//! The files are read by content: a mounted Secret changes by the swap of a link, which notices of
//! the file system easily miss. Both are swapped together, but read one after the other: a pair that
//! does not fit is not served, and the next look finds the other half.

use std::{
    convert::Infallible,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::sign::CertifiedKey;
use secrecy::{ExposeSecret, SecretSlice};
use tokio::{sync::watch, task::spawn_blocking, time::sleep};

use super::{
    Served,
    pair::{self, PairError},
};
use crate::api::text::chain;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(5);

/// Far above any chain: a wrong path shall not fill the memory.
const MOST_BYTES: u64 = 1024 * 1024;

/// The flags that name the files, as people write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    /// Names the certificate's file.
    pub certificate: &'static str,
    /// Names the key's file.
    pub key: &'static str,
}

/// Two files, a chain with the serving certificate first, and its private key, both in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The chain.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
    /// How they were named.
    pub flags: Flags,
}

/// Why the files cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// One of them cannot be read.
    #[error("cannot read the file of --{flag}, {}", .path.display())]
    Unreadable {
        /// Which flag names it.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// They were read, but what they hold cannot be served.
    #[error(
        "cannot serve --{} {} with --{} {}",
        .0.flags.certificate, .0.certificate.display(), .0.flags.key, .0.key.display()
    )]
    Unusable(
        /// The files.
        Box<Files>,
        /// What is wrong.
        #[source]
        PairError,
    ),
}

impl Files {
    /// Publishes what the files hold, again whenever it changes. Ends only if the first look finds
    /// nothing to serve; later the last good pair stays, and the log says why, once a change.
    pub async fn run(self, served: watch::Sender<Served>) -> Result<Infallible, FilesError> {
        let mut current = Arc::new(self.look().await?);
        served.send_replace(Some(Arc::clone(&current)));
        let mut said = None;
        loop {
            sleep(INTERVAL).await;
            let trouble = match self.look().await {
                // A key that fits the same certificate is the same key.
                Ok(pair) if pair.cert == current.cert => None,
                Ok(pair) => {
                    current = Arc::new(pair);
                    served.send_replace(Some(Arc::clone(&current)));
                    tracing::info!("serving the new certificate of the files");
                    None
                }
                Err(error) => Some(chain(&error)),
            };
            if let Some(error) = trouble.as_ref().filter(|_| trouble != said) {
                tracing::warn!(
                    error,
                    "still serving the certificate that was in the files before"
                );
            }
            said = trouble;
        }
    }

    async fn look(&self) -> Result<CertifiedKey, FilesError> {
        let chain = read(self.flags.certificate, &self.certificate).await?;
        let key = read(self.flags.key, &self.key).await?;
        let pair = pair::certified_key(chain.expose_secret(), key.expose_secret());
        pair.map_err(|source| FilesError::Unusable(Box::new(self.clone()), source))
    }
}

async fn read(flag: &'static str, path: &Path) -> Result<SecretSlice<u8>, FilesError> {
    let owned = path.to_owned();
    let bytes = spawn_blocking(move || whole(&owned)).await;
    let bytes = bytes.unwrap_or_else(|panic| Err(io::Error::other(panic)));
    bytes.map_err(|source| FilesError::Unreadable {
        flag,
        path: path.to_owned(),
        source,
    })
}

fn whole(path: &Path) -> io::Result<SecretSlice<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests;
