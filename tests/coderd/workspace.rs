//! Workspaces and builds: settings, refusals, the way from creation to 410.

use coder_k8s::coderd::{
    AutomaticUpdates, BuildReason, BuildStatus, Client, JobStatus, NewBuild, Parameter, Transition,
};
use uuid::Uuid;

use super::stage::{bed, built, client, import, name, new_workspace, template, workspace};

fn build(transition: Transition) -> NewBuild {
    NewBuild {
        transition,
        template_version_id: None,
        rich_parameter_values: Vec::new(),
    }
}

fn parameter(name: &str, value: &str) -> Parameter {
    Parameter {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

#[tokio::test]
async fn a_workspace_goes_from_creation_to_410() {
    let client = client();
    let template = template(&client).await;
    let mut wanted = new_workspace(&name("W"), template.id);
    wanted.rich_parameter_values = vec![parameter("size", "3")];
    let owner = bed().controller_user();

    let lookup = client.workspace_by_name(owner, &wanted.name).await.unwrap();
    assert!(lookup.found.is_none() && lookup.at.is_some());
    let created = client.create_workspace("me", &wanted).await.unwrap();
    assert!(created.created_at.as_second() >= lookup.at.unwrap().as_second());
    let first = created.latest_build;
    assert_eq!(
        (first.build_number, &first.transition),
        (1, &Transition::Start)
    );
    let error = client
        .create_build(created.id, &build(Transition::Stop))
        .await
        .unwrap_err();
    assert!(error.is_conflict() && !error.may_have_arrived(), "{error}");
    let first = built(&client, first.id).await;
    assert_eq!(
        (first.status, first.job.status),
        (BuildStatus::Running, JobStatus::Succeeded)
    );
    assert_eq!(first.reason, BuildReason::Initiator);
    assert_eq!(first.initiator_name, owner);

    let read = client.workspace(created.id).await.unwrap();
    assert_eq!(
        (&*read.owner_name, &*read.template_name),
        (owner, &*template.name)
    );
    assert_eq!(read.latest_build.agents().next().unwrap().name, "main");
    assert!(!read.outdated && !read.is_prebuild && read.dormant_at.is_none());
    let lookup = client
        .workspace_by_name(owner, &wanted.name.to_lowercase())
        .await
        .unwrap();
    assert_eq!(lookup.found.unwrap().id, created.id);
    let list = client.workspaces().await.unwrap();
    assert!(list.workspaces.iter().any(|row| row.id == created.id));
    assert!(list.count >= list.workspaces.len());

    let values = client.build_parameters(first.id).await.unwrap();
    assert!(values.contains(&parameter("size", "3")), "{values:?}");
    assert!(values.contains(&parameter("region", "eu")), "{values:?}");
    assert_eq!(client.build_log(first.id, 2).await.unwrap().len(), 2);

    let stop = client
        .create_build(created.id, &build(Transition::Stop))
        .await
        .unwrap();
    assert_eq!(stop.build_number, 2);
    assert_eq!(built(&client, stop.id).await.status, BuildStatus::Stopped);
    let numbers: Vec<i32> = client
        .builds(created.id, 5)
        .await
        .unwrap()
        .iter()
        .map(|build| build.build_number)
        .collect();
    assert_eq!(numbers, [2, 1]);
    let by_number = client
        .build_by_number(owner, &wanted.name, 2)
        .await
        .unwrap();
    assert_eq!(by_number.id, stop.id);

    let delete = client
        .create_build(created.id, &build(Transition::Delete))
        .await
        .unwrap();
    assert_eq!(built(&client, delete.id).await.status, BuildStatus::Deleted);
    gone(&client, created.id).await;
    assert!(
        client
            .workspace_by_name(owner, &wanted.name)
            .await
            .unwrap()
            .found
            .is_none()
    );
    let error = client
        .create_build(created.id, &build(Transition::Start))
        .await
        .unwrap_err();
    assert!(error.is_conflict(), "{error}");
    // No proof of existence: settings of a deleted one are accepted.
    client
        .set_workspace_ttl(created.id, Some(60_000))
        .await
        .unwrap();
}

/// For some milliseconds a deleted workspace is still shown.
async fn gone(client: &Client, id: Uuid) {
    let error = super::stage::until(async || client.workspace(id).await.err()).await;
    assert!(error.is_gone() && !error.is_not_found(), "{error}");
}

#[tokio::test]
async fn settings_are_shown_as_coderd_keeps_them() {
    let client = client();
    let template = template(&client).await;
    let id = workspace(&client, template.id).await.id;
    for (sent, kept) in [(Some(90_500), Some(60_000)), (None, None), (Some(0), None)] {
        client.set_workspace_ttl(id, sent).await.unwrap();
        assert_eq!(client.workspace(id).await.unwrap().ttl_ms, kept);
    }
    for ttl in [1, 59_999, 31 * 24 * 3_600_000] {
        let error = client.set_workspace_ttl(id, Some(ttl)).await.unwrap_err();
        assert!(error.is_validation(), "{error}");
        assert_eq!(error.refusal().unwrap().validations[0].field, "ttl_ms");
    }
    let schedule = "CRON_TZ=Europe/Berlin 30  9 * * 1-5";
    client
        .set_workspace_autostart(id, Some(schedule))
        .await
        .unwrap();
    let read = client.workspace(id).await.unwrap();
    assert_eq!(read.autostart_schedule.as_deref(), Some(schedule));
    let error = client
        .set_workspace_autostart(id, Some("@daily"))
        .await
        .unwrap_err();
    assert!(error.is_validation(), "{error}");
    client.set_workspace_autostart(id, None).await.unwrap();
    assert_eq!(client.workspace(id).await.unwrap().autostart_schedule, None);
    assert_eq!(read.automatic_updates, AutomaticUpdates::Never);
    client
        .set_workspace_automatic_updates(id, &AutomaticUpdates::Always)
        .await
        .unwrap();
    let read = client.workspace(id).await.unwrap();
    assert_eq!(read.automatic_updates, AutomaticUpdates::Always);
}

#[tokio::test]
async fn creations_that_cannot_work_are_told_apart() {
    let client = client();
    let template = template(&client).await;
    let taken = workspace(&client, template.id).await.name.to_uppercase();
    let error = client
        .create_workspace("me", &new_workspace(&taken, template.id))
        .await
        .unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert_eq!(error.refusal().unwrap().validations[0].field, "name");

    let unknown = new_workspace(&name("w"), Uuid::from_u128(1));
    let error = client.create_workspace("me", &unknown).await.unwrap_err();
    assert!(error.is_validation(), "{error}");
    let error = client
        .create_workspace(&name("nobody"), &unknown)
        .await
        .unwrap_err();
    assert!(error.is_not_found(), "{error}");

    let mut wanted = new_workspace(&name("w"), template.id);
    wanted.rich_parameter_values = vec![parameter("size", "9")];
    let error = client.create_workspace("me", &wanted).await.unwrap_err();
    assert!(error.is_validation(), "{error}");
    assert_eq!(error.refusal().unwrap().validations[0].field, "size");

    let failed = import(&client, "nonsense", Some(template.id)).await;
    let mut wanted = new_workspace(&name("w"), template.id);
    (wanted.template_id, wanted.template_version_id) = (None, Some(failed.id));
    let error = client.create_workspace("me", &wanted).await.unwrap_err();
    assert!(error.is_validation(), "{error}");
}

#[tokio::test]
async fn a_build_takes_the_version_and_values_it_is_given() {
    let client = client();
    let template = template(&client).await;
    let workspace = workspace(&client, template.id).await;
    let next = import(&client, super::stage::SOURCE, Some(template.id)).await;
    client.promote_version(template.id, next.id).await.unwrap();
    assert!(client.workspace(workspace.id).await.unwrap().outdated);
    // A plain start does not update.
    let plain = client
        .create_build(workspace.id, &build(Transition::Start))
        .await
        .unwrap();
    assert_ne!(plain.template_version_id, next.id);
    built(&client, plain.id).await;
    let wanted = NewBuild {
        transition: Transition::Start,
        template_version_id: Some(next.id),
        rich_parameter_values: vec![parameter("size", "5")],
    };
    let update = client.create_build(workspace.id, &wanted).await.unwrap();
    assert_eq!(update.template_version_name, "");
    assert_eq!(
        built(&client, update.id).await.template_version_name,
        next.name
    );
    let values = client.build_parameters(update.id).await.unwrap();
    assert!(values.contains(&parameter("size", "5")), "{values:?}");

    let immutable = NewBuild {
        rich_parameter_values: vec![parameter("region", "us")],
        ..build(Transition::Start)
    };
    let error = client
        .create_build(workspace.id, &immutable)
        .await
        .unwrap_err();
    assert!(error.is_validation(), "{error}");
    let unknown = NewBuild {
        template_version_id: Some(Uuid::from_u128(1)),
        ..build(Transition::Start)
    };
    let error = client
        .create_build(workspace.id, &unknown)
        .await
        .unwrap_err();
    assert!(error.is_validation(), "{error}");
}

#[tokio::test]
async fn what_never_was_is_not_found() {
    let client = client();
    let id = Uuid::from_u128(1);
    for error in [
        client.workspace(id).await.unwrap_err(),
        client.builds(id, 1).await.unwrap_err(),
        client.build(id).await.unwrap_err(),
        client.build_parameters(id).await.unwrap_err(),
        client.build_log(id, 1).await.unwrap_err(),
        client
            .build_by_number("me", &name("w"), 1)
            .await
            .unwrap_err(),
        client.set_workspace_ttl(id, None).await.unwrap_err(),
        client
            .create_build(id, &build(Transition::Start))
            .await
            .unwrap_err(),
    ] {
        assert!(error.is_not_found() && !error.is_gone(), "{error}");
    }
}
