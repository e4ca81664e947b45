//! Whatever a caller sends and kube-apiserver answers: no panic, a text for each failure, no request for
//! anything else than what was named, and nothing written by what only reads.

use std::collections::BTreeSet;

use http::Method;
use proptest::{collection::vec, prelude::*};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::super::*;
use crate::{
    k8s::fake::{Answer, Seen, server},
    mcp::{access::Access, running::Running},
};

/// What requests may be about.
const PLURALS: [&str; 7] = [
    "codercontrolplanes",
    "coderworkspaces",
    "codertemplates",
    "pods",
    "services",
    "events",
    "deployments",
];

/// Words that mean something somewhere.
fn text() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        "[a-z.-]{0,12}",
        ".{0,16}",
        Just("CoderWorkspace".to_owned()),
        Just("True".to_owned()),
        Just("../../secrets".to_owned()),
        Just("x?watch=true".to_owned()),
        Just("kube-system/secrets/a".to_owned()),
    ]
}

/// Any JSON.
fn value() -> impl Strategy<Value = Value> + Clone {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((text(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Arguments: each that the tool knows is there or not, right or not, and sometimes another one.
fn arguments(tool: &Tool) -> BoxedStrategy<JsonObject> {
    let properties = tool.definition.input_schema.get("properties");
    let names = properties.and_then(Value::as_object).into_iter().flatten();
    let names: Vec<_> = names.map(|(name, _)| name.clone()).collect();
    let given: Vec<_> = names
        .into_iter()
        .map(|name| {
            let usual = match name.as_str() {
                "limit" | "tailLines" | "limitBytes" | "timeoutSeconds" => json!(7),
                "running" | "force" => json!(true),
                "spec" => json!({"displayName": "x"}),
                "kind" => json!("CoderWorkspace"),
                _ => json!("a.b.c"),
            };
            let value =
                prop_oneof![4 => Just(Some(usual)), 3 => value().prop_map(Some), 1 => Just(None)];
            (Just(name), value)
        })
        .collect();
    let other = prop_oneof![9 => Just(None), 1 => (text(), value()).prop_map(Some)];
    let all = (given, other).prop_map(|(given, other)| {
        let given = given
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        given.chain(other).collect()
    });
    all.boxed()
}

/// An answer of kube-apiserver: an object or a list of the right shape with anything in it, or anything.
fn answer() -> impl Strategy<Value = (u16, Value)> {
    let object = (value(), value(), value()).prop_map(|(metadata, spec, status)| {
        let mut object = json!({
            "metadata": {"name": "a", "namespace": "n", "resourceVersion": "1"},
            "spec": spec,
            "status": status,
        });
        if let (Value::Object(into), Value::Object(more)) = (&mut object["metadata"], metadata) {
            into.extend(more);
        }
        object
    });
    let list = (vec(object.clone(), 0..4), text())
        .prop_map(|(items, next)| json!({"items": items, "metadata": {"continue": next}}));
    let code = prop_oneof![6 => Just(200_u16), 1 => Just(403), 1 => Just(404), 1 => Just(409), 1 => Just(500)];
    (code, prop_oneof![object, list, value()])
}

async fn run(
    tool: &Tool,
    arguments: JsonObject,
    code: u16,
    body: Value,
) -> (Result<Value, Failure>, Vec<Seen>) {
    let (client, log) = server(move |_: &Seen| Answer::json(code, &body));
    let call = Call {
        access: Access::new(client),
        gone: CancellationToken::new(),
        entry: Arc::new(Running::default()).enter("a", &json!(1)),
        progress: None,
    };
    let result = tool.run(Arc::new(call), arguments).await;
    (result, log.all())
}

/// Each request is for one of our kinds, in the namespace that was named, and reads unless the tool
/// writes.
fn check(tool: &Tool, arguments: &JsonObject, seen: &Seen) {
    let parts: Vec<_> = seen.path.split('/').skip(1).collect();
    let rest = match parts.as_slice() {
        ["version"] => return,
        ["api", "v1", rest @ ..]
        | ["apis", "coder.com", "v1alpha1", rest @ ..]
        | ["apis", "apps", "v1", rest @ ..] => rest,
        _ => panic!("{}", seen.path),
    };
    let plural = match rest {
        ["namespaces", namespace, plural, ..] => {
            assert_eq!(arguments["namespace"], *namespace);
            plural
        }
        [plural] => plural,
        _ => panic!("{}", seen.path),
    };
    assert!(PLURALS.contains(plural), "{}", seen.path);
    let below: BTreeSet<_> = rest.iter().skip(4).copied().collect();
    assert!(
        below.is_empty() || below == BTreeSet::from(["log"]),
        "{}",
        seen.path
    );
    assert!(!seen.is_watch());
    assert!(tool.writes || seen.method == Method::GET, "{}", seen.path);
    let is_dry = seen.parameter("dryRun") == Some("All");
    let is_apply = tool.definition.name.starts_with("apply_") && seen.method == Method::PATCH;
    assert!(!is_apply || is_dry || arguments.contains_key("confirm"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_that_is_sent_or_answered_does_harm(
        (index, arguments) in (0..all(true).len()).prop_flat_map(|index| {
            (Just(index), arguments(&all(true)[index]))
        }),
        (code, body) in answer(),
    ) {
        let tools = all(true);
        let tool = &tools[index];
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let (result, seen) = runtime.block_on(run(tool, arguments.clone(), code, body));
        for seen in &seen {
            check(tool, &arguments, seen);
        }
        match result {
            Ok(output) => prop_assert!(output.is_object()),
            Err(failure) => prop_assert!(!failure.to_string().is_empty() && !failure.word().is_empty()),
        }
    }
}
