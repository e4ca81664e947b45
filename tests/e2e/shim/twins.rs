//! Two namespaces with the same objects: one is driven through the old group, one through the stored
//! group, and their answers are compared.

use std::fmt;

use futures::future::join;
use serde_json::Value;

use super::{
    alike::{refuse_media, until_alike},
    caller::{Ask, Caller, Reply},
    oracle,
    server::ordinary_user,
    stage::{Group, Stage},
};

/// The namespaces, and who asks: somebody whose every request is authorized.
pub struct Twins {
    pub old: Stage,
    pub stored: Stage,
    user: Caller,
}

/// A request, whichever of the groups it is for. In `rest` and `body`, `{version}` stands for the version
/// of the group, `{other}` for that of the other group, and `{namespace}` for the namespace.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    pub method: String,
    pub plural: String,
    /// What follows the plural: `/name`, `/name/status`, `?query`.
    pub rest: String,
    /// Whether it is about all namespaces.
    pub everywhere: bool,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    /// The bodies, where they differ otherwise.
    pub bodies: Option<[String; 2]>,
}

impl Shape {
    pub fn new(method: &str, plural: &str, rest: &str) -> Self {
        Self {
            method: method.to_owned(),
            plural: plural.to_owned(),
            rest: rest.to_owned(),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn accept(self, value: &str) -> Self {
        self.header("accept", value)
    }

    #[must_use]
    pub fn everywhere(mut self) -> Self {
        self.everywhere = true;
        self
    }

    #[must_use]
    pub fn body(mut self, media: &str, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", media)
    }

    #[must_use]
    pub fn json(self, body: impl fmt::Display) -> Self {
        self.body("application/json", body.to_string())
    }

    fn ask(&self, group: Group, stage: &Stage) -> Ask {
        let other = match group {
            Group::Old => Group::Stored,
            Group::Stored => Group::Old,
        };
        let filled = |text: &str| {
            text.replace("{version}", &group.version())
                .replace("{other}", &other.version())
                .replace("{namespace}", &stage.namespace)
        };
        let collection = if self.everywhere {
            format!("/apis/{}/{}", group.version(), self.plural)
        } else {
            stage.path(group, &self.plural, "")
        };
        let mut ask = Ask::new(&self.method, collection + &filled(&self.rest));
        for (name, value) in &self.headers {
            ask = match name.as_str() {
                "accept" if group == Group::Stored => ask.header(name, &without_protobuf(value)),
                _ => ask.header(name, value),
            };
        }
        if let Some(body) = &self.body {
            ask.body = filled(body).into();
        }
        if let Some([old, stored]) = &self.bodies {
            ask.body = match group {
                Group::Old => old.clone().into(),
                Group::Stored => stored.clone().into(),
            };
        }
        ask
    }

    /// Whether the answer names both groups.
    fn is_foreign(&self) -> bool {
        self.body
            .as_ref()
            .is_some_and(|body| body.contains("{other}"))
    }
}

/// The old group has no protobuf: it answers as if it was not asked for.
fn without_protobuf(accept: &str) -> String {
    let clauses = accept
        .split(',')
        .filter(|clause| !clause.contains("protobuf"));
    clauses.collect::<Vec<_>>().join(",")
}

impl Twins {
    pub async fn new(test: &str) -> Self {
        let (old, stored) = join(
            Stage::new(&format!("{test}-old")),
            Stage::new(&format!("{test}-new")),
        )
        .await;
        let user = ordinary_user(old.bed).await;
        Self { old, stored, user }
    }

    /// Makes an object in both namespaces, past the aggregated API.
    pub async fn make(&self, plural: &str, object: &Value) {
        self.old.make(plural, object).await;
        self.stored.make(plural, object).await;
    }

    /// The object `name` as each group shows it.
    pub async fn read(&self, plural: &str, name: &str) -> [Value; 2] {
        let old = self.old.path(Group::Old, plural, name);
        let stored = self.stored.path(Group::Stored, plural, name);
        [
            self.old.admin.get(old).await.expect(200).json(),
            self.stored.admin.get(stored).await.expect(200).json(),
        ]
    }

    /// A PUT of what each group shows of `name` (or of its status, for `name/status`), edited.
    pub async fn put(&self, plural: &str, rest: &str, edit: impl Fn(&mut Value)) -> Shape {
        let name = rest.split(['/', '?']).next().unwrap();
        let bodies = self.read(plural, name).await.map(|mut object| {
            edit(&mut object);
            object.to_string()
        });
        let mut shape = Shape::new("PUT", plural, &format!("/{rest}")).json("");
        shape.bodies = Some(bodies);
        shape
    }

    /// Sends the request to both; what the old group answered, or what is not the same.
    pub async fn compare(&self, shape: &Shape) -> Result<Reply, String> {
        until_alike(&shape.method, || self.compare_once(shape)).await
    }

    async fn compare_once(&self, shape: &Shape) -> Result<Reply, String> {
        let (old, stored) = join(
            self.user.send(shape.ask(Group::Old, &self.old)),
            self.user.send(shape.ask(Group::Stored, &self.stored)),
        )
        .await;
        if refuse_media(&old, &stored) {
            return Ok(old);
        }
        let is_foreign = shape.is_foreign();
        let is_yaml = shape
            .headers
            .iter()
            .any(|(name, media)| name == "content-type" && media.contains("yaml"));
        let masked = |text: &str| {
            if is_yaml {
                oracle::masked_yaml(text)
            } else {
                text.to_owned()
            }
        };
        let expected = oracle::masked(
            &oracle::renamed(&oracle::said(&stored), is_foreign),
            &self.stored.namespace,
        );
        let got = oracle::masked(&oracle::said(&old), &self.old.namespace);
        let mut differences = Vec::new();
        let mut check = |what: &str, got: String, expected: String| {
            let (got, expected) = (masked(&got), masked(&expected));
            if got != expected {
                let mut lines = got.lines().zip(expected.lines());
                let (got, expected) = lines
                    .find(|(got, expected)| got != expected)
                    .unwrap_or((&got, &expected));
                differences.push(format!("{what}:\n  got      {got}\n  expected {expected}"));
            }
        };
        check("status", old.status.to_string(), stored.status.to_string());
        for name in ["content-type", "warning", "retry-after", "vary"] {
            let of = |reply: &Reply| -> Vec<String> {
                let values = reply.headers.get_all(name);
                let texts = values
                    .iter()
                    .map(|value| value.to_str().unwrap_or("?").to_owned());
                texts.collect()
            };
            let expected: Vec<_> = of(&stored)
                .iter()
                .map(|value| oracle::sentence(value, is_foreign))
                .collect();
            check(name, format!("{:?}", of(&old)), format!("{expected:?}"));
        }
        check("body", got, expected);
        if differences.is_empty() {
            return Ok(old);
        }
        Err(format!("{shape:?}\n{}", differences.join("\n")))
    }

    /// What both answer, with that status.
    #[track_caller]
    pub fn same(&self, shape: Shape, status: u16) -> impl Future<Output = Reply> {
        let caller = std::panic::Location::caller();
        async move {
            let reply = self.compare(&shape).await;
            let reply = reply.unwrap_or_else(|problem| panic!("{caller}: {problem}"));
            assert_eq!(reply.status, status, "{caller}: {shape:?} {}", reply.text());
            reply
        }
    }
}
