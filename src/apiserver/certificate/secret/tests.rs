use std::{error::Error as _, sync::LazyLock};

use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P384_SHA384,
};
use serde_json::json;

use super::*;
use crate::apiserver::certificate::{
    ServiceName,
    authority::{add_authority, establish, issue},
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
        newest,
        can_sign,
        older,
        leaf,
        trusted,
    } = material.holding;
    assert!(can_sign && older.is_empty() && trusted.is_none());
    assert_eq!(leaf.issuer, newest.id);
    assert_eq!(leaf.names, names());
    assert_eq!(leaf.validity.from, now() - BACKDATE);
    assert_eq!(leaf.validity.until.to_string(), "2027-01-01T00:00:00Z");
    assert_eq!(newest.validity.from, now() - BACKDATE);
    assert_eq!(newest.validity.until.to_string(), "2035-12-30T00:00:00Z");
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

#[test]
fn a_rotation_keeps_the_certificate_and_then_the_bundle() {
    let first = stored(&establish(&names(), now()).unwrap());
    let second = stored(&add_authority(&first.fields, now()).unwrap());
    assert_eq!(
        second.holding.older,
        std::slice::from_ref(&first.holding.newest)
    );
    assert_eq!(second.holding.leaf, first.holding.leaf);
    assert_eq!(second.served.cert, first.served.cert);
    assert_ne!(second.holding.newest.id, first.holding.newest.id);
    let third = stored(&issue(&second, &names(), now()).unwrap());
    assert_eq!(third.holding.leaf.issuer, second.holding.newest.id);
    assert_eq!(third.holding.newest, second.holding.newest);
    assert_ne!(third.served.cert, second.served.cert);
    let all = [third.holding.newest.id, first.holding.newest.id].into();
    assert_eq!(
        third.fields.keeping(&all).authorities,
        third.fields.authorities
    );
    let fourth = stored(&third.fields.keeping(&BTreeSet::new()));
    assert!(fourth.holding.older.is_empty());
    assert_eq!(fourth.holding.newest, third.holding.newest);
    assert_eq!(fourth.holding.leaf, third.holding.leaf);
}

#[test]
fn authorities_do_not_share_a_name_or_a_number() {
    let first = establish(&names(), now()).unwrap();
    let later = now() + jiff::SignedDuration::from_millis(1);
    let both = add_authority(&first, later).unwrap();
    let both = pair::certificates(both.authorities.as_bytes()).unwrap();
    let [new, old] = both.as_slice() else {
        panic!()
    };
    let (new, old) = (parsed("", new).unwrap(), parsed("", old).unwrap());
    assert_ne!(new.subject(), old.subject());
    assert_ne!(new.serial, old.serial);
    assert!(
        text(&both[0]).contains("key_cert_sign")
            || new.key_usage().unwrap().unwrap().value.key_cert_sign()
    );
}

#[test]
fn a_certificate_ends_with_its_authority() {
    let first = stored(&establish(&names(), now()).unwrap());
    let late = first.holding.newest.validity.until - jiff::SignedDuration::from_hours(1);
    let last = stored(&issue(&first, &names(), late).unwrap());
    assert_eq!(
        last.holding.leaf.validity.until,
        first.holding.newest.validity.until
    );
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
    let made = establish(&fewer, now()).unwrap();
    let fields = Fields {
        authority_key: as_go_writes_it(&made.authority_key),
        key: as_go_writes_it(&made.key),
        ..made
    };
    let material = stored(&fields);
    assert!(material.holding.can_sign);
    assert!(!material.holding.leaf.names.contains("localhost"));
    let renewed = stored(&issue(&material, &names(), now()).unwrap());
    assert_eq!(renewed.holding.leaf.issuer, material.holding.newest.id);
    assert_eq!(renewed.holding.leaf.names, names());
    assert_eq!(renewed.fields.authorities, fields.authorities);
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
    let material = stored(&Fields {
        authorities: authority.pem(),
        authority_key: key.serialize_pem().into_bytes().into(),
        certificate: leaf.pem().into_bytes(),
        key: leaf_key.serialize_pem().into_bytes().into(),
    });
    assert!(!material.holding.can_sign);
    assert!(issue(&material, &names(), now()).is_err());
    let added = stored(&add_authority(&material.fields, now()).unwrap());
    assert!(added.holding.can_sign);
    assert_eq!(added.holding.leaf.issuer, material.holding.newest.id);
}

