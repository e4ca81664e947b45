//! Whom a process runs as: PostgreSQL refuses to run as root.

use std::{os::unix::fs::chown, path::Path};

use crate::{Error, file};

const NAME: &str = "postgres";

/// A user of the machine, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// The user that PostgreSQL runs as: `postgres` for root, ourselves (`None`) otherwise.
    pub(crate) fn for_postgres() -> Result<Option<Self>, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let accounts = file::read(Path::new("/etc/passwd"))?;
        match Self::find(&accounts) {
            Some(account) => Ok(Some(account)),
            None => Err(Error::MissingTool {
                tool: "the user `postgres`".to_owned(),
                package: "the Debian package postgresql",
            }),
        }
    }

    fn find(accounts: &str) -> Option<Self> {
        accounts.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next() != Some(NAME) {
                return None;
            }
            let user = fields.nth(1)?.parse().ok()?;
            let group = fields.next()?.parse().ok()?;
            Some(Self { user, group })
        })
    }

    /// Gives a file or folder to this user.
    pub(crate) fn give(self, path: &Path) -> Result<(), Error> {
        chown(path, Some(self.user), Some(self.group))
            .map_err(Error::file("give to the user postgres", path))
    }

    /// What `setpriv` has to be told.
    pub(crate) fn arguments(self) -> [String; 3] {
        [
            format!("--reuid={}", self.user),
            format!("--regid={}", self.group),
            "--init-groups".to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_name() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:103::/var:/bin/sh\n";
        assert_eq!(
            Account::find(accounts),
            Some(Account {
                user: 101,
                group: 103
            })
        );
        assert_eq!(Account::find("root:x:0:0::/:/bin/sh"), None);
    }
}
