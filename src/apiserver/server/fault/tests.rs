use http_body_util::BodyExt;
use serde_json::Value;

use super::*;

async fn read(fault: &Fault) -> (StatusCode, HeaderMap, String) {
    let (head, body) = fault.response().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (
        head.status,
        head.headers,
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

fn forbidden() -> Fault {
    Fault::Forbidden {
        plural: "coderworkspaces".into(),
        name: "a.b.c".into(),
        message: "no".into(),
    }
}

#[tokio::test]
async fn a_fault_is_a_status() {
    for (fault, code, reason) in [
        (Fault::Unauthorized, 401, "Unauthorized"),
        (forbidden(), 403, "Forbidden"),
        (Fault::MethodNotAllowed, 405, "MethodNotAllowed"),
        (
            Fault::NotSupported {
                verb: "delete",
                plural: "coderworkspaces",
            },
            405,
            "MethodNotAllowed",
        ),
        (Fault::NotAcceptable("a".into()), 406, "NotAcceptable"),
        (Fault::BadRequest("bad".into()), 400, "BadRequest"),
        (
            Fault::UnsupportedMediaType("a".to_owned()),
            415,
            "UnsupportedMediaType",
        ),
        (Fault::TooLarge, 413, "RequestEntityTooLarge"),
        (Fault::TooManyRequests, 429, "TooManyRequests"),
        (Fault::Internal("x".into()), 500, "InternalError"),
        (Fault::Unavailable("x".into()), 503, "ServiceUnavailable"),
        (Fault::Timeout("x".into()), 504, "Timeout"),
    ] {
        let (status, headers, body) = read(&fault).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(status.as_u16(), code);
        assert_eq!(body["code"], code);
        assert_eq!(body["kind"], "Status");
        assert_eq!(body["status"], "Failure");
        assert_eq!(body["reason"], reason);
        assert_eq!(body["message"], fault.to_string());
        assert_eq!(headers[header::CONTENT_TYPE], "application/json");
        let again = [429, 503].contains(&code);
        assert_eq!(headers.contains_key(header::RETRY_AFTER), again, "{fault}");
        assert_eq!(body["details"]["retryAfterSeconds"] == 1, again, "{fault}");
    }
}

#[tokio::test]
async fn a_refused_right_names_the_object() {
    let (_, headers, body) = read(&forbidden()).await;
    // As kube-apiserver 1.36 writes it, to the last byte.
    let expected = concat!(
        r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","#,
        r#""message":"no","reason":"Forbidden","details":{"name":"a.b.c","#,
        r#""group":"aggregation.coder.com","kind":"coderworkspaces"},"code":403}"#,
        "\n"
    );
    assert_eq!(body, expected);
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
}

#[tokio::test]
async fn a_status_is_written_as_kube_apiserver_writes_it() {
    let (_, _, body) = read(&Fault::TooLarge).await;
    assert_eq!(
        body,
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\
         \"message\":\"Request entity too large: limit is 3145728\",\
         \"reason\":\"RequestEntityTooLarge\",\"code\":413}\n"
    );
    let (_, _, body) = read(&Fault::Unavailable("x".into())).await;
    assert!(
        body.ends_with("\"details\":{\"retryAfterSeconds\":1},\"code\":503}\n"),
        "{body}"
    );
}

#[tokio::test]
async fn an_unknown_path_is_answered_in_plain_text() {
    let (status, headers, body) = read(&Fault::NoSuchPath).await;
    assert_eq!(
        (status.as_u16(), body.as_str()),
        (404, "404 page not found\n")
    );
    assert_eq!(headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
}

#[test]
fn the_limit_is_told_in_the_words_of_kube_apiserver() {
    assert_eq!(
        Fault::TooLarge.to_string(),
        "Request entity too large: limit is 3145728"
    );
}
