//! The certificates and keys of one bed, made fresh each time and valid nowhere else.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::{Error, file, layout::Layout};

/// The certificate authority of the cluster; clients trust it and it vouches for clients.
pub(crate) const AUTHORITY: &str = "authority";
/// What kube-apiserver shows.
pub(crate) const SERVER: &str = "kube-apiserver";
/// What the person running the bed shows.
pub(crate) const ADMINISTRATOR: &str = "administrator";
/// What kube-controller-manager shows.
pub(crate) const CONTROLLER_MANAGER: &str = "kube-controller-manager";
/// The authority for requests that kube-apiserver passes on to aggregated servers.
pub(crate) const PROXY_AUTHORITY: &str = "proxy-authority";
/// What kube-apiserver shows to aggregated servers.
pub(crate) const PROXY_CLIENT: &str = "proxy-client";
/// The key that signs `ServiceAccount` tokens.
pub(crate) const SERVICE_ACCOUNTS: &str = "service-accounts";

/// The common name that aggregated servers accept.
pub(crate) const PROXY_CLIENT_NAME: &str = "front-proxy-client";

/// Makes and writes all of them.
pub(crate) fn write_all(layout: &Layout) -> Result<(), Error> {
    let cluster = Authority::make(layout, AUTHORITY)?;
    let names = [
        "127.0.0.1",
        "localhost",
        "10.0.0.1",
        "kubernetes",
        "kubernetes.default.svc",
    ];
    cluster.sign(layout, SERVER, "kube-apiserver", None, &names)?;
    cluster.sign(
        layout,
        ADMINISTRATOR,
        "administrator",
        Some("system:masters"),
        &[],
    )?;
    let name = "system:kube-controller-manager";
    cluster.sign(layout, CONTROLLER_MANAGER, name, None, &[])?;
    let proxy = Authority::make(layout, PROXY_AUTHORITY)?;
    proxy.sign(layout, PROXY_CLIENT, PROXY_CLIENT_NAME, None, &[])?;
    let key = KeyPair::generate().map_err(failed(SERVICE_ACCOUNTS))?;
    // kube-apiserver does not take the public half out of the private key's file.
    file::write_secret(&layout.public_key(SERVICE_ACCOUNTS), &key.public_key_pem())?;
    file::write_secret(&layout.key(SERVICE_ACCOUNTS), &key.serialize_pem())
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn make(layout: &Layout, file_name: &'static str) -> Result<Self, Error> {
        let key = KeyPair::generate().map_err(failed(file_name))?;
        let mut parameters = parameters(file_name, &[]).map_err(failed(file_name))?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = parameters.self_signed(&key).map_err(failed(file_name))?;
        write(layout, file_name, &certificate.pem(), &key)?;
        Ok(Self {
            issuer: Issuer::new(parameters, key),
        })
    }

    /// One certificate for both directions: `names` matter to servers, the rest to clients.
    fn sign(
        &self,
        layout: &Layout,
        file_name: &'static str,
        common_name: &str,
        group: Option<&str>,
        names: &[&str],
    ) -> Result<(), Error> {
        let key = KeyPair::generate().map_err(failed(file_name))?;
        let mut parameters = parameters(common_name, names).map_err(failed(file_name))?;
        if let Some(group) = group {
            parameters
                .distinguished_name
                .push(DnType::OrganizationName, group);
        }
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let certificate = parameters
            .signed_by(&key, &self.issuer)
            .map_err(failed(file_name))?;
        write(layout, file_name, &certificate.pem(), &key)
    }
}

fn parameters(common_name: &str, names: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = CertificateParams::new(names)?;
    parameters
        .distinguished_name
        .push(DnType::CommonName, common_name);
    Ok(parameters)
}

fn write(layout: &Layout, name: &str, certificate: &str, key: &KeyPair) -> Result<(), Error> {
    file::write_secret(&layout.certificate(name), certificate)?;
    file::write_secret(&layout.key(name), &key.serialize_pem())
}

fn failed(name: &'static str) -> impl FnOnce(rcgen::Error) -> Error {
    move |source| Error::Certificate { name, source }
}
