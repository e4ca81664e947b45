//! Keepers against an API server that knows two objects, versions and nothing else.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicI64, Ordering},
    },
};

use futures::future::join_all;
use http::{Method, Request, Response};
use kube::client::Body;
use rustls::sign::CertifiedKey;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::*;
use crate::apiserver::server::certificate::secret::{AUTHORITY, Fields};

const SECRET: &str = "/api/v1/namespaces/team/secrets/coder-k8s-apiserver-tls";
const API_SERVICE: &str =
    "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.aggregation.coder.com";

/// The stored objects by path, and the writes to them.
#[derive(Default)]
struct Store {
    objects: BTreeMap<String, Value>,
    version: u64,
    writes: Vec<String>,
    /// Paths that are refused.
    forbidden: Vec<&'static str>,
    silent: bool,
}

#[derive(Clone, Default)]
struct Server(Arc<Mutex<Store>>);

impl Server {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap()
    }

    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                if server.store().silent {
                    return std::future::pending().await;
                }
                // Others may come in between.
                tokio::task::yield_now().await;
                let body = serde_json::from_slice(&body).unwrap_or_default();
                let (code, answer) = server.store().answer(&head.method, head.uri.path(), body);
                let response = Response::builder().status(code);
                let answer = axum::body::Body::from(answer.to_string());
                Ok::<_, tower::BoxError>(response.body(answer).unwrap())
            }
        });
        Client::new(service, "team")
    }

    fn put(&self, path: &str, object: &Value) {
        self.store().save(path, object.clone());
    }

    /// An `APIService` of our Service.
    fn register(&self, spec: &Value) {
        let mut spec = spec.clone();
        spec["service"] = json!({"namespace": "team", "name": "shim"});
        spec["groupPriorityMinimum"] = json!(1);
        spec["versionPriority"] = json!(1);
        self.put(
            API_SERVICE,
            &json!({"metadata": {"name": trust::NAME}, "spec": spec}),
        );
    }

    fn change(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let mut object = self.store().objects[path].clone();
        change(&mut object);
        self.put(path, &object);
    }

    fn material(&self) -> Material {
        let stored = self.store().objects[SECRET].clone();
        secret::read(&serde_json::from_value(stored).unwrap())
            .unwrap()
            .unwrap()
    }

    fn bundle(&self) -> ByteString {
        let stored = self.store().objects[API_SERVICE].clone();
        let found: APIService = serde_json::from_value(stored).unwrap();
        let spec = found.spec.unwrap();
        assert_ne!(spec.insecure_skip_tls_verify, Some(true));
        spec.ca_bundle.unwrap()
    }

    fn writes(&self) -> Vec<String> {
        std::mem::take(&mut self.store().writes)
    }
}

impl Store {
    fn save(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    fn answer(&mut self, method: &Method, path: &str, body: Value) -> (u16, Value) {
        let refusal = |code: u16, reason: &str| {
            (
                code,
                json!({"kind": "Status", "status": "Failure", "reason": reason, "code": code}),
            )
        };
        let path = if method == Method::POST {
            format!("{path}/{}", body["metadata"]["name"].as_str().unwrap())
        } else {
            path.to_owned()
        };
        if self.forbidden.iter().any(|part| path.contains(part)) {
            return refusal(403, "Forbidden");
        }
        let found = self.objects.get(&path).cloned();
        let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
        let found = match (method.as_str(), found) {
            ("GET", Some(found)) => return (200, found),
            ("POST", None) => body,
            ("POST", Some(_)) => return refusal(409, "AlreadyExists"),
            (_, None) => return refusal(404, "NotFound"),
            (_, Some(found)) if version(&found) != version(&body) => {
                return refusal(409, "Conflict");
            }
            ("PUT", Some(_)) => body,
            ("PATCH", Some(mut found)) => {
                json_patch::merge(&mut found, &body);
                found
            }
            other => panic!("{other:?}"),
        };
        self.writes
            .push(format!("{method} {}", path.rsplit('/').next().unwrap()));
        (200, self.save(&path, found))
    }
}

/// Some replicas, whose clock is the test's.
struct Bed {
    server: Server,
    clock: Arc<AtomicI64>,
    replicas: Vec<Replica>,
}

struct Replica {
    keeper: Keeper,
    served: watch::Sender<Served>,
}

impl Bed {
    fn new(replicas: usize) -> Self {
        let server = Server::default();
        let clock = Arc::new(AtomicI64::new(1_800_000_000));
        let replica = |_| {
            let clock = Arc::clone(&clock);
            let now = move || Timestamp::from_second(clock.load(Ordering::Relaxed)).unwrap();
            let service = ServiceName {
                namespace: "team".to_owned(),
                name: "shim".to_owned(),
            };
            Replica {
                keeper: Keeper::new(server.client(), service, INTERVAL, now),
                served: watch::Sender::new(None),
            }
        };
        let replicas = (0..replicas).map(replica).collect();
        Self {
            server,
            clock,
            replicas,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.clock.load(Ordering::Relaxed)).unwrap()
    }

