//! What a server in the cluster shows of itself: a certificate that may change while it serves.

mod files;
mod pair;

use std::{fmt, sync::Arc};

use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::sync::watch;

pub use self::{
    files::{Files, FilesError, Flags},
    pair::{PairError, certificates, fitting, private_key},
};

/// What is served: a certificate with its key; none until there is a first one.
pub type Served = Option<Arc<CertifiedKey>>;

/// What is offered, the preferred first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Offers HTTP of both versions.
pub fn offer_http(config: &mut ServerConfig) {
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
}

/// Shows what is served now, by whatever name the client asks: one Service has one certificate. It is looked
/// at in each handshake, so that a new certificate ends no connection; while there is none, handshakes
/// fail.
pub struct Current(pub watch::Receiver<Served>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.borrow().clone()
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Current")
    }
}
