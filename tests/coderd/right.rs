//! What a user without rights is told: by status, or by a 500 that means the same.

use coder_k8s::coderd::types::TemplatePatch;

use super::stage::{
    self, client, client_with, member, name, new_workspace, organization, workspace,
};

#[tokio::test]
async fn a_missing_right_is_told_from_a_fault() {
    let admin = client();
    let template = stage::template(&admin).await;
    let foreign = workspace(&admin, template.id).await;
    // A used one is refused for that reason, before any right is asked for.
    let unused = stage::template(&admin).await;
    let (_, token) = member().await;
    let client = client_with(&token);

    // 403 and 500 with `rbac: forbidden`.
    for error in [
        client.delete_template(unused.id).await.unwrap_err(),
        client
            .patch_template(template.id, &TemplatePatch::default())
            .await
            .unwrap_err(),
        client
            .create_workspace(&foreign.owner_name, &new_workspace(&name("w"), template.id))
            .await
            .unwrap_err(),
    ] {
        assert!(error.is_forbidden(), "{error}");
        assert!(
            !error.is_unavailable() && !error.may_have_arrived(),
            "{error}"
        );
    }
    // 404: what may not be read might as well not be there.
    for error in [
        client.workspace(foreign.id).await.unwrap_err(),
        client
            .set_workspace_ttl(foreign.id, None)
            .await
            .unwrap_err(),
        client.user(&foreign.owner_name).await.unwrap_err(),
        client
            .provisioner_jobs(organization(&client).await, 1)
            .await
            .unwrap_err(),
    ] {
        assert!(error.is_not_found(), "{error}");
    }
    assert!(client.workspaces().await.unwrap().workspaces.is_empty());
}
