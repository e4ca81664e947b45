//! What is tried, and what comes of it; the same is in `docs/reference/aggregated-api-security.md`.

/// In place of a status: the connection is closed without an answer.
pub(super) const CLOSED: u16 = 0;

/// Attempts: what it is, the HTTP status, and the reason in the `Status` (none: not a `Status`).
const TRIED: &[(&str, u16, &str)] = &[
    ("no credential", 401, "Unauthorized"),
    ("X-Remote-User without a certificate", 401, "Unauthorized"),
    (
        "a front-proxy certificate of another authority",
        401,
        "Unauthorized",
    ),
    ("an expired front-proxy certificate", 401, "Unauthorized"),
    (
        "a front-proxy certificate with another name",
        401,
        "Unauthorized",
    ),
    (
        "a front-proxy certificate without a user",
        401,
        "Unauthorized",
    ),
    (
        "a client certificate of another authority",
        401,
        "Unauthorized",
    ),
    (
        "a client certificate of the front-proxy authority",
        401,
        "Unauthorized",
    ),
    ("an expired client certificate", 401, "Unauthorized"),
    ("a token of nobody", 401, "Unauthorized"),
    ("a good token", 401, "Unauthorized"),
    ("a good client certificate", 401, "Unauthorized"),
    ("a password", 401, "Unauthorized"),
    (
        "a client certificate and a forged X-Remote-User",
        401,
        "Unauthorized",
    ),
    (
        "a client certificate and Impersonate-User",
        401,
        "Unauthorized",
    ),
    (
        "a client certificate and X_Remote_User",
        401,
        "Unauthorized",
    ),
    ("an encoded slash", 404, ""),
    ("dot segments", 404, ""),
    ("encoded dot segments", 404, ""),
    ("encoded twice", 404, ""),
    ("double slashes", 404, ""),
    ("upper case", 404, ""),
    ("control characters", 404, ""),
    ("no UTF-8", 404, ""),
    ("another group", 404, ""),
    ("another version", 404, ""),
    ("another resource", 404, ""),
    ("another subresource", 404, ""),
    ("another path of kube-apiserver", 404, ""),
    ("deleting in all namespaces", 404, ""),
    ("another method", 404, ""),
    ("writing to a document", 405, "MethodNotAllowed"),
    ("an upgrade", 400, "BadRequest"),
    ("a query that others read otherwise", 400, "BadRequest"),
    ("a query that is no UTF-8", 400, "BadRequest"),
    ("more than 64 parameters", 400, "BadRequest"),
    ("an unreadable Content-Type", 415, "UnsupportedMediaType"),
    ("a body in CBOR", 415, "UnsupportedMediaType"),
    ("a body in an unknown form", 415, "UnsupportedMediaType"),
    ("an answer in CBOR alone", 406, "NotAcceptable"),
    ("an answer in an unknown form alone", 406, "NotAcceptable"),
    ("two lengths", 400, ""),
    ("a length that is none", 400, ""),
    ("an unknown transfer encoding", 400, ""),
    ("a name with a space", 400, ""),
    ("a folded header", 400, ""),
    ("another protocol", CLOSED, ""),
    ("no HTTP", 400, ""),
    ("a body of more than 3 MiB", 413, "RequestEntityTooLarge"),
    ("headers of 2 MiB", 431, ""),
    ("more than 2000 headers", 431, ""),
    ("headers of more than 64 KiB from others", 431, ""),
];

/// The status and the reason that `what` is answered with.
pub(super) fn expected(what: &str) -> (u16, &'static str) {
    let found = TRIED.iter().find(|(tried, ..)| *tried == what);
    let (_, status, reason) = found.unwrap_or_else(|| panic!("{what} is not listed"));
    (*status, reason)
}

#[test]
fn the_reference_lists_what_is_tried() {
    let file = crate::root().join("docs/reference/aggregated-api-security.md");
    let text = std::fs::read_to_string(file).unwrap();
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| What"));
    let rows: Vec<_> = rows.filter(|line| !line.starts_with("| ---")).collect();
    let expected: Vec<_> = TRIED
        .iter()
        .map(|(what, status, reason)| match *reason {
            "" if *status == CLOSED => format!("| {what} | none: the connection is closed |"),
            "" => format!("| {what} | {status} |"),
            reason => format!("| {what} | {status} {reason} |"),
        })
        .collect();
    assert_eq!(rows, expected);
}