    fn pass(&self, time: jiff::SignedDuration) {
        self.clock.fetch_add(time.as_secs(), Ordering::Relaxed);
    }

    /// All replicas at the same time.
    async fn look(&mut self) -> Vec<Result<Step, Error>> {
        let rounds = self
            .replicas
            .iter_mut()
            .map(async |replica| replica.keeper.rounds(&replica.served).await);
        join_all(rounds).await
    }

    /// Twice, since a replica may have seen a step of another too early.
    async fn rest(&mut self, expected: Shown) {
        self.look().await;
        for outcome in self.look().await {
            assert_eq!(outcome.unwrap(), Step::Wait(expected));
        }
    }

    fn served(&self) -> Vec<Option<Arc<CertifiedKey>>> {
        let served = self
            .replicas
            .iter()
            .map(|replica| replica.served.borrow().clone());
        served.collect()
    }

    fn serves(&self, material: &Material) -> bool {
        let same = |served: Option<Arc<CertifiedKey>>| served.unwrap().cert == material.served.cert;
        self.served().into_iter().all(same)
    }

    fn fields(&self) -> Fields {
        let names = self.replicas[0].keeper.service.dns_names();
        authority::establish(&names, self.now()).unwrap()
    }
}

#[tokio::test]
async fn replicas_agree_on_one_authority_and_make_it_trusted() {
    for spec in [
        json!({}),
        json!({"insecureSkipTLSVerify": true}),
        json!({"caBundle": "eA=="}),
    ] {
        let mut bed = Bed::new(3);
        bed.server.register(&spec);
        bed.rest(Shown::Right).await;
        let material = bed.server.material();
        assert!(bed.serves(&material));
        assert_eq!(bed.server.bundle(), material.bundle);
        let mut writes = bed.server.writes();
        writes.sort();
        assert_eq!(
            writes,
            [
                format!("PATCH {}", trust::NAME),
                format!("POST {}", secret::NAME)
            ]
        );
        bed.rest(Shown::Right).await;
        assert!(bed.server.writes().is_empty(), "written at rest");
    }
}

const DAY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

#[tokio::test]
async fn a_certificate_is_renewed_under_the_same_authority() {
    let mut bed = Bed::new(3);
    bed.server.register(&json!({}));
    bed.rest(Shown::Right).await;
    let first = bed.server.material();
    bed.server.writes();
    bed.pass(DAY * 243);
    bed.rest(Shown::Right).await;
    assert!(bed.server.writes().is_empty(), "not yet due");
    bed.pass(DAY);
    bed.rest(Shown::Right).await;
    let second = bed.server.material();
    assert_ne!(second.served.cert, first.served.cert);
    assert!(bed.serves(&second));
    assert_eq!(second.authority, first.authority);
    assert_eq!(bed.server.bundle(), first.bundle);
    assert_eq!(bed.server.writes(), [format!("PUT {}", secret::NAME)]);
}

#[tokio::test]
async fn an_authority_that_is_lost_or_due_is_made_anew_once() {
    for (is_lost, written) in [(true, "POST"), (false, "PUT")] {
        let mut bed = Bed::new(3);
        bed.server.register(&json!({}));
        bed.rest(Shown::Right).await;
        let first = bed.server.material();
        bed.server.writes();
        if is_lost {
            bed.server.store().objects.remove(SECRET);
        } else {
            bed.pass(DAY * 2434);
        }
        bed.rest(Shown::Right).await;
        let second = bed.server.material();
        assert_ne!(second.authority, first.authority);
        assert!(bed.serves(&second));
        assert_eq!(bed.server.bundle(), second.bundle);
        let expected = [
            format!("{written} {}", secret::NAME),
            format!("PATCH {}", trust::NAME),
        ];
        assert_eq!(bed.server.writes(), expected);
    }
}

#[tokio::test]
async fn a_placeholder_is_filled_and_nothing_else_in_it_changes() {
    let mut bed = Bed::new(1);
    let placeholder =
        json!({"metadata": {"name": secret::NAME, "labels": {"a": "b"}}, "type": secret::TYPE});
    bed.server.put(SECRET, &placeholder);
    bed.rest(Shown::Unknown).await;
    assert!(bed.serves(&bed.server.material()));
    assert_eq!(
        bed.server.store().objects[SECRET]["metadata"]["labels"],
        json!({"a": "b"})
    );
    assert_eq!(bed.server.writes(), [format!("PUT {}", secret::NAME)]);
}

#[tokio::test]
async fn damage_is_reported_and_what_was_good_is_served() {
    let mut bed = Bed::new(1);
    bed.server.register(&json!({}));
    bed.rest(Shown::Right).await;
    let good = bed.server.material();
    bed.server.writes();
    bed.server
        .change(SECRET, |secret| secret["data"]["ca.key"] = json!("eA=="));
    let error = bed.look().await.remove(0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot use Secret team/coder-k8s-apiserver-tls, which is left as it is: delete it to have \
         a new one made"
    );
    let why = ": field ca.key cannot be used: cannot read a PEM private key";
    assert!(chain(&error).contains(why), "{}", chain(&error));
    assert!(bed.server.writes().is_empty());
    assert!(bed.serves(&good));
}

#[tokio::test]
async fn an_expired_certificate_does_not_replace_a_good_one() {
    let mut bed = Bed::new(1);
    let old = bed.fields();
    bed.pass(jiff::SignedDuration::from_hours(24 * 400));
    bed.server.register(&json!({}));
    bed.rest(Shown::Right).await;
    let good = bed.server.material();
    // A backup is put back.
    bed.server.change(SECRET, |stored| {
        let secret: Secret = serde_json::from_value(stored.clone()).unwrap();
        *stored = serde_json::to_value(secret::with_fields(secret, &old)).unwrap();
    });
    let replica = &bed.replicas[0];
    replica.keeper.round(&replica.served).await.unwrap();
    assert!(bed.serves(&good));
    bed.rest(Shown::Right).await;
    let renewed = bed.server.material();
    assert!(bed.serves(&renewed));
    assert_eq!(renewed.bundle.0, old[AUTHORITY].expose_secret());
}

#[tokio::test]
async fn without_the_right_to_see_the_api_service_a_certificate_is_served() {
    let mut bed = Bed::new(1);
    bed.server.store().forbidden = vec![trust::NAME];
    let error = bed.look().await.remove(0).unwrap_err();
    let expected = "cannot read APIService v1alpha1.aggregation.coder.com";
    assert_eq!(error.to_string(), expected);
    assert!(bed.serves(&bed.server.material()));
}

#[tokio::test]
async fn what_is_not_ours_to_change_stays() {
    for (metadata, service, reason) in [
        (
            json!({"annotations": {"coder.com/manage-ca-bundle": "false"}}),
            "shim",
            Shown::Unmanaged,
        ),
        (json!({}), "other", Shown::OtherService),
    ] {
        let mut bed = Bed::new(2);
        bed.server.register(&json!({"caBundle": "eA=="}));
        bed.server.change(API_SERVICE, |found| {
            found["spec"]["service"]["name"] = json!(service);
            json_patch::merge(&mut found["metadata"], &metadata);
        });
        bed.rest(reason).await;
        assert_eq!(bed.server.bundle().0, b"x");
        assert!(bed.serves(&bed.server.material()));
    }
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_round_and_not_the_keeper() {
    let mut bed = Bed::new(1);
    bed.server.store().silent = true;
    let error = bed.look().await.remove(0).unwrap_err();
    assert!(matches!(error, Error::Slow), "{error}");
    let replica = bed.replicas.remove(0);
    let mut seen = replica.served.subscribe();
    let run = replica.keeper.run(replica.served);
    let answer = async {
        sleep(ROUND * 3).await;
        assert!(seen.borrow().is_none());
        bed.server.store().silent = false;
        timeout(ROUND * 2, seen.changed()).await.unwrap().unwrap();
    };
    tokio::select! {
        never = run => match never {},
        () = answer => {}
    }
}

#[tokio::test]
async fn nothing_of_a_key_is_printed() {
    let bed = Bed::new(1);
    let fields = bed.fields();
    let key = std::str::from_utf8(fields[secret::KEY].expose_secret()).unwrap();
    let secret = secret::with_fields(bed.replicas[0].keeper.placeholder(), &fields);
    let material = secret::read(&secret).unwrap().unwrap();
    let shown = format!(
        "{:?} {:?} {:?}",
        material.served, material.signer, material.holding
    );
    for line in key.lines().filter(|line| !line.starts_with('-')) {
        assert!(!shown.contains(line));
    }
}
