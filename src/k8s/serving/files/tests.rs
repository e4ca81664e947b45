use std::{error::Error as _, os::unix::fs::symlink};

use tempfile::TempDir;

use super::*;

/// A certificate and its key, in PEM.
struct Made {
    certificate: String,
    key: String,
}

impl Made {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["shim.team.svc".to_owned()]).unwrap();
        Self {
            certificate: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        }
    }

    fn certificate(&self) -> &[u8] {
        self.certificate.as_bytes()
    }

    fn key(&self) -> &[u8] {
        self.key.as_bytes()
    }
}

/// A folder as the kubelet mounts it: the files are links through a link that is swapped.
struct Mount {
    folder: TempDir,
    versions: u32,
}

impl Mount {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["tls.crt", "tls.key"] {
            symlink(format!("..data/{name}"), folder.path().join(name)).unwrap();
        }
        Self {
            folder,
            versions: 0,
        }
    }

    fn holding(certificate: &[u8], key: &[u8]) -> Self {
        let mut mount = Self::new();
        mount.swap(certificate, key);
        mount
    }

    fn swap(&mut self, certificate: &[u8], key: &[u8]) {
        self.versions += 1;
        let version = self.folder.path().join(format!("..{}", self.versions));
        std::fs::create_dir(&version).unwrap();
        std::fs::write(version.join("tls.crt"), certificate).unwrap();
        std::fs::write(version.join("tls.key"), key).unwrap();
        let link = self.folder.path().join("..new");
        symlink(&version, &link).unwrap();
        std::fs::rename(&link, self.folder.path().join("..data")).unwrap();
    }

    fn files(&self) -> Files {
        let path = |name| self.folder.path().join(name);
        Files {
            certificate: path("tls.crt"),
            key: path("tls.key"),
            flags: Flags {
                certificate: "apiserver-tls-cert-file",
                key: "apiserver-tls-private-key-file",
            },
        }
    }
}

fn shown(served: &watch::Receiver<Served>) -> Vec<u8> {
    served.borrow().as_ref().unwrap().cert[0].to_vec()
}

fn der(fields: &Made) -> Vec<u8> {
    pair::certificates(fields.certificate()).unwrap()[0].to_vec()
}

#[tokio::test(start_paused = true)]
async fn a_swapped_pair_is_served_and_a_torn_one_is_not() {
    let (first, second) = (Made::new(), Made::new());
    let mut mount = Mount::holding(first.certificate(), first.key());
    let (send, mut served) = watch::channel(None);
    let run = mount.files().run(send);
    tokio::pin!(run);
    let until = async |served: &mut watch::Receiver<Served>, run: &mut std::pin::Pin<&mut _>| {
        tokio::select! {
            ended = run => { let _: Result<Infallible, FilesError> = ended; panic!("ended") }
            changed = served.changed() => changed.unwrap(),
            () = sleep(INTERVAL * 4) => {}
        }
    };
    until(&mut served, &mut run).await;
    assert_eq!(shown(&served), der(&first));
    // A look may find the certificate of one of these and the key of the next, so these make no pair
    // either.
    for (certificate, key) in [
        (second.certificate(), first.key()),
        (b"", b""),
        (first.certificate(), second.key()),
        (b"", second.key()),
        (second.certificate(), b"no key"),
    ] {
        mount.swap(certificate, key);
        until(&mut served, &mut run).await;
        assert!(!served.has_changed().unwrap());
        assert_eq!(shown(&served), der(&first));
    }
    std::fs::remove_file(mount.folder.path().join("..data")).unwrap();
    until(&mut served, &mut run).await;
    assert_eq!(shown(&served), der(&first));
    mount.swap(second.certificate(), second.key());
    until(&mut served, &mut run).await;
    assert_eq!(shown(&served), der(&second));
}

#[tokio::test]
async fn a_start_without_a_good_pair_fails_by_name() {
    let (first, second) = (Made::new(), Made::new());
    let start = async |mount: &Mount| {
        let (send, served) = watch::channel(None);
        let error = mount.files().run(send).await.unwrap_err();
        assert!(served.borrow().is_none());
        error
    };
    let missing = Mount::new();
    let path = missing.folder.path().display().to_string();
    let error = start(&missing).await;
    let expected = format!("cannot read the file of --apiserver-tls-cert-file, {path}/tls.crt");
    assert_eq!(error.to_string(), expected);
    let torn = Mount::holding(first.certificate(), second.key());
    let path = torn.folder.path().display().to_string();
    let error = start(&torn).await;
    let expected = format!(
        "cannot serve --apiserver-tls-cert-file {path}/tls.crt with \
         --apiserver-tls-private-key-file {path}/tls.key"
    );
    assert_eq!(error.to_string(), expected);
    let source = error.source().unwrap().to_string();
    assert_eq!(
        source,
        "the certificate and the private key do not fit together"
    );
}

#[tokio::test]
async fn a_wrong_path_does_not_fill_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("endless");
    std::fs::File::create(&path)
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    let read = read("mcp-tls-private-key-file", &path).await.unwrap();
    assert_eq!(read.expose_secret().len() as u64, MOST_BYTES);
}
