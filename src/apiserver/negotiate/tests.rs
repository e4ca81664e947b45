use super::*;

fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name, value.parse().unwrap());
    }
    headers
}

fn sent(values: &[&str]) -> Result<Option<String>, Fault> {
    let accept = accept(&headers(&header::ACCEPT, values))?;
    Ok(accept.map(|value| value.to_str().unwrap().to_owned()))
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
            Some("application/yaml".to_owned()),
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
        // Nothing else is wanted: kube-apiserver refuses it.
        (
            vec!["application/vnd.kubernetes.protobuf"],
            Some("application/vnd.kubernetes.protobuf".to_owned()),
        ),
    ] {
        assert_eq!(sent(&asked).unwrap(), expected, "{asked:?}");
    }
    assert!(matches!(sent(&[&binary]), Err(Fault::NotAcceptable(_))));
}

#[test]
fn bodies_are_known_by_their_type() {
    for (value, media) in [
        ("application/json", Media::Json),
        ("application/json; charset=utf-8", Media::Json),
        ("APPLICATION/JSON", Media::Json),
        ("", Media::Other),
        ("application/yaml", Media::Yaml),
        ("application/json-patch+json", Media::JsonPatch),
        ("application/merge-patch+json", Media::MergePatch),
        ("application/apply-patch+yaml", Media::Apply),
        ("application/strategic-merge-patch+json", Media::Other),
        ("application/apply-patch+cbor", Media::Other),
        ("text/plain", Media::Other),
    ] {
        let headers = headers(&header::CONTENT_TYPE, &[value]);
        assert_eq!(Media::of(&headers), Ok(media), "{value}");
    }
    assert_eq!(Media::of(&HeaderMap::new()), Ok(Media::Json));
    let mut unreadable = HeaderMap::new();
    let value = HeaderValue::from_bytes("application/apply-patch+yaml;x=é".as_bytes()).unwrap();
    unreadable.insert(header::CONTENT_TYPE, value);
    assert!(Media::of(&unreadable).is_err());
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

#[test]
fn yaml_is_found_by_its_name_and_left_out() {
    for (asked, is_yaml, without) in [
        (vec![], false, "application/json"),
        (vec!["application/json"], false, "application/json"),
        (vec!["*/*"], false, "*/*"),
        (vec!["application/yaml"], true, "application/json"),
        (
            vec!["Application/YAML;q=0.9, application/json;as=Table"],
            true,
            "application/json;as=Table",
        ),
        (
            vec!["text/plain", "application/json, application/yaml"],
            true,
            "text/plain,application/json",
        ),
    ] {
        let headers = headers(&header::ACCEPT, &asked);
        assert_eq!(accepts_yaml(&headers), is_yaml, "{asked:?}");
        assert_eq!(without_yaml(&headers), without, "{asked:?}");
    }
}
