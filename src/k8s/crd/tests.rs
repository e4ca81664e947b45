use serde_json::{Value, json};

use super::*;
use crate::k8s::fake::{Answer, server, status};

const NAME: &str = "coderworkspaces.coder.com";

async fn state_of(code: u16, body: Value) -> Result<CrdState, Error> {
    let (client, log) = server(move |_| Answer::json(code, &body));
    let state = crd_state(&client, NAME).await;
    let seen = log.only();
    assert_eq!(
        seen.path,
        format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{NAME}")
    );
    assert!(seen.header("accept").contains("as=PartialObjectMetadata"));
    state
}

#[tokio::test]
async fn a_crd_is_present_terminating_or_missing() {
    let present = json!({"metadata": {"name": NAME}});
    assert_eq!(state_of(200, present).await.unwrap(), CrdState::Present);
    let going = json!({"metadata": {"name": NAME, "deletionTimestamp": "2026-11-21T13:00:00Z",
        "finalizers": ["customresourcecleanup.apiextensions.k8s.io"]}});
    assert_eq!(state_of(200, going).await.unwrap(), CrdState::Terminating);
    let details = json!({"name": NAME, "group": "apiextensions.k8s.io",
        "kind": "customresourcedefinitions"});
    let missing = status(404, "NotFound", "not found", &details);
    assert_eq!(state_of(404, missing).await.unwrap(), CrdState::Missing);
}

#[tokio::test]
async fn what_cannot_be_read_is_no_state() {
    let error = state_of(403, status(403, "Forbidden", "no", &json!({}))).await;
    assert!(error.unwrap_err().is_forbidden());
    assert!(state_of(404, json!("page not found")).await.is_err());
}

#[tokio::test]
async fn a_crd_is_read_whole_only_where_it_is_another_one() {
    let metadata = json!({"name": NAME, "uid": "u", "generation": 2});
    let names = json!({"kind": "CoderWorkspace", "plural": "coderworkspaces"});
    let spec = json!({"group": "coder.com", "names": names, "scope": "Namespaced", "versions": []});
    let whole = json!({"metadata": metadata, "spec": spec});
    let (client, log) = server(move |_| Answer::json(200, &whole));
    let version = ("u".to_owned(), 2);
    let first = installed(&client, NAME, None).await.unwrap();
    let Installed::Changed(seen, crd) = first else {
        panic!("{first:?}")
    };
    assert_eq!(
        (seen, crd.spec.group.as_str()),
        (version.clone(), "coder.com")
    );
    assert_eq!(log.all().len(), 2);
    let again = installed(&client, NAME, Some(&version)).await.unwrap();
    assert!(matches!(again, Installed::Unchanged), "{again:?}");
    assert!(
        log.all()[2]
            .header("accept")
            .contains("as=PartialObjectMetadata")
    );
    for known in [("u".to_owned(), 1), ("v".to_owned(), 2)] {
        let changed = installed(&client, NAME, Some(&known)).await.unwrap();
        assert!(matches!(changed, Installed::Changed(..)), "{changed:?}");
    }

    let going = json!({"metadata": {"name": NAME, "uid": "u", "generation": 2,
        "deletionTimestamp": "2026-11-21T13:00:00Z"}});
    let (client, _) = server(move |_| Answer::json(200, &going));
    let found = installed(&client, NAME, Some(&version)).await.unwrap();
    assert!(matches!(found, Installed::Going), "{found:?}");
}

#[tokio::test]
async fn what_is_served_tells_a_kind_that_is_being_removed() {
    for (resources, expected) in [
        (
            json!([{ "name": "coderworkspaces", "verbs": ["create", "get"] }]),
            CrdState::Present,
        ),
        (
            json!([{ "name": "coderworkspaces", "verbs": ["delete", "get"] }]),
            CrdState::Terminating,
        ),
        (
            json!([{ "name": "codertemplates", "verbs": ["create"] }]),
            CrdState::Missing,
        ),
    ] {
        let mut list = json!({ "kind": "APIResourceList", "groupVersion": "coder.com/v1alpha1" });
        list["resources"] = resources
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let mut one = one.clone();
                one["kind"] = json!("CoderWorkspace");
                one["namespaced"] = json!(true);
                one["singularName"] = json!("");
                one
            })
            .collect();
        let (client, log) = server(move |_| Answer::json(200, &list));
        let state = served::<crate::api::workspace::CoderWorkspace>(&client).await;
        assert_eq!(state.unwrap(), expected);
        assert_eq!(log.only().path, "/apis/coder.com/v1alpha1");
    }
}
