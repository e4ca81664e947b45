use super::*;

fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name, value.parse().unwrap());
    }
    headers
}

fn sent(values: &[&str]) -> Result<Option<String>, Fault> {
    let accept = Accept::of(Verb::Get, &headers(&header::ACCEPT, values))?;
    let header = accept.header;
    Ok(header.map(|value| value.to_str().unwrap().to_owned()))
}

#[test]
fn text_is_asked_for_as_it_was() {
    const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const METADATA: &str = "as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let binary = format!("application/vnd.kubernetes.protobuf;{METADATA}");
    let text = format!("application/json;{METADATA}");
    for (asked, expected) in [
        (vec![], None),
        (vec![""], None),
        (vec!["*/*"], Some("*/*".to_owned())),
        (
            vec!["application/yaml"],
            Some("application/json".to_owned()),
        ),
        (
            vec![TABLE, "application/json"],
            Some(format!("{TABLE},application/json")),
        ),
        (
            vec!["application/vnd.kubernetes.protobuf, application/json;q=0.5"],
            Some("application/json;q=0.5".to_owned()),
        ),
        (
            vec![&*format!("{binary},{text},application/json")],
            Some(format!("{text},application/json")),
        ),
        (
            vec!["application/cbor, Application/CBOR-seq,application/json"],
            Some("application/json".to_owned()),
        ),
        (
            vec!["application/vnd.kubernetes.protobuf;stream=watch,application/json;stream=watch"],
            Some("application/json;stream=watch".to_owned()),
        ),
        (
            vec!["text/html, application/xhtml+xml", "*/*;q=0.8"],
            Some("*/*;q=0.8".to_owned()),
        ),
    ] {
        assert_eq!(sent(&asked).unwrap(), expected, "{asked:?}");
    }
    for unknown in [
        "application/vnd.kubernetes.protobuf",
        "application/cbor",
        "application/cbor-seq;stream=watch",
        "text/html,image/png",
        "application/json-seq",
        "nonsense",
        &binary,
    ] {
        let refused = Err(Fault::NotAcceptable(
            "application/json, application/yaml".to_owned(),
        ));
        assert_eq!(sent(&[unknown]), refused, "{unknown}");
    }
}

#[test]
fn yaml_is_what_kube_apiserver_would_have_chosen() {
    const TABLE: &str = "application/yaml;as=Table;v=v1;g=meta.k8s.io";
    for (asked, yaml, json) in [
        ("", Yaml::None, ""),
        ("*/*", Yaml::None, "*/*"),
        (
            "application/json,application/yaml",
            Yaml::None,
            "application/json,application/json",
        ),
        (
            "Application/YAML ; q=0.5,application/json;q=0.1",
            Yaml::All,
            "application/json; q=0.5,application/json;q=0.1",
        ),
        (
            "application/json;q=0.1,application/yaml;q=0.9",
            Yaml::All,
            "application/json;q=0.1,application/json;q=0.9",
        ),
        (
            "application/yaml;q=0.1,application/json",
            Yaml::None,
            "application/json;q=0.1,application/json",
        ),
        ("*/*,application/yaml", Yaml::All, "*/*,application/json"),
        (
            "application/cbor,application/yaml",
            Yaml::All,
            "application/json",
        ),
        (
            TABLE,
            Yaml::Done,
            "application/json;as=Table;v=v1;g=meta.k8s.io",
        ),
        (
            "application/json;as=Nothing,application/yaml",
            Yaml::All,
            "application/json;as=Nothing,application/json",
        ),
        (
            "application/yaml;as=Nothing,application/json",
            Yaml::None,
            "application/json;as=Nothing,application/json",
        ),
    ] {
        let asked = headers(&header::ACCEPT, &[asked]);
        let accept = Accept::of(Verb::List, &asked).unwrap();
        let header = accept.header.as_ref().map(|value| value.to_str().unwrap());
        assert_eq!(
            (accept.yaml, header.unwrap_or_default()),
            (yaml, json),
            "{asked:?}"
        );
    }
    assert!(Yaml::All.is_for(StatusCode::NOT_FOUND) && !Yaml::Done.is_for(StatusCode::NOT_FOUND));
    assert!(Yaml::Done.is_for(StatusCode::OK) && !Yaml::None.is_for(StatusCode::OK));
    let yaml = headers(&header::ACCEPT, &["application/yaml"]);
    let refused = Err(Fault::NotAcceptable("application/json".to_owned()));
    assert_eq!(Accept::of(Verb::Watch, &yaml), refused);
    let both = headers(&header::ACCEPT, &["application/yaml,application/json"]);
    let watched = Accept::of(Verb::Watch, &both).unwrap();
    assert_eq!(
        (watched.yaml, watched.header.unwrap()),
        (Yaml::None, "application/json".parse().unwrap())
    );
}

