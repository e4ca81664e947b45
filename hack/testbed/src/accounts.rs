//! The users of a fresh coderd: its owner, and the machine user that the controller runs as.
//!
//! The machine user is not an owner. Together its two roles allow everything that the sync
//! needs, and, unlike an owner's, its tokens may live long on any server.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Error;

/// Name of the first user, coderd's owner.
pub(crate) const OWNER: &str = "owner";
/// Name of the machine user.
pub(crate) const CONTROLLER: &str = "coder-k8s";

const LIFETIME_HOURS: u64 = 24 * 365;
const NANOSECONDS_PER_HOUR: u64 = 3_600_000_000_000;

/// What the set-up found and made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Accounts {
    pub(crate) organization: String,
    pub(crate) organization_id: String,
    pub(crate) owner_password: String,
    pub(crate) owner_token: String,
    pub(crate) controller_token: String,
}

/// Makes both users and their tokens.
pub(crate) async fn make(client: &reqwest::Client, url: &str) -> Result<Accounts, Error> {
    let password = format!("Aa1-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    let mut caller = Caller {
        client,
        url,
        token: String::new(),
    };
    let email = format!("{OWNER}@example.invalid");
    let first = json!({
        "email": email, "username": OWNER, "name": "Owner", "password": password, "trial": false,
    });
    caller
        .post("make the first user", "users/first", &first)
        .await?;
    let login = json!({ "email": email, "password": password });
    let session = caller
        .post("log in the first user", "users/login", &login)
        .await?;
    caller.token = text(&session, "session_token");
    let owner_token = caller.make_token("me", "make the owner's token").await?;

    let organization = caller
        .get("read the organization", "organizations/default")
        .await?;
    let organization_id = text(&organization, "id");
    let machine = json!({
        "email": format!("{CONTROLLER}@example.invalid"), "username": CONTROLLER,
        "password": format!("Aa1-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)),
        "login_type": "password", "organization_ids": [organization_id],
    });
    caller
        .post("make the machine user", "users", &machine)
        .await?;
    let roles = json!({ "roles": ["template-admin"] });
    let path = format!("users/{CONTROLLER}/roles");
    caller
        .put("give the machine user its role", &path, &roles)
        .await?;
    let roles = json!({ "roles": ["organization-admin"] });
    let path = format!("organizations/{organization_id}/members/{CONTROLLER}/roles");
    caller
        .put(
            "give the machine user its role in the organization",
            &path,
            &roles,
        )
        .await?;
    let controller_token = caller
        .make_token(CONTROLLER, "make the machine user's token")
        .await?;
    Ok(Accounts {
        organization: text(&organization, "name"),
        organization_id,
        owner_password: password,
        owner_token,
        controller_token,
    })
}

struct Caller<'a> {
    client: &'a reqwest::Client,
    url: &'a str,
    token: String,
}

impl Caller<'_> {
    async fn make_token(&self, user: &str, action: &'static str) -> Result<String, Error> {
        let lifetime = LIFETIME_HOURS * NANOSECONDS_PER_HOUR;
        let body = json!({ "token_name": "testbed", "lifetime": lifetime, "scope": "all" });
        let path = format!("users/{user}/keys/tokens");
        Ok(text(&self.post(action, &path, &body).await?, "key"))
    }

    async fn get(&self, action: &'static str, path: &str) -> Result<Value, Error> {
        self.send(action, self.client.get(self.at(path))).await
    }

    async fn post(&self, action: &'static str, path: &str, body: &Value) -> Result<Value, Error> {
        self.send(action, self.client.post(self.at(path)).json(body))
            .await
    }

    async fn put(&self, action: &'static str, path: &str, body: &Value) -> Result<Value, Error> {
        self.send(action, self.client.put(self.at(path)).json(body))
            .await
    }

    fn at(&self, path: &str) -> String {
        format!("{}/api/v2/{path}", self.url)
    }

    async fn send(
        &self,
        action: &'static str,
        request: reqwest::RequestBuilder,
    ) -> Result<Value, Error> {
        let failed = |source| Error::Request { action, source };
        let request = request.header("Coder-Session-Token", &self.token);
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        let body = answer.text().await.map_err(failed)?;
        match serde_json::from_str(&body) {
            Ok(value) if status.is_success() => Ok(value),
            _ => Err(Error::Refused {
                action,
                status: status.as_u16(),
                body,
            }),
        }
    }
}

fn text(object: &Value, field: &str) -> String {
    object
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