#[test]
fn an_empty_placeholder_is_nothing() {
    assert!(read(&placeholder()).unwrap().is_none());
    let mut secret = placeholder();
    let empty = |name: &str| (name.to_owned(), ByteString::default());
    secret.data = Some([AUTHORITIES, KEY].map(empty).into());
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
    let many = good.authorities.repeat(MOST_AUTHORITIES + 1);
    let self_signed = String::from_utf8(good.certificate.clone()).unwrap();
    let key = |fields: &Fields| fields.key.expose_secret().to_vec();
    for (name, value, expected) in [
        (
            AUTHORITIES,
            vec![],
            "field ca.crt is missing or empty".to_owned(),
        ),
        (KEY, vec![], "field tls.key is missing or empty".to_owned()),
        (
            AUTHORITIES,
            b"x".to_vec(),
            format!("field ca.crt {no_certificate}"),
        ),
        (
            AUTHORITIES,
            many.into_bytes(),
            "field ca.crt holds more than 16 authorities".to_owned(),
        ),
        (
            AUTHORITIES,
            self_signed.into_bytes(),
            "field ca.crt holds a certificate that is no authority".to_owned(),
        ),
        (
            AUTHORITIES,
            other.authorities.clone().into_bytes(),
            format!("field ca.key {unfit}"),
        ),
        (
            AUTHORITY_KEY,
            b"x".to_vec(),
            format!("field ca.key {no_key}"),
        ),
        (AUTHORITY_KEY, key(&good), format!("field ca.key {unfit}")),
        (
            CERTIFICATE,
            b"x".to_vec(),
            format!("field tls.crt {no_certificate}"),
        ),
        (
            CERTIFICATE,
            other.certificate.clone(),
            format!("field tls.key {unfit}"),
        ),
        (KEY, key(&other), format!("field tls.key {unfit}")),
        (KEY, b"x".to_vec(), format!("field tls.key {no_key}")),
    ] {
        assert_eq!(damage(&with(&good, name, value)), expected, "{name}");
    }
    let mut foreign = with(&good, CERTIFICATE, &other.certificate);
    let key = ByteString(key(&other));
    foreign.data.as_mut().unwrap().insert(KEY.to_owned(), key);
    assert_eq!(
        damage(&foreign),
        "field tls.crt is not signed by an authority of ca.crt"
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
    let fields = Fields {
        authorities: authority.pem(),
        authority_key: key.serialize_pem().into_bytes().into(),
        certificate: leaf.pem().into_bytes(),
        key: leaf_key.serialize_pem().into_bytes().into(),
    };
    let found = damage(&with_fields(placeholder(), &fields));
    assert_eq!(
        found,
        "field tls.crt is not signed by an authority of ca.crt"
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
    let record = TrustRecord {
        authority: Fingerprint([7; 32]),
        since: now(),
    };
    let changed = with_record(with_fields(secret.clone(), &fields), Some(&record));
    assert_eq!(changed.metadata.labels, secret.metadata.labels);
    assert_eq!(
        changed.metadata.resource_version,
        secret.metadata.resource_version
    );
    assert_eq!(changed.data.as_ref().unwrap()["other"].0, b"x");
    assert_eq!(
        read(&changed).unwrap().unwrap().holding.trusted,
        Some(record)
    );
    let back = with_record(changed, None);
    assert_eq!(back.metadata, secret.metadata);
}

proptest! {
    #[test]
    fn a_record_is_read_back(bytes: [u8; 32], seconds in 0_i64..4_000_000_000) {
        let since = Timestamp::from_second(seconds).unwrap();
        let record = TrustRecord { authority: Fingerprint(bytes), since };
        prop_assert_eq!(TrustRecord::read(&record.write()), Some(record));
    }

    #[test]
    fn no_text_makes_reading_a_record_panic(text in "\\PC{0,90}", hex in "[0-9a-fé+]{60,66}") {
        let _ = TrustRecord::read(&text);
        let _ = TrustRecord::read(&format!("2026-01-01T00:00:00Z {hex}"));
    }

    #[test]
    fn no_bytes_make_reading_a_secret_panic(
        name in prop::sample::select(vec![AUTHORITIES, AUTHORITY_KEY, CERTIFICATE, KEY]),
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
