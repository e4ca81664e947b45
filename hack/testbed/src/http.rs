//! The HTTP client of the bed: plain HTTP on loopback.

/// A client to set up further.
///
/// Another crate of the same build may switch on reqwest's TLS backend without a provider; then none
/// can be built before one is installed, although none is needed here.
pub(crate) fn client() -> reqwest::ClientBuilder {
    // It can only be there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}
