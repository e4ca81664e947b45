use http::HeaderName;

use super::*;
use crate::apiserver::authn::pki::Ca;

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

fn keys(errors: &[TrustError]) -> Vec<&'static str> {
    errors.iter().map(|error| error.key).collect()
}

fn header(name: &str) -> HeaderName {
    name.parse().unwrap()
}

#[test]
fn the_usual_content_is_read() {
    let proxies = Ca::new("proxies");
    let (trust, errors) = Trust::read(&usual(&proxies), None);
    assert!(errors.is_empty(), "{errors:?}");
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
    assert_eq!(trust, Some(expected));
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
        let (trust, errors) = Trust::read(&data, None);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(trust.unwrap().headers.allowed_names, expected);
    }
    let only_ca = data(&[(PROXY_CA, &ca.pem)]);
    let (trust, errors) = Trust::read(&only_ca, None);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(trust.unwrap().headers, ProxyHeaders::default());
    // What no header can be called is left out; an empty prefix would take all headers for extra.
    let odd = with(usual(&ca), GROUP_HEADERS, r#"["", " X-G ", "a b"]"#);
    let odd = with(odd, EXTRA_PREFIXES, r#"["", "  ", " X-E-"]"#);
    let headers = Trust::read(&odd, None).0.unwrap().headers;
    assert_eq!(headers.group, [header("x-g")]);
    assert_eq!(headers.extra_prefixes, ["x-e-"]);
}

#[test]
fn nobody_is_trusted_before_a_proxys_ca_is_known() {
    let ca = Ca::new("a");
    let good = usual(&ca);
    for (data, expected) in [
        (Data::new(), PROXY_CA),
        (without(good.clone(), PROXY_CA), PROXY_CA),
        (with(good.clone(), PROXY_CA, " \n"), PROXY_CA),
        (with(good.clone(), PROXY_CA, "no pem"), PROXY_CA),
        (with(good.clone(), ALLOWED_NAMES, "{}"), ALLOWED_NAMES),
        (with(good.clone(), USER_HEADERS, "[1]"), USER_HEADERS),
    ] {
        let (trust, errors) = Trust::read(&data, None);
        assert_eq!(trust, None);
        assert_eq!(keys(&errors), [expected]);
    }
}

#[test]
fn a_bad_part_stays_as_it_was_and_the_others_change() {
    let (old, new) = (Ca::new("old"), Ca::new("new"));
    let before = Trust::read(&usual(&old), None).0.unwrap();
    let new_data = with(usual(&new), USER_HEADERS, r#"["X-New"]"#);
    let after = Trust::read(&new_data, None).0.unwrap();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for bad in [None, Some(""), Some("no pem"), Some(broken)] {
        let data = match bad {
            None => without(new_data.clone(), PROXY_CA),
            Some(text) => with(new_data.clone(), PROXY_CA, text),
        };
        let (trust, errors) = Trust::read(&data, Some(&before));
        let expected = Trust {
            proxies: before.proxies.clone(),
            ..after.clone()
        };
        assert_eq!(trust, Some(expected), "{bad:?}");
        assert_eq!(keys(&errors), [PROXY_CA], "{bad:?}");
    }
    for key in [
        ALLOWED_NAMES,
        USER_HEADERS,
        UID_HEADERS,
        GROUP_HEADERS,
        EXTRA_PREFIXES,
    ] {
        let (trust, errors) = Trust::read(&with(new_data.clone(), key, "["), Some(&before));
        let expected = Trust {
            headers: before.headers.clone(),
            ..after.clone()
        };
        assert_eq!((trust, keys(&errors)), (Some(expected), vec![key]));
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
