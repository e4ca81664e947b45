//! For tests: a controller whose coderd and API server are closures, on tokio's paused clock.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};
use tower::service_fn;

use super::{
    control_plane::ControlPlane, metrics::Metrics, progress::Readiness,
    settings::FixedControlPlane, settings::Imports, settings::Settings, shared::Shared,
};
use crate::{
    coderd::{BaseUrl, Client, TokenSource, TransportError},
    k8s::{clock::Clock, fake, object},
    sync::build_wait::BuildWait,
};

/// What a coderd answers: a body, or a status and `Retry-After`.
pub(super) type Answer = Result<Value, (u16, Option<u64>)>;

/// A controller with a coderd that answers by path and query, and an API server that has nothing.
pub(super) fn controller(
    answer: impl Fn(&str) -> Answer + Clone + Send + Sync + 'static,
) -> (Arc<ControlPlane>, watch::Receiver<Readiness>) {
    controller_with(answer, |seen| {
        if seen.path.ends_with("/events") {
            fake::Answer::json(200, &json!({ "metadata": {}, "items": [] }))
        } else {
            fake::Answer::json(404, &fake::not_found("any"))
        }
    })
}

/// A controller with a coderd that answers by path and query, and an API server.
pub(super) fn controller_with(
    answer: impl Fn(&str) -> Answer + Clone + Send + Sync + 'static,
    kube: impl Fn(&fake::Seen) -> fake::Answer + Clone + Send + 'static,
) -> (Arc<ControlPlane>, watch::Receiver<Readiness>) {
    let base = BaseUrl::parse("http://coder.test").unwrap();
    let coderd = Client::builder(base, TokenSource::Fixed("token".into())).with_service(
        service_fn(move |request: Request<Bytes>| {
            let path = request.uri().path_and_query().map(ToString::to_string);
            let answer = answer(path.unwrap_or_default().trim_start_matches("/api/v2"));
            async move { Ok::<_, TransportError>(reply(answer)) }
        }),
    );
    let (kube, _log) = fake::server(kube);
    let (start, wall) = (Instant::now(), "2026-11-21T10:00:00Z");
    let wall: jiff::Timestamp = wall.parse().unwrap();
    let settings = Settings {
        fixed: Some(FixedControlPlane {
            namespace: "coder".to_owned(),
            client: coderd.clone(),
        }),
        discovers: false,
        connect: Box::new(|_, base, token| Client::builder(base, token).connect()),
        namespaces: BTreeSet::from(["coder".to_owned()]),
        kube,
        own_namespace: "installation".to_owned(),
        request_timeout: Duration::from_secs(30),
        sweep_interval: Duration::from_secs(15),
        imports: Imports::All,
        workers: 1,
        max_active_builds: 20,
        build_wait: BuildWait::default(),
        clock: Clock::new(move || wall + start.elapsed()),
        seed: 1,
        instance: "test".to_owned(),
        metrics: Metrics::register(&mut Registry::default()),
    };
    let (send, receive) = watch::channel(Err("starting".to_owned()));
    let shared = Arc::new(Shared::new(settings, send));
    let place = object::Key::new("coder", "static");
    let plane = Arc::new(ControlPlane::new(Arc::clone(&shared), place, coderd));
    plane.found();
    let _count = shared.router.all_are_known();
    (plane, receive)
}

fn reply(answer: Answer) -> Response<Bytes> {
    let response = Response::builder();
    let (response, body) = match answer {
        Ok(body) => (response.status(200), body),
        Err((status, after)) => {
            let response = response.status(status);
            let response = match after {
                Some(seconds) => response.header("retry-after", seconds),
                None => response,
            };
            (response, json!({ "message": "no" }))
        }
    };
    response.body(Bytes::from(body.to_string())).unwrap()
}

/// The answers of a coderd that is well and has nothing.
pub(super) fn empty(path: &str) -> Answer {
    const ID: &str = "9f0c1e2a-0000-4000-8000-000000000001";
    Ok(match path.split('?').next().unwrap_or_default() {
        "/buildinfo" => json!({ "version": "v2.36.0", "deployment_id": "d" }),
        "/users/me" => json!({ "id": ID, "username": "us", "status": "active" }),
        "/organizations" => json!([{ "id": ID, "name": "acme", "is_default": true }]),
        "/workspaces" => json!({ "workspaces": [], "count": 0 }),
        "/templates" => json!([]),
        _ => return Err((404, None)),
    })
}
