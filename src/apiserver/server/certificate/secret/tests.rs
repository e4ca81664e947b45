use std::{collections::BTreeSet, error::Error as _, sync::LazyLock};

use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P384_SHA384,
};
use serde_json::json;

use super::*;
use crate::apiserver::server::certificate::{
    ServiceName,
    authority::{establish, issue},
    plan::BACKDATE,
};

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn names() -> BTreeSet<String> {
    let service = ServiceName {
        namespace: "team".to_owned(),
        name: "shim".to_owned(),
    };
    service.dns_names()
}

fn placeholder() -> Secret {
    Secret {
        type_: Some(TYPE.to_owned()),
        ..Secret::default()
    }
}

fn stored(fields: &Fields) -> Material {
    read(&with_fields(placeholder(), fields)).unwrap().unwrap()
}

fn fields(authority: [String; 2], leaf: [String; 2]) -> Fields {
    let names = [AUTHORITY, AUTHORITY_KEY, CERTIFICATE, KEY];
    let texts = authority.into_iter().chain(leaf);
    let bytes = texts.map(|text| text.into_bytes().into());
    names.into_iter().zip(bytes).collect()
}

fn damage(secret: &Secret) -> String {
    let error = read(secret).err().expect("not damaged");
    let source = error.source().map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

/// `fields` with one field changed.
fn with(fields: &Fields, name: &str, value: impl AsRef<[u8]>) -> Secret {
    let mut secret = with_fields(placeholder(), fields);
    let value = ByteString(value.as_ref().to_vec());
    secret.data.as_mut().unwrap().insert(name.to_owned(), value);
    secret
}

fn text(der: &[u8]) -> String {
    format!("{:?}", X509Certificate::from_der(der).unwrap().1)
}

#[test]
fn a_first_pair_is_what_a_server_needs() {
    let material = stored(&establish(&names(), now()).unwrap());
    let Holding {
        authority,
        can_sign,
        leaf,
        names: found,
    } = material.holding;
    assert!(can_sign);
    assert_eq!(found, names());
    assert_eq!(leaf.from, now() - BACKDATE);
    assert_eq!(leaf.until.to_string(), "2027-01-01T00:00:00Z");
    assert_eq!(authority.from, now() - BACKDATE);
    assert_eq!(authority.until.to_string(), "2035-12-30T00:00:00Z");
    assert!(
        parsed("", &material.authority)
            .unwrap()
            .key_usage()
            .unwrap()
            .unwrap()
            .value
            .key_cert_sign()
    );
    let certificate = text(&material.served.cert[0]);
    for part in [
        "SubjectKeyIdentifier",
        "AuthorityKeyIdentifier",
        "server_auth: true",
        "ca: false",
    ] {
        assert!(certificate.contains(part), "{part}: {certificate}");
    }
    assert!(certificate.contains("client_auth: false"));
}

/// What is stored after a renewal.
fn renewed(material: &Material, fields: &Fields, now: Timestamp) -> Material {
    let secret = with_fields(placeholder(), fields);
    let new = issue(material, &names(), now).unwrap();
    read(&with_fields(secret, &new)).unwrap().unwrap()
}

#[test]
fn a_renewal_keeps_the_authority() {
    let fields = establish(&names(), now()).unwrap();
    let first = stored(&fields);
    let second = renewed(&first, &fields, now());
    assert_ne!(second.served.cert, first.served.cert);
    assert_eq!(second.holding, first.holding);
    assert_eq!(second.authority, first.authority);
    assert_eq!(second.bundle, first.bundle);
}

#[test]
fn authorities_do_not_share_a_name_or_a_number() {
    let later = now() + jiff::SignedDuration::from_millis(1);
    let [old, new] = [now(), later].map(|now| stored(&establish(&names(), now).unwrap()));
    let old = parsed("", &old.authority).unwrap();
    let new = parsed("", &new.authority).unwrap();
    assert_ne!(new.subject(), old.subject());
    assert_ne!(new.serial, old.serial);
}

#[test]
fn a_certificate_ends_with_its_authority() {
    let fields = establish(&names(), now()).unwrap();
    let first = stored(&fields);
    let until = first.holding.authority.until;
    let last = renewed(&first, &fields, until - jiff::SignedDuration::from_hours(1));
    assert_eq!(last.holding.leaf.until, until);
    let (_, leaf) = X509Certificate::from_der(&last.served.cert[0]).unwrap();
    assert_eq!(leaf.validity().not_after.timestamp(), until.as_second());
}

/// A P-256 key as Go writes it: in SEC 1 with its curve, which rcgen does not read.
fn as_go_writes_it(pem: &SecretSlice<u8>) -> SecretSlice<u8> {
    let pem = std::str::from_utf8(pem.expose_secret()).unwrap();
    let key = KeyPair::from_pem(pem).unwrap();
    // PKCS #8 holds nearly the same: 29 bytes on, 7 bytes of header, the secret, the public half.
    let inner = &key.serialized_der()[29..];
    let curve = [0xa0, 0x0a, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let mut der = vec![0x30, 0x77, 2, 1, 1, 4, 32];
    der.extend_from_slice(&inner[7..39]);
    der.extend_from_slice(&curve);
    der.extend_from_slice(&inner[39..]);
    let text = json!(ByteString(der));
    let text = text.as_str().unwrap();
    let pem = format!("-----BEGIN EC PRIVATE KEY-----\n{text}\n-----END EC PRIVATE KEY-----\n");
    pem.into_bytes().into()
}

#[test]
fn a_secret_of_the_go_project_is_taken_over() {
    let mut fewer = names();
    fewer.remove("localhost");
    let mut fields = establish(&fewer, now()).unwrap();
    for key in [AUTHORITY_KEY, KEY] {
        let written = as_go_writes_it(&fields[key]);
        fields.insert(key, written);
    }
    let material = stored(&fields);
    assert!(material.holding.can_sign);
    assert!(!material.holding.names.contains("localhost"));
    let renewed = renewed(&material, &fields, now());
    assert_eq!(renewed.authority, material.authority);
    assert_eq!(renewed.holding.names, names());
}

#[test]
fn a_key_that_only_others_can_use_is_no_damage() {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = parameters.self_signed(&key).unwrap();
    let issuer = Issuer::from_params(&parameters, &key);
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&leaf_key, &issuer).unwrap();
    let material = stored(&fields(
        [authority.pem(), key.serialize_pem()],
        [leaf.pem(), leaf_key.serialize_pem()],
    ));
    assert!(!material.holding.can_sign);
    assert!(issue(&material, &names(), now()).is_err());
}

#[test]
fn an_empty_placeholder_is_nothing() {
    assert!(read(&placeholder()).unwrap().is_none());
    let mut secret = placeholder();
    let empty = |name: &str| (name.to_owned(), ByteString::default());
    secret.data = Some([AUTHORITY, KEY].map(empty).into());
    assert!(read(&secret).unwrap().is_none());
}

#[test]
fn damage_is_named_by_its_field() {
    let good = establish(&names(), now()).unwrap();
    let other = establish(&names(), now()).unwrap();
    let mut typed = with_fields(placeholder(), &good);
    typed.type_ = Some("kubernetes.io/tls".to_owned());
    assert!(damage(&typed).starts_with("its type is \"kubernetes.io/tls\", not"));
    let unfit = "cannot be used: the certificate and the private key do not fit together";
    let no_certificate = "cannot be used: cannot read a PEM certificate";
    let no_key = "cannot be used: cannot read a PEM private key";
    let no_authority = "field ca.crt does not hold one certificate, of an authority";
    let of = |fields: &Fields, name: &str| fields[name].expose_secret().to_vec();
    let both = [of(&good, AUTHORITY), of(&other, AUTHORITY)].concat();
    for (name, value, expected) in [
        (
            AUTHORITY,
            vec![],
            "field ca.crt is missing or empty".to_owned(),
        ),
        (KEY, vec![], "field tls.key is missing or empty".to_owned()),
        (
            AUTHORITY,
            b"x".to_vec(),
            format!("field ca.crt {no_certificate}"),
        ),
        (AUTHORITY, both, no_authority.to_owned()),
        (
            AUTHORITY,
            of(&other, AUTHORITY),
            format!("field ca.key {unfit}"),
        ),
        (
            AUTHORITY_KEY,
            b"x".to_vec(),
            format!("field ca.key {no_key}"),
        ),
        (
            AUTHORITY_KEY,
            of(&good, KEY),
            format!("field ca.key {unfit}"),
        ),
        (
            CERTIFICATE,
            b"x".to_vec(),
            format!("field tls.crt {no_certificate}"),
        ),
        (
            CERTIFICATE,
            of(&other, CERTIFICATE),
            format!("field tls.key {unfit}"),
        ),
        (KEY, of(&other, KEY), format!("field tls.key {unfit}")),
        (KEY, b"x".to_vec(), format!("field tls.key {no_key}")),
    ] {
        assert_eq!(damage(&with(&good, name, value)), expected, "{name}");
    }
    let mut foreign = good.clone();
    for name in [CERTIFICATE, KEY] {
        foreign.insert(name, other[name].clone());
    }
    assert_eq!(
        damage(&with_fields(placeholder(), &foreign)),
        "field tls.crt is not signed by the authority of ca.crt"
    );
    let mut no_authority_at_all = good.clone();
    no_authority_at_all.insert(AUTHORITY, good[CERTIFICATE].clone());
    no_authority_at_all.insert(AUTHORITY_KEY, good[KEY].clone());
    assert_eq!(
        damage(&with_fields(placeholder(), &no_authority_at_all)),
        no_authority
    );
}

#[test]
fn a_certificate_for_clients_is_not_for_a_server() {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = parameters.self_signed(&key).unwrap();
    let leaf_key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(["localhost".to_owned()]).unwrap();
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = leaf
        .signed_by(&leaf_key, &Issuer::from_params(&parameters, &key))
        .unwrap();
    let fields = fields(
        [authority.pem(), key.serialize_pem()],
        [leaf.pem(), leaf_key.serialize_pem()],
    );
    let found = damage(&with_fields(placeholder(), &fields));
    assert_eq!(
        found,
        "field tls.crt is not signed by the authority of ca.crt"
    );
}

#[test]
fn all_else_in_the_secret_stays() {
    let secret: Secret = serde_json::from_value(json!({
        "metadata": {"name": NAME, "labels": {"a": "b"}, "annotations": {"c": "d"},
            "resourceVersion": "7", "ownerReferences": []},
        "type": TYPE, "data": {"other": "eA=="},
    }))
    .unwrap();
    let fields = establish(&names(), now()).unwrap();
    let changed = with_fields(secret.clone(), &fields);
    assert_eq!(changed.metadata, secret.metadata);
    assert_eq!(changed.data.as_ref().unwrap()["other"].0, b"x");
    assert!(read(&changed).unwrap().is_some());
}

proptest! {
    #[test]
    fn no_bytes_make_reading_a_secret_panic(
        name in prop::sample::select(vec![AUTHORITY, AUTHORITY_KEY, CERTIFICATE, KEY]),
        cut in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        static GOOD: LazyLock<Fields> = LazyLock::new(|| establish(&names(), now()).unwrap());
        let mut secret = with_fields(placeholder(), &GOOD);
        let value = &mut secret.data.as_mut().unwrap().get_mut(name).unwrap().0;
        let at = cut.index(value.len());
        value[at] = byte;
        let _ = read(&secret);
    }
}
