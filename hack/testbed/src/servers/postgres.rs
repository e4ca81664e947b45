//! PostgreSQL for coderd, on data that nobody needs after the bed.

use std::{fs, os::unix::fs::DirBuilderExt, path::Path};

use crate::{
    Error,
    account::Account,
    file,
    layout::Layout,
    run::{Spec, output},
};

const USER: &str = "coder";

/// The parts of a PostgreSQL server.
#[derive(Debug)]
pub(crate) struct Postgres {
    pub(crate) spec: Spec,
    pub(crate) url: String,
}

/// Makes the data folder.
pub(crate) async fn prepare(
    layout: &Layout,
    programs: &Path,
    port: u16,
) -> Result<Postgres, Error> {
    let account = Account::for_postgres()?;
    let folder = layout.directory.join("postgres");
    let data = layout.postgres_data();
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&data)
        .map_err(Error::file("make", &data))?;
    let password = format!("{:016x}", fastrand::u64(..));
    let password_file = folder.join("password");
    file::write_secret(&password_file, &password)?;
    if let Some(account) = account {
        for path in [&folder, &data, &password_file] {
            account.give(path)?;
        }
    }
    let spec = |name: &str, program: &str| Spec {
        account,
        directory: folder.clone(),
        ..Spec::new(name, programs.join(program), layout)
    };
    let initdb = spec("initdb", "initdb").arguments([
        format!("--pgdata={}", data.display()),
        format!("--username={USER}"),
        "--auth=scram-sha-256".to_owned(),
        format!("--pwfile={}", password_file.display()),
        "--encoding=UTF8".to_owned(),
        "--locale=C".to_owned(),
        "--no-sync".to_owned(),
    ]);
    output(&initdb).await?;
    let settings = [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        "unix_socket_directories=".to_owned(),
        // In the data folder, so that it goes with it.
        "dynamic_shared_memory_type=mmap".to_owned(),
        "shared_buffers=64MB".to_owned(),
        "max_connections=200".to_owned(),
        "fsync=off".to_owned(),
        "synchronous_commit=off".to_owned(),
        "full_page_writes=off".to_owned(),
        "logging_collector=off".to_owned(),
    ];
    let spec = spec("postgres", "postgres")
        .arguments(["-D".into(), data.into_os_string()])
        .arguments(
            settings
                .into_iter()
                .flat_map(|setting| ["-c".to_owned(), setting]),
        );
    let url = format!("postgres://{USER}:{password}@127.0.0.1:{port}/postgres?sslmode=disable");
    Ok(Postgres { spec, url })
}

/// Content when this very process says in its status file that it takes connections.
pub(crate) fn probe(layout: &Layout, process: Option<u32>) -> Result<(), String> {
    let path = layout.postgres_data().join("postmaster.pid");
    let text = fs::read_to_string(path).map_err(|error| format!("no status file: {error}"))?;
    let mut lines = text.lines();
    let of_process = lines.next().and_then(|line| line.trim().parse().ok());
    let state = lines.nth(6).unwrap_or("starting").trim();
    if of_process.is_some() && of_process == process && state == "ready" {
        return Ok(());
    }
    Err(format!("its state is {state:?}"))
}
