use super::proxy::Proxies;
use super::tests::{body_of, gate_in, get, nobody_listens};
use super::*;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use std::convert::Infallible;
use std::sync::Mutex;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// An HTTP/2 server with a certificate that only its own authority vouches for.
struct TlsServer {
    port: u16,
    folder: TempDir,
    /// Version and authority of each request.
    seen: Arc<Mutex<Vec<String>>>,
}

impl TlsServer {
    async fn start(names: &[&str]) -> TlsServer {
        let (acceptor, folder) = acceptor(names);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = TlsServer { port: listener.local_addr().unwrap().port(), folder, seen: Arc::default() };
        tokio::spawn(serve(listener, acceptor, server.seen.clone()));
        server
    }

    fn gate(&self, origin: &str, trusted: bool, proxies: Proxies) -> Gate {
        let network = Network::builder().proxies(proxies);
        let network = if trusted { network.ca_file(self.folder.path().join("ca.pem")) } else { network };
        gate_in(&network.build().unwrap(), origin, true)
    }
}

/// What speaks TLS and HTTP/2 under these names, and a folder with the certificate of its authority: `ca.pem`.
pub(super) fn acceptor(names: &[&str]) -> (TlsAcceptor, TempDir) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), ca.pem()).unwrap();

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    (TlsAcceptor::from(Arc::new(config)), folder)
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, seen: Arc<Mutex<Vec<String>>>) {
    while let Ok((socket, _)) = listener.accept().await {
        let (acceptor, seen) = (acceptor.clone(), seen.clone());
        tokio::spawn(async move {
            // A client that does not trust the certificate leaves here.
            let Ok(stream) = acceptor.accept(socket).await else { return };
            let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
                let authority = request.uri().authority().map(Authority::to_string).unwrap_or_default();
                seen.lock().unwrap().push(format!("{:?} {authority}", request.version()));
                async { Ok::<_, Infallible>(Response::new(http_body_util::Full::new(Bytes::from_static(b"[]")))) }
            });
            let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

/// A proxy that leads every CONNECT to one port, and keeps what it was asked.
async fn start_proxy(port: u16) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let asked = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.unwrap());
            }
            asked.lock().unwrap().push(String::from_utf8(head).unwrap());
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    (address, seen)
}

async fn fetch(gate: &mut Gate, origin: &str) -> std::result::Result<String, HttpError> {
    body_of(get(gate, &format!("{origin}/stores/abc/v2/orders"), RequestOptions::default()).await).await
}

#[tokio::test]
async fn http2_is_spoken_with_a_server_that_the_ca_file_vouches_for() {
    let server = TlsServer::start(&["localhost"]).await;
    let origin = format!("https://localhost:{}", server.port);
    let mut gate = server.gate(&origin, true, Proxies::none());
    assert_eq!(fetch(&mut gate, &origin).await.unwrap(), "[]");
    assert_eq!(*server.seen.lock().unwrap(), [format!("HTTP/2.0 localhost:{}", server.port)]);
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_no_request() {
    let server = TlsServer::start(&["localhost"]).await;
    let origin = format!("https://localhost:{}", server.port);
    let mut gate = server.gate(&origin, false, Proxies::none());
    assert!(matches!(fetch(&mut gate, &origin).await, Err(HttpError::TlsCertificateError)));
    let other = TlsServer::start(&["other.example"]).await;
    let origin = format!("https://localhost:{}", other.port);
    let mut gate = other.gate(&origin, true, Proxies::none());
    assert!(matches!(fetch(&mut gate, &origin).await, Err(HttpError::TlsCertificateError)));
    assert!(server.seen.lock().unwrap().is_empty() && other.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel_and_sees_no_token() {
    let server = TlsServer::start(&["api.store.example"]).await;
    let (proxy, asked) = start_proxy(server.port).await;
    let origin = "https://api.store.example";
    let proxies = Proxies::new("HTTPS_PROXY", &format!("http://user:word@{proxy}"), "");
    let mut gate = server.gate(origin, true, proxies);
    assert_eq!(fetch(&mut gate, origin).await.unwrap(), "[]");
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].starts_with("CONNECT api.store.example:443 HTTP/1.1\r\n"), "{asked:?}");
    assert!(asked[0].contains("Proxy-Authorization: Basic dXNlcjp3b3Jk") && !asked[0].contains("t0ken"), "{asked:?}");
}

/// Answers one SOCKS 5 handshake with a password (RFC 1928, 1929), and passes the connection on to a port of this machine.
async fn start_socks(to: u16) -> (std::net::SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
    let seen = asked.clone();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await?;
        let mut said = [0; 256];
        // The methods, the name and the password, the destination: each is answered before the next one comes.
        for answer in [[5, 2].as_slice(), &[1, 0], &[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]] {
            let length = socket.read(&mut said).await?;
            seen.lock().unwrap().extend_from_slice(&said[..length]);
            socket.write_all(answer).await?;
        }
        let mut server = TcpStream::connect(("127.0.0.1", to)).await?;
        copy_bidirectional(&mut socket, &mut server).await
    });
    (address, asked)
}

#[tokio::test]
async fn a_socks_proxy_resolves_the_name_and_sees_no_token() {
    for scheme in ["socks5", "socks5h"] {
        let server = TlsServer::start(&["api.store.example"]).await;
        let (proxy, asked) = start_socks(server.port).await;
        let origin = "https://api.store.example";
        let mut gate = server.gate(origin, true, Proxies::new("ALL_PROXY", &format!("{scheme}://user:word@{proxy}"), ""));
        assert_eq!(fetch(&mut gate, origin).await.unwrap(), "[]");
        let asked = String::from_utf8_lossy(&asked.lock().unwrap()).into_owned();
        assert!(["api.store.example", "user", "word"].iter().all(|part| asked.contains(part)), "{asked:?}");
        assert!(!asked.contains("t0ken"), "{asked:?}");
    }
}

#[tokio::test]
async fn faults_on_the_way_through_a_proxy_name_it() {
    let server = TlsServer::start(&["api.store.example"]).await;
    let origin = "https://api.store.example";
    let (_held, closed) = nobody_listens();
    for (proxy, words) in [
        ("socks4://127.0.0.1:1".to_owned(), "must be http://host:port"),
        (format!("http://{closed}"), "could not connect"),
        (format!("socks5://{closed}"), "could not connect"),
    ] {
        let mut gate = server.gate(origin, true, Proxies::new("HTTPS_PROXY", &proxy, ""));
        let Err(HttpError::InternalError(Some(fault))) = fetch(&mut gate, origin).await else { panic!("{proxy}") };
        assert!(fault.starts_with("the proxy of HTTPS_PROXY") && fault.contains(words), "{fault}");
        assert!(!fault.contains("tunnel error") && !fault.contains("client error"), "{fault}");
    }
}
