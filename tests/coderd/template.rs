//! Templates: names, changes, deletion and its proof.

use coder_k8s::coderd::types::TemplatePatch;
use uuid::Uuid;

use super::stage::{bed, client, import, name, new_template, organization, template, workspace};

#[tokio::test]
async fn a_template_is_found_by_name_in_any_case() {
    let client = client();
    let template = template(&client).await;
    let name = template.name.to_uppercase();
    let lookup = client
        .template_by_name(bed().organization(), &name)
        .await
        .unwrap();
    assert_eq!(lookup.found.as_ref(), Some(&template));
    assert!(lookup.at.unwrap().as_second() >= template.created_at.as_second());
    assert_eq!(client.template(template.id).await.unwrap(), template);
    assert_eq!(template.organization_name, bed().organization());
    assert!(client.templates().await.unwrap().contains(&template));
    assert!(
        !client
            .deprecated_templates()
            .await
            .unwrap()
            .contains(&template)
    );
    assert_eq!(client.deleted_template(template.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_name_is_taken_in_any_case_and_a_version_is_used_once() {
    let client = client();
    let template = template(&client).await;
    let organization = organization(&client).await;
    let version = import(&client, "", None).await;
    let wanted = new_template(&template.name.to_uppercase(), version.id);
    let error = client
        .create_template(organization, &wanted)
        .await
        .unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert_eq!(error.refusal().unwrap().validations[0].field, "name");
    let wanted = new_template(&name("t"), template.active_version_id);
    let error = client
        .create_template(organization, &wanted)
        .await
        .unwrap_err();
    assert!(error.is_validation(), "{error}");
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_shows_the_result() {
    let client = client();
    let before = template(&client).await;
    let patch = TemplatePatch {
        display_name: Some("Display".to_owned()),
        description: Some("Words".to_owned()),
        icon: Some("/icon/k8s.png".to_owned()),
        ..TemplatePatch::default()
    };
    let after = client.patch_template(before.id, &patch).await.unwrap();
    assert_eq!(
        (&*after.display_name, &*after.description, &*after.icon),
        ("Display", "Words", "/icon/k8s.png")
    );
    let patch = TemplatePatch {
        icon: Some(String::new()),
        ..TemplatePatch::default()
    };
    let after = client.patch_template(before.id, &patch).await.unwrap();
    assert_eq!(
        (&*after.display_name, &*after.description, &*after.icon),
        ("Display", "Words", "")
    );
    assert_eq!(client.template(before.id).await.unwrap(), after);

    // Too long for the check (display name) and for the database only (description).
    let long = |characters| Some("x".repeat(characters));
    for patch in [
        TemplatePatch {
            display_name: long(65),
            ..TemplatePatch::default()
        },
        TemplatePatch {
            description: long(129),
            ..TemplatePatch::default()
        },
        TemplatePatch {
            icon: long(257),
            ..TemplatePatch::default()
        },
    ] {
        let error = client.patch_template(before.id, &patch).await.unwrap_err();
        assert!(
            error.is_validation() && !error.may_have_arrived(),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_deletion_is_refused_with_workspaces_and_proved_without() {
    let client = client();
    let used = template(&client).await;
    workspace(&client, used.id).await;
    let error = client.delete_template(used.id).await.unwrap_err();
    assert!(error.is_validation(), "{error}");

    let template = template(&client).await;
    client.delete_template(template.id).await.unwrap();
    let proof = client.deleted_template(template.id).await.unwrap().unwrap();
    assert!(proof.deleted && proof.id == template.id);
    assert_eq!(
        client.deleted_template(Uuid::from_u128(1)).await.unwrap(),
        None
    );
    for error in [
        client.template(template.id).await.unwrap_err(),
        client.delete_template(template.id).await.unwrap_err(),
        client
            .patch_template(template.id, &TemplatePatch::default())
            .await
            .unwrap_err(),
    ] {
        assert!(error.is_not_found() && !error.is_gone(), "{error}");
    }
    let lookup = client
        .template_by_name(bed().organization(), &template.name)
        .await
        .unwrap();
    assert!(lookup.found.is_none() && lookup.at.is_some());
}
