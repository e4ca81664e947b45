//! Template versions: import, names, promotion.

use coder_k8s::coderd::{JobStatus, JobType, LogLevel, Variable};
use serde_json::Value;
use uuid::Uuid;

use super::stage::{
    SOURCE, archive, as_owner, client, import, imported, name, new_template, new_version,
    organization, template,
};

#[tokio::test]
async fn a_version_without_template_is_imported_and_found_among_the_jobs() {
    let client = client();
    let organization = organization(&client).await;
    let file = client.upload_tar(archive(SOURCE)).await.unwrap();
    let wanted = new_version(&name("v"), file, None);
    let created = client.create_version(organization, &wanted).await.unwrap();
    assert_eq!((created.template_id, created.archived), (None, false));
    assert_eq!(created.job.status, JobStatus::Pending);
    // Before the import has ended there are no parameters. It may have, on a fast machine.
    if let Err(error) = client.version_parameters(created.id).await {
        assert!(error.is_importing(), "{error}");
    }
    let version = imported(&client, created.id).await;
    assert_eq!(version.job.status, JobStatus::Succeeded);
    assert_eq!(
        (version.name.as_str(), version.message.as_str()),
        (&*wanted.name, "a message")
    );
    assert_eq!(version.job.file_id, Some(file));

    let jobs = client.provisioner_jobs(organization, 50).await.unwrap();
    let job = jobs
        .iter()
        .find(|job| job.input.template_version_id == Some(version.id))
        .unwrap();
    assert_eq!(job.job_type, JobType::VersionImport);
    assert_eq!(job.metadata.template_version_name, wanted.name);
    assert_eq!(job.metadata.template_id, None);
    assert_eq!(job.initiator_id, Some(client.user("me").await.unwrap().id));

    let parameters = client.version_parameters(version.id).await.unwrap();
    let size = parameters.iter().find(|row| row.name == "size").unwrap();
    assert_eq!(
        (size.parameter_type.as_str(), size.default_value.as_str()),
        ("number", "1")
    );
    assert!(size.mutable && !size.required && !size.ephemeral);
    assert!(
        !parameters
            .iter()
            .find(|row| row.name == "region")
            .unwrap()
            .mutable
    );
    assert_eq!(client.version_log(version.id, 3).await.unwrap().len(), 3);
}

#[tokio::test]
async fn the_log_of_a_failed_import_tells_why() {
    let client = client();
    let version = import(
        &client,
        "resource \"terraform_data\" \"x\" { input = var.nope }",
        None,
    )
    .await;
    assert_eq!(version.job.status, JobStatus::Failed);
    assert!(version.job.error.is_some());
    let log = client.version_log(version.id, 100).await.unwrap();
    let text: String = log
        .iter()
        .filter(|line| line.log_level == LogLevel::Error)
        .map(|line| line.output.line(&client.secrets(), 1000))
        .collect();
    assert!(text.contains("nope"), "{log:?}");
    // coderd makes a template of it all the same, so the caller has to look before.
    let wanted = new_template(&name("t"), version.id);
    client
        .create_template(organization(&client).await, &wanted)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_missing_variable_has_an_error_code() {
    let client = client();
    let source = "variable \"secret\" { sensitive = true }";
    let version = import(&client, source, None).await;
    assert_eq!(
        version.job.error_code.as_deref(),
        Some("REQUIRED_TEMPLATE_VARIABLES")
    );
    let file = client.upload_tar(archive(source)).await.unwrap();
    let mut wanted = new_version(&name("v"), file, None);
    wanted.variables = vec![Variable {
        name: "secret".to_owned(),
        value: "given".to_owned(),
    }];
    let version = client
        .create_version(organization(&client).await, &wanted)
        .await
        .unwrap();
    assert_eq!(
        imported(&client, version.id).await.job.status,
        JobStatus::Succeeded
    );
}

#[tokio::test]
async fn names_are_taken_for_good_and_mind_case() {
    let client = client();
    let template = template(&client).await;
    let organization = organization(&client).await;
    let file = client.upload_tar(archive(SOURCE)).await.unwrap();
    let wanted = new_version("h-1", file, Some(template.id));
    let lookup = client.version_by_name(template.id, "h-1").await.unwrap();
    assert!(lookup.found.is_none() && lookup.at.is_some());
    let version = client.create_version(organization, &wanted).await.unwrap();
    assert_eq!(version.template_id, Some(template.id));
    // By coderd's own clock, cut to seconds.
    assert!(version.created_at.as_second() >= lookup.at.unwrap().as_second());
    let error = client
        .create_version(organization, &wanted)
        .await
        .unwrap_err();
    assert!(error.is_conflict() && !error.may_have_arrived(), "{error}");
    let found = client
        .version_by_name(template.id, "h-1")
        .await
        .unwrap()
        .found
        .unwrap();
    assert_eq!(found.id, version.id);
    assert!(
        client
            .version_by_name(template.id, "H-1")
            .await
            .unwrap()
            .found
            .is_none()
    );
}

#[tokio::test]
async fn only_a_succeeded_version_of_the_template_is_promoted() {
    let client = client();
    let template = template(&client).await;
    let failed = import(&client, "nonsense", Some(template.id)).await;
    let error = client
        .promote_version(template.id, failed.id)
        .await
        .unwrap_err();
    assert!(error.is_forbidden(), "{error}");
    let foreign = import(&client, SOURCE, None).await;
    let error = client
        .promote_version(template.id, foreign.id)
        .await
        .unwrap_err();
    assert!(error.is_validation(), "{error}");
    let error = client
        .promote_version(template.id, Uuid::from_u128(1))
        .await
        .unwrap_err();
    assert!(error.is_not_found(), "{error}");

    let next = import(&client, SOURCE, Some(template.id)).await;
    client.promote_version(template.id, next.id).await.unwrap();
    client.promote_version(template.id, next.id).await.unwrap();
    let read = client.template(template.id).await.unwrap();
    assert_eq!(read.active_version_id, next.id);

    // The one before is archived now: it is found by name, but has to be brought back first.
    let old = client.version(template.active_version_id).await.unwrap();
    let path = format!("/templateversions/{}/archive", old.id);
    as_owner(reqwest::Method::POST, &path, &Value::Null).await;
    let found = client
        .version_by_name(template.id, &old.name)
        .await
        .unwrap()
        .found
        .unwrap();
    assert!(found.archived);
    let error = client
        .promote_version(template.id, old.id)
        .await
        .unwrap_err();
    assert!(error.is_validation(), "{error}");
    client.unarchive_version(old.id).await.unwrap();
    let error = client.unarchive_version(old.id).await.unwrap_err();
    assert!(error.is_validation(), "{error}");
    client.promote_version(template.id, old.id).await.unwrap();
}

#[tokio::test]
async fn what_a_version_needs_has_to_exist() {
    let client = client();
    let organization = organization(&client).await;
    let wanted = new_version(&name("v"), Uuid::from_u128(1), None);
    let error = client
        .create_version(organization, &wanted)
        .await
        .unwrap_err();
    assert!(error.is_not_found(), "{error}");
    let file = client.upload_tar("no tar".into()).await.unwrap();
    let wanted = new_version(&name("v"), file, None);
    let error = client
        .create_version(organization, &wanted)
        .await
        .unwrap_err();
    assert!(error.is_validation(), "{error}");
    let error = client.version(Uuid::from_u128(1)).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
}