#[test]
fn a_body_is_of_a_known_type_or_refused() {
    let of = |verb, value: &str| {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        Media::of(verb, &HeaderMap::from_iter([(header::CONTENT_TYPE, value)]))
    };
    for (verb, value, media) in [
        (Verb::Create, "application/json", Media::Json),
        (Verb::Update, "application/json; charset=utf-8", Media::Json),
        (Verb::Delete, "APPLICATION/JSON", Media::Json),
        (Verb::DeleteCollection, "application/yaml", Media::Yaml),
        (Verb::Patch, "application/json-patch+json", Media::JsonPatch),
        (
            Verb::Patch,
            "application/merge-patch+json",
            Media::MergePatch,
        ),
        (Verb::Patch, "application/apply-patch+yaml", Media::Apply),
    ] {
        assert_eq!(of(verb, value), Ok(media), "{value}");
        assert_eq!(of(verb, media.name()), Ok(media));
    }
    assert_eq!(Media::of(Verb::Create, &HeaderMap::new()), Ok(Media::Json));
    let refused = |names: &str| Err(Fault::UnsupportedMediaType(names.to_owned()));
    for value in [
        "",
        "nonsense",
        "text/plain",
        "application/cbor",
        "application/vnd.kubernetes.protobuf",
        "application/merge-patch+json",
        "application/json;x=é",
    ] {
        let objects = refused("application/json, application/yaml");
        assert_eq!(of(Verb::Update, value), objects, "{value}");
        assert_eq!(of(Verb::Delete, value), objects, "{value}");
    }
    for value in [
        "application/json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+cbor",
        "application/apply-patch+yaml;x=é",
    ] {
        let patches = refused(
            "application/json-patch+json, application/merge-patch+json, \
             application/apply-patch+yaml",
        );
        assert_eq!(of(Verb::Patch, value), patches, "{value}");
    }
    assert!(Media::of(Verb::Patch, &HeaderMap::new()).is_err());
}

#[test]
fn an_answer_that_was_not_asked_for_does_not_pass() {
    let of = |status: u16, headers: &[(&str, &str)]| {
        let mut answer = http::Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        Written::of(&answer.body(()).unwrap().into_parts().0)
    };
    let content = |status, media| of(status, &[("content-type", media)]);
    assert_eq!(content(200, "application/json"), Ok(Written::Json));
    assert_eq!(
        content(200, "application/json;stream=watch"),
        Ok(Written::Json)
    );
    assert_eq!(
        content(429, "text/plain; charset=utf-8"),
        Ok(Written::Plain)
    );
    for answer in [
        content(200, "application/cbor"),
        content(200, "application/vnd.kubernetes.protobuf"),
        content(200, "text/plain"),
        content(502, "text/html"),
        of(200, &[]),
        of(
            200,
            &[
                ("content-type", "application/json"),
                ("content-encoding", "gzip"),
            ],
        ),
    ] {
        assert!(matches!(answer, Err(Fault::Timeout(_))), "{answer:?}");
    }
}

#[test]
fn gzip_is_for_those_who_take_it() {
    for (values, expected) in [
        (vec!["gzip"], true),
        (vec!["deflate, gzip;q=1.0"], true),
        (vec!["gzip;q=0.5"], true),
        (vec!["GZIP"], true),
        (vec!["gzip; q=0"], false),
        (vec!["gzip;q=0.0"], false),
        (vec!["identity"], false),
        (vec!["*"], false),
        (vec![], false),
    ] {
        let headers = headers(&header::ACCEPT_ENCODING, &values);
        assert_eq!(accepts_gzip(&headers), expected, "{values:?}");
    }
}
