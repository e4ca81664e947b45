//! Handshakes in memory: bytes are carried by hand, so there is no socket to wait for.

use std::sync::Mutex;

use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, RootCertStore,
    ServerConnection,
    client::ResolvesClientCert,
    pki_types::{PrivateKeyDer, ServerName},
    sign::CertifiedKey,
};

use super::*;

/// A certificate for `localhost` that signs itself, and the same as a root.
fn made() -> (CertifiedKey, CertificateDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = rustls::crypto::ring::default_provider();
    let pair = CertifiedKey::from_der(vec![certificate.clone()], key, &provider).unwrap();
    (pair, certificate)
}

#[derive(Debug)]
struct Shows(Option<Arc<CertifiedKey>>, Mutex<Option<usize>>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, hints: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.1.lock().unwrap() = Some(hints.len());
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

fn client(
    root: &CertificateDer<'static>,
    version: &'static rustls::SupportedProtocolVersion,
    shows: Option<CertifiedKey>,
    protocols: &[&[u8]],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let shows = Shows(shows.map(Arc::new), Mutex::default());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(shows));
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

type Pair = (ClientConnection, ServerConnection);

fn handshake(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Result<Pair, Error> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
    carry(&mut client, &mut server)?;
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok((client, server))
}

fn carry(client: &mut ClientConnection, server: &mut ServerConnection) -> Result<(), Error> {
    let mut bytes = Vec::new();
    while client.wants_write() || server.wants_write() {
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut sent = &bytes[..];
        while !sent.is_empty() {
            server.read_tls(&mut sent).unwrap();
            server.process_new_packets()?;
        }
        bytes.clear();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        let mut sent = &bytes[..];
        while !sent.is_empty() {
            client.read_tls(&mut sent).unwrap();
            client.process_new_packets()?;
        }
        bytes.clear();
    }
    Ok(())
}

fn served(pair: CertifiedKey) -> (watch::Sender<Served>, Arc<ServerConfig>) {
    let (send, receive) = watch::channel(Some(Arc::new(pair)));
    (send, Arc::new(server_config(receive).unwrap()))
}

#[test]
fn a_new_certificate_is_shown_and_old_connections_live() {
    let (first, first_root) = made();
    let (second, second_root) = made();
    let (send, server) = served(first);
    let with = |root| client(root, &TLS13, None, &[]);
    let (mut old_client, mut old_server) = handshake(&with(&first_root), &server).unwrap();
    send.send_replace(Some(Arc::new(second)));
    assert!(handshake(&with(&first_root), &server).is_err());
    handshake(&with(&second_root), &server).unwrap();
    std::io::Write::write_all(&mut old_client.writer(), b"still here").unwrap();
    carry(&mut old_client, &mut old_server).unwrap();
    let mut text = [0; 10];
    std::io::Read::read_exact(&mut old_server.reader(), &mut text).unwrap();
    assert_eq!(&text, b"still here");
}

#[test]
fn without_a_certificate_there_is_no_handshake() {
    let (_, root) = made();
    let (_send, receive) = watch::channel(None);
    let server = Arc::new(server_config(receive).unwrap());
    assert!(handshake(&client(&root, &TLS13, None, &[]), &server).is_err());
}

#[test]
fn clients_may_show_any_certificate_whose_key_they_have() {
    for version in [&TLS12, &TLS13] {
        let (pair, root) = made();
        let (_send, server) = served(pair);
        let (_, nobody) = handshake(&client(&root, version, None, &[]), &server).unwrap();
        assert!(nobody.peer_certificates().is_none());
        let (unknown, certificate) = made();
        let config = client(&root, version, Some(unknown), &[]);
        let (_, known) = handshake(&config, &server).unwrap();
        assert_eq!(
            known.peer_certificates(),
            Some(std::slice::from_ref(&certificate))
        );
        // Somebody else's certificate: the key is another.
        let (other, _) = made();
        let thief = CertifiedKey::new(vec![certificate], other.key);
        let error = handshake(&client(&root, version, Some(thief), &[]), &server).unwrap_err();
        assert!(matches!(error, Error::InvalidCertificate(_)), "{error:?}");
    }
}

#[test]
fn no_authorities_are_hinted_at() {
    let (pair, root) = made();
    let (_send, server) = served(pair);
    let shows = Arc::new(Shows(None, Mutex::default()));
    let mut config = (*client(&root, &TLS13, None, &[])).clone();
    config.client_auth_cert_resolver = Arc::clone(&shows) as _;
    handshake(&Arc::new(config), &server).unwrap();
    assert_eq!(*shows.1.lock().unwrap(), Some(0));
}

#[test]
fn protocols_and_versions_are_the_usual() {
    let (pair, root) = made();
    let (_send, server) = served(pair);
    let cases: [(&[&[u8]], Option<&str>); 4] = [
        (&[b"http/1.1", b"h2"], Some("h2")),
        (&[b"http/1.1"], Some("http/1.1")),
        (&[b"h2"], Some("h2")),
        (&[], None),
    ];
    for (offered, chosen) in cases {
        let (_, server) = handshake(&client(&root, &TLS13, None, offered), &server).unwrap();
        assert_eq!(server.alpn_protocol(), chosen.map(str::as_bytes));
    }
    for (version, number) in [
        (&TLS12, ProtocolVersion::TLSv1_2),
        (&TLS13, ProtocolVersion::TLSv1_3),
    ] {
        let (_, server) = handshake(&client(&root, version, None, &[]), &server).unwrap();
        assert_eq!(server.protocol_version(), Some(number));
    }
}

#[test]
fn each_connection_proves_itself_anew() {
    for version in [&TLS12, &TLS13] {
        let (pair, root) = made();
        let (_send, server) = served(pair);
        let config = client(&root, version, None, &[]);
        for _ in 0..3 {
            let (client, _) = handshake(&config, &server).unwrap();
            assert_eq!(
                client.handshake_kind(),
                Some(HandshakeKind::Full),
                "{version:?}"
            );
        }
    }
}
