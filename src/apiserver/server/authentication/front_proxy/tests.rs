use super::*;

fn names(user: &[&str], uid: &[&str], group: &[&str], extra: &[&str]) -> ProxyHeaders {
    let parsed = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    ProxyHeaders {
        allowed_names: vec![],
        user: parsed(user),
        uid: parsed(uid),
        group: parsed(group),
        extra_prefixes: extra.iter().map(|&prefix| prefix.to_owned()).collect(),
    }
}

fn usual() -> ProxyHeaders {
    names(
        &["X-Remote-User"],
        &["X-Remote-Uid"],
        &["X-Remote-Group"],
        &["x-remote-extra-"],
    )
}

fn headers(pairs: &[(&str, &[u8])]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        let name: HeaderName = name.parse().unwrap();
        (name, HeaderValue::from_bytes(value).unwrap())
    });
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value);
    }
    headers
}

fn told(names: &ProxyHeaders, pairs: &[(&str, &[u8])]) -> Identity {
    identity(names, &headers(pairs)).unwrap().unwrap()
}

#[test]
fn all_four_kinds_of_headers_are_read() {
    let identity = told(
        &usual(),
        &[
            ("X-REMOTE-GROUP", b"b"),
            ("x-remote-user", "Ren\u{e9}e".as_bytes()),
            ("x-remote-uid", b"7"),
            ("x-remote-group", b""),
            ("x-remote-group", b"a"),
            ("x-remote-extra-scopes", b"two"),
            ("x-remote-extra-scopes", b""),
            ("x-remote-extra-scopes", b"one"),
        ],
    );
    let extra = ["two", "", "one"].map(str::to_owned).to_vec();
    let expected = Identity {
        name: "Ren\u{e9}e".to_owned(),
        uid: Some("7".to_owned()),
        groups: vec!["b".to_owned(), "a".to_owned()],
        extra: BTreeMap::from([("scopes".to_owned(), extra)]),
    };
    assert_eq!(identity, expected);
}

#[test]
fn the_first_header_with_a_value_tells_the_name() {
    let names = names(&["x-first", "x-second"], &[], &[], &[]);
    for (pairs, expected) in [
        (vec![("x-first", "a"), ("x-second", "b")], Some("a")),
        (vec![("x-second", "b"), ("x-first", "a")], Some("a")),
        (vec![("x-first", ""), ("x-second", "b")], Some("b")),
        // As in Go, only the first of several values counts.
        (
            vec![("x-first", ""), ("x-first", "a"), ("x-second", "b")],
            Some("b"),
        ),
        (vec![("x-first", "a"), ("x-first", "b")], Some("a")),
        (vec![("x-first", ""), ("x-second", "")], None),
        (vec![("x-remote-user", "a")], None),
        (vec![], None),
    ] {
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
        let identity = identity(&names, &headers(&pairs)).unwrap();
        assert_eq!(identity.map(|one| one.name).as_deref(), expected);
    }
}

#[test]
fn a_uid_counts_only_if_its_header_is_listed() {
    let pairs: &[(&str, &[u8])] = &[("x-remote-user", b"a"), ("x-remote-uid", b"7")];
    assert_eq!(told(&usual(), pairs).uid.as_deref(), Some("7"));
    let silent = names(&["x-remote-user"], &[], &[], &[]);
    assert_eq!(told(&silent, pairs).uid, None);
    let other = names(&["x-remote-user"], &["x-uid"], &[], &[]);
    assert_eq!(told(&other, pairs).uid, None);
}

#[test]
fn groups_of_all_headers_are_joined_in_order() {
    let names = names(&["x-user"], &[], &["x-second", "x-first"], &[]);
    let pairs: &[(&str, &[u8])] = &[
        ("x-user", b"a"),
        ("x-first", b"1"),
        ("x-second", b"2"),
        ("x-first", b"3"),
        ("x-second", b"2"),
    ];
    assert_eq!(told(&names, pairs).groups, ["2", "2", "1", "3"]);
}

#[test]
fn keys_of_extra_are_decoded() {
    for (header, key) in [
        ("X-Remote-Extra-Example.com%2fscopes", "example.com/scopes"),
        ("x-remote-extra-a%2Fb", "a/b"),
        // In lower case first, and decoded then.
        ("X-Remote-Extra-%41B", "Ab"),
        ("x-remote-extra-", ""),
        ("x-remote-extra-a+b", "a+b"),
        // Broken escapes, and bytes that are no text, stay.
        ("x-remote-extra-a%", "a%"),
        ("x-remote-extra-a%2", "a%2"),
        ("x-remote-extra-%zz%2f", "%zz%2f"),
        ("x-remote-extra-%ff", "%ff"),
        ("x-remote-extra-%c3%a9", "\u{e9}"),
    ] {
        let identity = told(&usual(), &[("x-remote-user", b"a"), (header, b"v")]);
        let expected = BTreeMap::from([(key.to_owned(), vec!["v".to_owned()])]);
        assert_eq!(identity.extra, expected, "{header}");
    }
    let two: &[(&str, &[u8])] = &[
        ("x-remote-user", b"a"),
        ("x-remote-extra-scopes", b"1"),
        ("X-Remote-Extra-%73copes", b"2"),
        ("x-remote-extra-scopes", b"3"),
    ];
    assert_eq!(told(&usual(), two).extra["scopes"], ["1", "3", "2"]);
}

#[test]
fn what_is_no_text_tells_nobody() {
    for name in [
        "x-remote-user",
        "x-remote-uid",
        "x-remote-group",
        "x-remote-extra-a",
    ] {
        let headers = headers(&[(name, b"\xff"), ("x-remote-user", b"a")]);
        assert!(identity(&usual(), &headers).is_err(), "{name}");
    }
    // A header that nobody reads does no harm.
    told(&usual(), &[("x-remote-user", b"a"), ("x-other", b"\xff")]);
}
