//! Certificates: those of the bed, and others that a test makes, good and bad.

use std::{fs, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use testbed::Access;

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

/// An authority that signs what a test needs.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, in PEM.
    pub certificate: String,
}

/// What a certificate is to say.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub common_name: &'a str,
    pub organizations: &'a [&'a str],
    pub names: &'a [&'a str],
    pub expired: bool,
}

/// One that lives, and says as little as it can.
pub const PLAIN: Wanted<'static> = Wanted {
    common_name: "somebody",
    organizations: &[],
    names: &[],
    expired: false,
};

impl Pair {
    /// One of the bed's certificates, such as `proxy-client`.
    pub fn of_bed(bed: &Access, name: &str) -> Self {
        Self {
            certificate: fs::read_to_string(bed.certificate(name)).unwrap(),
            key: fs::read_to_string(bed.certificate_key(name)).unwrap(),
        }
    }
}

impl Authority {
    /// One that nobody knows.
    pub fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters
            .distinguished_name
            .push(DnType::CommonName, "test authority");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(parameters, key),
            certificate,
        }
    }

    /// One of the bed's own: `authority` or `proxy-authority`.
    pub fn of_bed(bed: &Access, name: &str) -> Self {
        Self::of(Pair::of_bed(bed, name))
    }

    /// One whose key is known.
    pub fn of(Pair { certificate, key }: Pair) -> Self {
        let key = KeyPair::from_pem(&key).unwrap();
        Self {
            issuer: Issuer::from_ca_cert_pem(&certificate, key).unwrap(),
            certificate,
        }
    }

    /// A certificate for both directions.
    pub fn sign(&self, wanted: Wanted<'_>) -> Pair {
        let names: Vec<_> = wanted.names.iter().map(|&name| name.to_owned()).collect();
        let mut parameters = CertificateParams::new(names).unwrap();
        let subject = &mut parameters.distinguished_name;
        subject.push(DnType::CommonName, wanted.common_name);
        for &organization in wanted.organizations {
            subject.push(DnType::OrganizationName, organization);
        }
        if wanted.expired {
            parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
            parameters.not_after = rcgen::date_time_ymd(2021, 1, 1);
        }
        parameters.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A client that trusts `roots` (PEM), or whatever it is shown, and shows `pair`.
pub(super) fn client_config(roots: Option<&str>, pair: Option<&Pair>) -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match roots {
        Some(roots) => {
            let mut store = RootCertStore::empty();
            for root in CertificateDer::pem_slice_iter(roots.as_bytes()) {
                store.add(root.unwrap()).unwrap();
            }
            builder.with_root_certificates(store)
        }
        None => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone(provider))),
    };
    match pair {
        Some(pair) => {
            let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes())
                .map(Result::unwrap)
                .collect();
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
        None => builder.with_no_client_auth(),
    }
}

/// Trusts whatever it is shown.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
