use http::HeaderName;

use super::*;
use crate::apiserver::server::authentication::tests::pki::Ca;

fn data(pairs: &[(&str, &str)]) -> Data {
    let pairs = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    pairs.collect()
}

fn usual(proxies: &Ca) -> Data {
    data(&[
        (PROXY_CA, &proxies.pem),
        (ALLOWED_NAMES, r#"["front-proxy-client"]"#),
        (USER_HEADERS, r#"["X-Remote-User"]"#),
        (UID_HEADERS, "[]"),
        (GROUP_HEADERS, r#"["X-Remote-Group"]"#),
        (EXTRA_PREFIXES, r#"["X-Remote-Extra-"]"#),
    ])
}

fn with(mut data: Data, key: &str, value: &str) -> Data {
    data.insert(key.to_owned(), value.to_owned());
    data
}

fn without(mut data: Data, key: &str) -> Data {
    data.remove(key);
    data
}

fn header(name: &str) -> HeaderName {
    name.parse().unwrap()
}

#[test]
fn the_usual_content_is_read() {
    let proxies = Ca::new("proxies");
    let expected = Trust {
        proxies: Authorities::from_pem(&proxies.pem).unwrap(),
        headers: ProxyHeaders {
            allowed_names: vec!["front-proxy-client".to_owned()],
            user: vec![header("x-remote-user")],
            uid: vec![],
            group: vec![header("x-remote-group")],
            extra_prefixes: vec!["x-remote-extra-".to_owned()],
        },
    };
    assert_eq!(Trust::read(&usual(&proxies)).unwrap(), expected);
}

#[test]
fn lists_may_be_absent_or_odd() {
    let ca = Ca::new("a");
    for (text, expected) in [
        ("", vec![]),
        ("null", vec![]),
        ("[]", vec![]),
        (r#"[""]"#, vec![""]),
        (r#"["b","a","b"]"#, vec!["b", "a", "b"]),
    ] {
        let data = with(usual(&ca), ALLOWED_NAMES, text);
        assert_eq!(Trust::read(&data).unwrap().headers.allowed_names, expected);
    }
    let only_ca = data(&[(PROXY_CA, &ca.pem)]);
    assert_eq!(
        Trust::read(&only_ca).unwrap().headers,
        ProxyHeaders::default()
    );
    // What no header can be called is left out; an empty prefix would take all headers for extra.
    let odd = with(usual(&ca), GROUP_HEADERS, r#"["", " X-G ", "a b"]"#);
    let odd = with(odd, EXTRA_PREFIXES, r#"["", "  ", " X-E-"]"#);
    let headers = Trust::read(&odd).unwrap().headers;
    assert_eq!(headers.group, [header("x-g")]);
    assert_eq!(headers.extra_prefixes, ["x-e-"]);
}

#[test]
fn what_is_wrong_in_a_part_is_told_of_the_whole() {
    let ca = Ca::new("a");
    let good = usual(&ca);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let mut cases = vec![
        (Data::new(), PROXY_CA),
        (without(good.clone(), PROXY_CA), PROXY_CA),
        (with(good.clone(), ALLOWED_NAMES, "{}"), ALLOWED_NAMES),
        (with(good.clone(), USER_HEADERS, "[1]"), USER_HEADERS),
    ];
    for bundle in ["", " \n", "no pem", broken] {
        cases.push((with(good.clone(), PROXY_CA, bundle), PROXY_CA));
    }
    for key in [
        ALLOWED_NAMES,
        USER_HEADERS,
        UID_HEADERS,
        GROUP_HEADERS,
        EXTRA_PREFIXES,
    ] {
        cases.push((with(good.clone(), key, "["), key));
    }
    for (data, expected) in cases {
        assert_eq!(Trust::read(&data).unwrap_err().key, expected, "{data:?}");
    }
}

#[test]
fn a_bundle_is_a_set_without_what_cannot_be_read() {
    let (a, b) = (Ca::new("a"), Ca::new("b"));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let bundle = format!("# a comment\n{}{broken}{}\n{}", a.pem, b.pem, a.pem);
    let plain = Authorities::from_pem(&format!("{}{}", a.pem, b.pem)).unwrap();
    assert_eq!(Authorities::from_pem(&bundle).unwrap(), plain);
    let error = Authorities::from_pem(broken).unwrap_err();
    assert!(
        error.to_string().contains("1 that cannot be read"),
        "{error}"
    );
    assert!(Authorities::from_pem("").is_err());
}
