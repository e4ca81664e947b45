//! Another coderd on a bed, with a database and accounts of its own.

use std::{path::PathBuf, time::Duration};

use rustix::process::Signal;

use crate::{
    Access, Error, Options,
    accounts::{self, Accounts},
    build::Binaries,
    file,
    ports::Ports,
    run::{Spec, output},
    servers::{READY, coderd},
    service::{Service, WhenEnded, complain},
    thread, tool,
};

const PATIENCE: Duration = Duration::from_secs(15);

/// Another coderd on a bed. Dropping it kills it; its database goes with the bed's PostgreSQL.
#[derive(Debug)]
pub struct Coder {
    service: Service,
    url: String,
    accounts: Accounts,
    token_file: PathBuf,
    _ports: Ports,
}

impl Access {
    /// Starts another coderd beside the bed's own: its database `name` is on the same PostgreSQL. Returns when it is
    /// ready.
    pub async fn start_coder(&self, name: &str) -> Result<Coder, Error> {
        let (access, name) = (self.clone(), name.to_owned());
        thread::run(async move { Coder::start(&access, &name).await }).await
    }
}

impl Coder {
    async fn start(access: &Access, name: &str) -> Result<Self, Error> {
        let layout = access.layout();
        let database = make_database(access, name).await?;
        let binaries = Binaries::ensure(&|text| complain(text))?;
        let mut ports = Ports::reserve()?;
        let port = ports.take()?;
        let process = format!("coderd-{name}");
        let spec = coderd::spec(
            &layout,
            &binaries,
            &process,
            port,
            &database,
            &Options::default(),
        )?;
        let service = Service::new(spec, WhenEnded::StayDown)?;
        let client = crate::http::client()
            .no_proxy()
            .build()
            .map_err(|source| Error::Request {
                action: "set up requests",
                source,
            })?;
        let url = coderd::url(port);
        service.start().await?;
        service
            .ready(READY, || coderd::probe(client.clone(), url.clone()))
            .await?;
        let accounts = accounts::make(&client, &url).await?;
        let token_file = layout.token(&process);
        file::write_secret(&token_file, &accounts.controller_token)?;
        Ok(Self {
            service,
            url,
            accounts,
            token_file,
            _ports: ports,
        })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A token of its owner.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.accounts.owner_token
    }

    /// The token of the machine user that the controller runs as.
    #[must_use]
    pub fn controller_token(&self) -> &str {
        &self.accounts.controller_token
    }

    /// The file with that token.
    #[must_use]
    pub fn controller_token_file(&self) -> &std::path::Path {
        &self.token_file
    }

    /// The name of its default organization.
    #[must_use]
    pub fn organization(&self) -> &str {
        &self.accounts.organization
    }
}

impl Drop for Coder {
    fn drop(&mut self) {
        let service = self.service.clone();
        let end = async move { service.end(Signal::KILL, PATIENCE).await };
        thread::run_blocking(end, PATIENCE);
    }
}

/// Makes a database; gives back its URL.
async fn make_database(access: &Access, name: &str) -> Result<String, Error> {
    let url = access.postgres_url();
    let createdb = tool::postgres_client("createdb")?;
    let spec = Spec::new("createdb", createdb, &access.layout())
        .arguments([format!("--maintenance-db={url}"), name.to_owned()]);
    output(&spec).await?;
    Ok(database_url(url, name))
}

/// The URL of another database on the same server.
fn database_url(url: &str, name: &str) -> String {
    let (rest, parameters) = match url.split_once('?') {
        Some((rest, parameters)) => (rest, format!("?{parameters}")),
        None => (url, String::new()),
    };
    // After the host, the path is the database.
    let host = rest.find("://").map_or(0, |at| at + 3);
    let path = rest[host..].find('/').map_or(rest.len(), |at| host + at);
    format!("{}/{name}{parameters}", &rest[..path])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_is_on_the_same_server() {
        for (url, expected) in [
            (
                "postgres://u:p@h:1/postgres?sslmode=disable",
                "postgres://u:p@h:1/b?sslmode=disable",
            ),
            ("postgres://u:p@h:1/postgres", "postgres://u:p@h:1/b"),
            ("postgres://h", "postgres://h/b"),
            ("postgres://h?a=/x", "postgres://h/b?a=/x"),
        ] {
            assert_eq!(database_url(url, "b"), expected);
        }
    }
}
