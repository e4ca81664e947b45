//! The serving certificate, in two files that somebody else keeps, such as cert-manager.
//!
//! They are read again and again, by content: a mounted Secret changes by the swap of a link. A pair that
//! does not fit, as in the middle of a swap, is not served; the last good one stays.

use std::{convert::Infallible, fmt, io, path::PathBuf, sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use tokio::{sync::watch, task::spawn_blocking, time::sleep};

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(5);
/// What is offered, the preferred first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Two files in PEM: a chain with the serving certificate first, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// Why there is no TLS. Never names the key's text.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of the files cannot be read.
    #[error("cannot read {}, the file of --{flag}", .path.display())]
    Unreadable {
        /// The flag that names it.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It holds no PEM of that kind.
    #[error("{}, the file of --{flag}, holds no {what} in PEM", .path.display())]
    Empty {
        /// The flag that names it.
        flag: &'static str,
        /// What should be there.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: pem::Error,
    },
    /// Both can be read, but not served.
    #[error("cannot serve the files of --mcp-tls-cert-file and --mcp-tls-private-key-file")]
    Unusable(#[from] rustls::Error),
}

/// What is shown to clients now.
type Shown = watch::Receiver<Arc<CertifiedKey>>;

/// The configuration of all connections, and what keeps its certificate up to date.
pub(super) async fn load(
    files: TlsFiles,
) -> Result<(Arc<ServerConfig>, impl Future<Output = Infallible>), TlsError> {
    let first = files.read().await?;
    let (publish, shown) = watch::channel(first);
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Current(shown)));
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    Ok((Arc::new(config), files.follow(publish)))
}

impl TlsFiles {
    async fn follow(self, publish: watch::Sender<Arc<CertifiedKey>>) -> Infallible {
        let mut complaint = String::new();
        loop {
            sleep(INTERVAL).await;
            match self.read().await {
                Ok(pair) => {
                    complaint.clear();
                    publish.send_if_modified(|shown| {
                        let is_new = shown.cert != pair.cert;
                        *shown = pair;
                        is_new
                    });
                }
                Err(error) => {
                    let text = crate::api::text::chain(&error);
                    if text != complaint {
                        tracing::warn!(error = text, "still serving the certificate from before");
                        complaint = text;
                    }
                }
            }
        }
    }

    async fn read(&self) -> Result<Arc<CertifiedKey>, TlsError> {
        const CERTIFICATE: &str = "mcp-tls-cert-file";
        const KEY: &str = "mcp-tls-private-key-file";
        let empty = |flag, what, path: &PathBuf, source| TlsError::Empty {
            flag,
            what,
            path: path.clone(),
            source,
        };
        let text = content(CERTIFICATE, self.certificate.clone()).await?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let chain = chain.and_then(|chain| {
            let is_empty = chain.is_empty();
            (!is_empty).then_some(chain).ok_or(pem::Error::NoItemsFound)
        });
        let chain =
            chain.map_err(|error| empty(CERTIFICATE, "certificate", &self.certificate, error))?;
        let text = content(KEY, self.key.clone()).await?;
        let key = PrivateKeyDer::from_pem_slice(&text)
            .map_err(|error| empty(KEY, "private key", &self.key, error))?;
        let key = default_provider().key_provider.load_private_key(key)?;
        let pair = CertifiedKey::new(chain, key);
        pair.keys_match()?;
        Ok(Arc::new(pair))
    }
}

async fn content(flag: &'static str, path: PathBuf) -> Result<Vec<u8>, TlsError> {
    let file = path.clone();
    let read = spawn_blocking(move || std::fs::read(file)).await;
    let read = read.unwrap_or_else(|panic| Err(io::Error::other(panic)));
    read.map_err(|source| TlsError::Unreadable { flag, path, source })
}

/// Shows what was read last, by whatever name the client asks.
struct Current(Shown);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.borrow()))
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Current")
    }
}
