//! The proxy's faults, as a client meets them.

use std::time::Duration;

use reqwest::Response;
use testbed::{
    Bed, Proxy,
    proxy::{Answer, Fault, Matcher, Stage},
};
use tokio::time::Instant;

use super::{LIMIT, client, until};

struct Fixture {
    proxy: Proxy,
    token: &'static str,
}

impl Fixture {
    fn new() -> Self {
        let bed = Bed::shared().unwrap();
        Self {
            proxy: Proxy::start(bed.coder_url()).unwrap(),
            token: bed.coder_token(),
        }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().unwrap();
        client()
            .request(method, format!("{}/api/v2/{path}", self.proxy.url()))
            .timeout(LIMIT)
            .header("Coder-Session-Token", self.token)
    }

    async fn get(&self, path: &str) -> Result<Response, reqwest::Error> {
        self.request("GET", path).send().await
    }

    fn make_token(&self, name: &str) -> reqwest::RequestBuilder {
        let body = serde_json::json!({ "token_name": name });
        self.request("POST", "users/me/keys/tokens").json(&body)
    }

    async fn has_token(&self, name: &str) -> bool {
        self.get(&format!("users/me/keys/tokens/{name}"))
            .await
            .unwrap()
            .status()
            == 200
    }
}

fn matcher(method: &str, path: &str) -> Matcher {
    Matcher::new(method, path).unwrap()
}

#[tokio::test]
async fn requests_are_passed_counted_and_kept() {
    let fixture = Fixture::new();
    let user: serde_json::Value = fixture.get("users/me").await.unwrap().json().await.unwrap();
    let id = user["id"].as_str().unwrap();
    assert_eq!(
        fixture.get(&format!("users/{id}")).await.unwrap().status(),
        200
    );
    assert_eq!(
        fixture.make_token("kept").send().await.unwrap().status(),
        201
    );

    let counts = fixture.proxy.counts();
    assert_eq!(
        counts[&("GET".to_owned(), "/api/v2/users/{id}".to_owned())],
        1
    );
    assert_eq!(fixture.proxy.count("*", "^/api/v2/users/").unwrap(), 3);
    let mutations = fixture.proxy.mutations();
    assert_eq!(mutations.len(), 1);
    assert_eq!(mutations[0].request.path, "/api/v2/users/me/keys/tokens");
    assert_eq!(mutations[0].request.body, r#"{"token_name":"kept"}"#);
    assert_eq!(mutations[0].client_status, Some(201));
    fixture.proxy.forget();
    assert!(fixture.proxy.counts().is_empty());
}

#[tokio::test]
async fn the_moment_of_arrival_is_kept_whatever_happens_afterwards() {
    let fixture = Fixture::new();
    let delay = Duration::from_millis(300);
    fixture
        .proxy
        .install(matcher("POST", "tokens"), Fault::Delay(delay));
    let sent = Instant::now();
    fixture.make_token("timed").send().await.unwrap();
    let answered = Instant::now();
    let arrived = fixture.proxy.mutations()[0].arrived;
    assert!(sent <= arrived && arrived + delay <= answered);
}

#[tokio::test]
async fn answers_look_like_those_of_coderd() {
    let fixture = Fixture::new();
    let rule = matcher("GET", "/users/me$").times(1);
    fixture
        .proxy
        .install(rule, Fault::Answer(Answer::too_many_requests(7)));
    let answer = fixture.get("users/me").await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "7");
    assert!(answer.text().await.unwrap().contains("rate limited"));
    assert_eq!(fixture.get("users/me").await.unwrap().status(), 200);

    let answer = Answer::internal_error("unauthorized: rbac: forbidden");
    let rule = fixture
        .proxy
        .install(matcher("*", "."), Fault::Answer(answer));
    assert_eq!(fixture.get("users/me").await.unwrap().status(), 500);
    fixture.proxy.remove(rule);
    assert_eq!(fixture.get("users/me").await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_connection_drops_before_or_after_the_deed() {
    let fixture = Fixture::new();
    fixture
        .proxy
        .install(matcher("POST", "tokens").times(1), Fault::DropBefore);
    assert!(fixture.make_token("before").send().await.is_err());
    assert!(!fixture.has_token("before").await);

    fixture
        .proxy
        .install(matcher("POST", "tokens").times(1), Fault::DropAfter);
    assert!(fixture.make_token("after").send().await.is_err());
    assert!(fixture.has_token("after").await);
    let mutations = fixture.proxy.mutations();
    assert!(!mutations[0].forwarded);
    assert_eq!(mutations[1].coderd_status, Some(201));
    assert_eq!(mutations[1].client_status, None);
}

#[tokio::test]
async fn replies_are_cut_replaced_and_delayed() {
    let fixture = Fixture::new();
    fixture
        .proxy
        .install(matcher("GET", "/users/me$").times(1), Fault::Truncate);
    let answer = fixture.get("users/me").await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.is_err());

    let list = matcher("GET", "/templates$").when(|seen| seen.query.contains("q="));
    fixture
        .proxy
        .install(list, Fault::ReplaceBody("[]".to_owned()));
    let answer = fixture.get("templates?q=x").await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), "[]");

    let delay = Duration::from_millis(300);
    fixture
        .proxy
        .install(matcher("GET", "buildinfo").times(1), Fault::Delay(delay));
    let start = Instant::now();
    assert_eq!(fixture.get("buildinfo").await.unwrap().status(), 200);
    assert!(start.elapsed() >= delay);
}

#[tokio::test]
async fn a_request_is_held_before_it_is_forwarded() {
    let fixture = Fixture::new();
    let hold = fixture
        .proxy
        .hold(matcher("POST", "tokens"), Stage::BeforeForwarding);
    let client = tokio::task::JoinSet::from_iter([fixture.make_token("late").send()]);
    let seen = hold.held(LIMIT).await.unwrap();
    assert_eq!(seen.body, r#"{"token_name":"late"}"#);
    assert!(!fixture.has_token("late").await);
    // The client dies; its request is on its way all the same.
    drop(client);
    hold.release();
    until("the late write", async || fixture.has_token("late").await).await;
}

#[tokio::test]
async fn a_request_is_held_before_its_reply() {
    let fixture = Fixture::new();
    let hold = fixture
        .proxy
        .hold(matcher("POST", "tokens"), Stage::BeforeReply);
    let mut client = tokio::task::JoinSet::from_iter([fixture.make_token("unheard").send()]);
    hold.held(LIMIT).await.unwrap();
    assert!(fixture.has_token("unheard").await);
    hold.drop_connections();
    assert!(client.join_next().await.unwrap().unwrap().is_err());
    drop(hold);
    assert_eq!(
        fixture.make_token("heard").send().await.unwrap().status(),
        201
    );
}

#[tokio::test]
async fn a_coderd_that_is_down_is_a_bad_gateway() {
    let port = testbed::Ports::reserve().unwrap().take().unwrap();
    let proxy = Proxy::start(&format!("http://127.0.0.1:{port}")).unwrap();
    assert_eq!(super::get(&proxy.url(), "users/me", "any").await, Some(502));
}
