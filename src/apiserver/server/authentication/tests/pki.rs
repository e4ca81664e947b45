//! Authorities and certificates for tests.

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, date_time_ymd,
};
use rustls::pki_types::CertificateDer;

/// A time at which everything below is valid, unless it says otherwise.
pub(in crate::apiserver::server::authentication) fn now() -> Timestamp {
    "2025-06-01T00:00:00Z".parse().unwrap()
}

pub(in crate::apiserver::server::authentication) struct Ca {
    pub(in crate::apiserver::server::authentication) pem: String,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A client's certificate to be.
pub(in crate::apiserver::server::authentication) struct Client {
    subject: Vec<(DnType, String)>,
    usage: Vec<ExtendedKeyUsagePurpose>,
    /// The last year of it.
    until: i32,
}

impl Ca {
    pub(in crate::apiserver::server::authentication) fn new(name: &str) -> Self {
        Self::until(name, 2040)
    }

    /// An authority that is valid to the beginning of the year `until`.
    pub(in crate::apiserver::server::authentication) fn until(name: &str, until: i32) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = Self::params(name, until);
        let certificate = params.self_signed(&key).unwrap();
        Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    /// An authority that this one has signed.
    pub(in crate::apiserver::server::authentication) fn below(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = Self::params(name, 2040);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    pub(in crate::apiserver::server::authentication) fn certificate(
        &self,
    ) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    fn params(name: &str, until: i32) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        params
    }

    pub(in crate::apiserver::server::authentication) fn sign(
        &self,
        client: &Client,
    ) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (part, text) in &client.subject {
            params.distinguished_name.push(part.clone(), text.as_str());
        }
        params.extended_key_usages.clone_from(&client.usage);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(client.until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        certificate.der().clone()
    }
}

impl Client {
    pub(in crate::apiserver::server::authentication) fn named(name: &str) -> Self {
        Self::with(&[(DnType::CommonName, name)])
    }

    pub(in crate::apiserver::server::authentication) fn with(subject: &[(DnType, &str)]) -> Self {
        Self {
            subject: subject
                .iter()
                .map(|(part, text)| (part.clone(), (*text).to_owned()))
                .collect(),
            usage: vec![ExtendedKeyUsagePurpose::ClientAuth],
            until: 2030,
        }
    }

    pub(in crate::apiserver::server::authentication) fn used(
        mut self,
        usage: Vec<ExtendedKeyUsagePurpose>,
    ) -> Self {
        self.usage = usage;
        self
    }

    pub(in crate::apiserver::server::authentication) fn until(mut self, year: i32) -> Self {
        self.until = year;
        self
    }
}
