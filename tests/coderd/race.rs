//! Requests at the same time: one wins, the others are told about a conflict, in whatever form.

use coder_k8s::coderd::{NewBuild, Transition};
use futures::future::join_all;

use super::stage::{
    client, import, name, new_template, new_workspace, organization, template, workspace,
};

#[tokio::test]
async fn one_of_several_creations_wins() {
    let client = client();
    let template = template(&client).await;
    for _ in 0..3 {
        let wanted = new_workspace(&name("race"), template.id);
        let outcomes = join_all((0..4).map(|_| client.create_workspace("me", &wanted))).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for error in outcomes.into_iter().filter_map(Result::err) {
            assert!(error.is_conflict() && !error.may_have_arrived(), "{error}");
        }
    }
    let organization = organization(&client).await;
    let versions = [
        import(&client, "", None).await,
        import(&client, "", None).await,
    ];
    let name = name("race");
    let creations = versions.iter().map(|version| {
        let wanted = new_template(&name, version.id);
        let client = client.clone();
        async move { client.create_template(organization, &wanted).await }
    });
    let outcomes = join_all(creations).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for error in outcomes.into_iter().filter_map(Result::err) {
        assert!(error.is_conflict(), "{error}");
    }
}

#[tokio::test]
async fn one_of_several_builds_wins() {
    let client = client();
    let template = template(&client).await;
    let workspace = workspace(&client, template.id).await;
    let stop = NewBuild {
        transition: Transition::Stop,
        template_version_id: None,
        rich_parameter_values: Vec::new(),
    };
    let outcomes = join_all((0..4).map(|_| client.create_build(workspace.id, &stop))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for error in outcomes.into_iter().filter_map(Result::err) {
        assert!(error.is_conflict() && !error.may_have_arrived(), "{error}");
    }
}
