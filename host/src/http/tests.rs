use super::*;
use crate::account::Account;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// A port that is taken and not listened to, for as long as the socket is held.
pub(super) fn nobody_listens() -> (tokio::net::TcpSocket, std::net::SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

pub(super) fn door(api_url: &str) -> Door {
    Door::new(grant(api_url, true))
}

fn grant(api_url: &str, private_addresses: bool) -> Grant {
    let config = format!(r#"{{"client_id": "cl1ent", "access_token": "t0ken", "store_hash": "abc", "api_url": "{api_url}"}}"#);
    // A gate that is under test may be one for public addresses alone, which the config's own check would refuse.
    let account = Account::new(config).allowed_origins([api_url]).private_addresses(true);
    Grant { private_addresses, ..account.grant().unwrap() }
}

/// A gate to this origin.
pub(super) fn gate_in(network: &Network, origin: &str, private_addresses: bool) -> Gate {
    limited(network, grant(origin, private_addresses), &Limits::default())
}

fn limited(network: &Network, grant: Grant, limits: &Limits) -> Gate {
    Gate::new(network, Some(grant), Progress::default(), Meter::default(), Events::new("", None), limits)
}

fn request(method: &str, uri: &str) -> Request<()> {
    Request::builder().method(method).uri(uri).body(()).unwrap()
}

#[test]
fn only_get_below_the_stores_path_passes() {
    let door = door("https://api.bigcommerce.com");
    for path in ["v2/orders?min_id=1&x=%2e%2e", "v3/catalog/products", "v2/orders/12/products", "v2/time.json", "v2/orders/count"]
    {
        assert_eq!(door.refusal(&request("GET", &format!("https://api.bigcommerce.com/stores/abc/{path}"))), None, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"] {
        assert!(door.refusal(&request(method, "https://api.bigcommerce.com/stores/abc/v2/orders")).is_some(), "{method}");
    }
    for path in [
        "",
        "stores",
        "stores/abc",
        "stores/abc/",
        "stores/abcd/v2/orders",
        "stores/xyz/v2/orders",
        "stores/abc/../xyz/v2/orders",
        "stores/abc/v2/../../xyz",
        "stores/abc/./v2",
        "stores/abc//v2",
        "stores/abc/%2e%2e/xyz",
        "stores/abc/..%2fxyz",
        "stores/abc/v2%2forders",
        "stores/abc/..;/xyz",
        "oauth/token",
        "STORES/abc/v2",
    ] {
        assert!(door.refusal(&request("GET", &format!("https://api.bigcommerce.com/{path}"))).is_some(), "{path}");
    }
}

#[test]
fn only_the_configs_origin_passes() {
    let door = door("https://api.bigcommerce.com");
    for origin in [
        "http://api.bigcommerce.com",
        "https://api.bigcommerce.com:8443",
        "https://api.bigcommerce.com.evil.com",
        "https://evil.com",
        "https://user@api.bigcommerce.com",
        "https://evil.com@api.bigcommerce.com",
    ] {
        assert!(door.refusal(&request("GET", &format!("{origin}/stores/abc/v2/orders"))).is_some(), "{origin}");
    }
    assert!(door.refusal(&request("GET", "/stores/abc/v2/orders")).is_some());
}

#[test]
fn a_request_with_credentials_of_its_own_is_refused() {
    let door = door("https://api.bigcommerce.com");
    for name in ["x-auth-token", "X-Auth-Client", "authorization", "cookie"] {
        let mut request = request("GET", "https://api.bigcommerce.com/stores/abc/v2/orders");
        request.headers_mut().insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static("x"));
        assert!(door.refusal(&request).is_some(), "{name}");
    }
}

/// A server that gives every connection's every request the same answer, and keeps the requests.
pub(crate) struct Server {
    pub(crate) origin: String,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Server {
    pub(crate) async fn start(answer: Vec<u8>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let server = Server { origin, seen: Arc::default(), connections: Arc::default() };
        let (seen, connections) = (server.seen.clone(), server.connections.clone());
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                *connections.lock().unwrap() += 1;
                let (seen, answer) = (seen.clone(), answer.clone());
                tokio::spawn(async move {
                    let (mut request, mut byte) = (Vec::new(), [0]);
                    while socket.read_exact(&mut byte).await.is_ok() {
                        request.push(byte[0]);
                        if request.ends_with(b"\r\n\r\n") {
                            seen.lock().unwrap().push(String::from_utf8(std::mem::take(&mut request)).unwrap().to_lowercase());
                            socket.write_all(&answer).await.unwrap();
                        }
                    }
                });
            }
        });
        server
    }

    fn gate(&self, private_addresses: bool) -> Gate {
        gate(&self.origin, private_addresses)
    }
}

fn gate(origin: &str, private_addresses: bool) -> Gate {
    gate_in(&Network::builder().build().unwrap(), origin, private_addresses)
}

pub(crate) fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{head}\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

pub(super) async fn get(gate: &mut Gate, uri: &str, options: RequestOptions) -> Sent {
    get_with(gate, uri, &[("user-agent", "test")], options).await
}

async fn get_with(gate: &mut Gate, uri: &str, headers: &[(&str, &str)], options: RequestOptions) -> Sent {
    let body = Empty::<Bytes>::new().map_err(|never| match never {}).boxed_unsync();
    let request = headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
    let request = request.body(body).unwrap();
    Pin::from(gate.send_request(request, Some(options), Box::new(async { Ok(()) }))).await
}

pub(super) async fn body_of(sent: Sent) -> std::result::Result<String, HttpError> {
    let bytes = sent?.0.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn the_credentials_are_added_and_connections_are_kept() {
    let server = Server::start(answer("x-rate-limit-requests-left: 7\r\n", b"[]")).await;
    let mut gate = server.gate(true);
    for _ in 0..3 {
        let sent = get(&mut gate, &format!("{}/stores/abc/v2/orders", server.origin), RequestOptions::default()).await;
        assert_eq!(sent.as_ref().unwrap().0.headers()["x-rate-limit-requests-left"], "7");
        assert_eq!(body_of(sent).await.unwrap(), "[]");
    }
    let seen = server.seen.lock().unwrap();
    for part in [
        "get /stores/abc/v2/orders http/1.1",
        "x-auth-token: t0ken",
        "x-auth-client: cl1ent",
        "user-agent: test",
        "accept-encoding: gzip",
        "host: 127.0.0.1",
    ] {
        assert!(seen.iter().all(|request| request.contains(part)), "{part}: {seen:?}");
    }
    assert_eq!(*server.connections.lock().unwrap(), 1);
    let snapshot = gate.progress.snapshot();
    assert_eq!((snapshot.requests, snapshot.in_flight, snapshot.bytes), (3, 0, 6));
}

#[tokio::test]
async fn of_the_components_headers_only_the_harmless_are_sent() {
    let server = Server::start(answer("", b"[]")).await;
    let mut gate = server.gate(true);
    let uri = format!("{}/stores/abc/v2/orders", server.origin);
    let headers = [
        ("accept", "application/json"),
        ("user-agent", "test"),
        ("accept-encoding", "br"),
        ("content-length", "10"),
        ("transfer-encoding", "chunked"),
        ("connection", "x-auth-token"),
        ("upgrade", "h2c"),
        ("expect", "100-continue"),
        ("host", "evil.example"),
        ("forwarded", "host=evil.example"),
        ("x-http-method-override", "DELETE"),
        ("x-original-url", "/stores/xyz/v2/orders"),
        ("proxy-authorization", "Basic eA=="),
        ("referer", "x"),
    ];
    assert_eq!(body_of(get_with(&mut gate, &uri, &headers, RequestOptions::default()).await).await.unwrap(), "[]");
    let seen = server.seen.lock().unwrap();
    let mut names: Vec<&str> = seen[0].lines().skip(1).filter_map(|line| Some(line.split_once(':')?.0)).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent", "x-auth-client", "x-auth-token"]);
    assert!(seen[0].contains("accept: application/json") && seen[0].contains("host: 127.0.0.1"), "{seen:?}");
}

/// Serves requests strictly by their `content-length`, and records their first lines.
async fn serve_as_http_says(listener: TcpListener, seen: Arc<Mutex<Vec<String>>>) {
    while let Ok((socket, _)) = listener.accept().await {
        let mut socket = BufReader::new(socket);
        'requests: loop {
            let (mut head, mut length) = (Vec::new(), 0);
            loop {
                let mut line = String::new();
                if socket.read_line(&mut line).await.unwrap_or(0) == 0 {
                    break 'requests;
                }
                if line == "\r\n" {
                    break;
                }
                if let Some(("content-length", value)) = line.trim().split_once(": ") {
                    length = value.parse().unwrap();
                }
                head.push(line.trim().to_owned());
            }
            seen.lock().unwrap().push(head[0].clone());
            // Answered before the body has come, as a server may.
            socket.write_all(&answer("", b"[]")).await.unwrap();
            let mut body = vec![0; length];
            if socket.read_exact(&mut body).await.is_err() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_request_cannot_carry_another_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/stores/abc/v2/orders", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    tokio::spawn(serve_as_http_says(listener, seen.clone()));
    let mut gate = gate(&uri.replace("/stores/abc/v2/orders", ""), true);
    let hidden = "DELETE /stores/abc/v2/orders/1 HTTP/1.1";
    // If it were sent, the server would read the second request, up to the value of its `referer`, as the first one's body.
    let eaten = "GET /stores/abc/v2/orders HTTP/1.1\r\nreferer: ".len().to_string();
    for header in [("content-length", eaten.as_str()), ("referer", hidden)] {
        let short = Some(Duration::from_secs(2));
        let options = RequestOptions { connect_timeout: short, first_byte_timeout: short, between_bytes_timeout: short };
        let _ = body_of(get_with(&mut gate, &uri, &[header], options).await).await;
    }
    assert_eq!(*seen.lock().unwrap(), ["GET /stores/abc/v2/orders HTTP/1.1"; 2]);
}

#[tokio::test]
async fn no_more_requests_of_a_run_are_in_flight_than_it_may_have() {
    let server = Server::start(answer("", b"[]")).await;
    let limits = Limits { in_flight: 1, ..Limits::default() };
    let network = Network::builder().build().unwrap();
    let mut gate = limited(&network, grant(&server.origin, true), &limits);
    let uri = format!("{}/stores/abc/v2/orders", server.origin);
    let unread = get(&mut gate, &uri, RequestOptions::default()).await.unwrap();
    let progress = gate.progress.clone();
    let mut second = pin!(get(&mut gate, &uri, RequestOptions::default()));
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut second).await.is_err());
    drop(unread);
    assert_eq!(body_of(second.await).await.unwrap(), "[]");
    assert_eq!((progress.snapshot().requests, progress.snapshot().in_flight), (2, 0));
}

/// The network's places are for requests that wait for their answer, of whichever run.
#[tokio::test]
async fn only_requests_that_wait_for_an_answer_count_towards_the_networks_limit() {
    let network = Network::builder().max_in_flight(1).build().unwrap();
    let (good, silent) = (Server::start(answer("", b"[]")).await, Server::start(Vec::new()).await);
    let uri = |server: &Server| format!("{}/stores/abc/v2/orders", server.origin);
    let mut gates = [(); 3].map(|()| gate_in(&network, &good.origin, true));
    let [first, second, third] = &mut gates;
    let unread = get(first, &uri(&good), RequestOptions::default()).await.unwrap();
    assert_eq!(body_of(get(second, &uri(&good), RequestOptions::default()).await).await.unwrap(), "[]");
    drop(unread);
    let mut waits = gate_in(&network, &silent.origin, true);
    let silent = uri(&silent);
    let mut unanswered = pin!(get(&mut waits, &silent, RequestOptions::default()));
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut unanswered).await.is_err());
    let asked = good.seen.lock().unwrap().len();
    assert!(tokio::time::timeout(Duration::from_millis(50), get(third, &uri(&good), RequestOptions::default())).await.is_err());
    assert_eq!(good.seen.lock().unwrap().len(), asked);
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_a_fault_packed_or_not() {
    let text = "0123456789".repeat(1000);
    for answer in [answer("", text.as_bytes()), answer("content-encoding: gzip\r\n", &gzip(&text))] {
        let server = Server::start(answer).await;
        for (most, fits) in [(text.len() as u64, true), (text.len() as u64 - 1, false)] {
            let limits = Limits { answer: most, ..Limits::default() };
            let network = Network::builder().build().unwrap();
            let mut gate = limited(&network, grant(&server.origin, true), &limits);
            let sent = get(&mut gate, &format!("{}/stores/abc/v2/orders", server.origin), RequestOptions::default()).await;
            assert_eq!(body_of(sent).await.is_ok(), fits);
        }
    }
}

#[tokio::test]
async fn a_refused_request_is_not_sent_and_is_told() {
    let server = Server::start(answer("", b"[]")).await;
    let mut gate = server.gate(true);
    let told = Arc::new(Mutex::new(String::new()));
    let log = told.clone();
    gate.events = Events::new("", Some(Arc::new(move |event| *log.lock().unwrap() = event.kind.to_string())));
    let sent = get(&mut gate, &format!("{}/stores/xyz/v2/orders", server.origin), RequestOptions::default()).await;
    assert!(matches!(sent, Err(HttpError::HttpRequestDenied)));
    assert!(told.lock().unwrap().contains("not below the store's own"));
    gate.door = None;
    let sent = get(&mut gate, &format!("{}/stores/abc/v2/orders", server.origin), RequestOptions::default()).await;
    assert!(matches!(sent, Err(HttpError::HttpRequestDenied)));
    assert!(server.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn packed_answers_are_unpacked() {
    let text = "0123456789".repeat(100_000);
    let server = Server::start(answer("content-encoding: gzip\r\n", &gzip(&text))).await;
    let sent = get(&mut server.gate(true), &format!("{}/stores/abc/v2/orders", server.origin), RequestOptions::default()).await;
    let headers = sent.as_ref().unwrap().0.headers();
    assert!(!headers.contains_key(CONTENT_ENCODING) && !headers.contains_key(CONTENT_LENGTH));
    assert_eq!(body_of(sent).await.unwrap(), text);
}

#[tokio::test]
async fn a_packed_answer_that_is_cut_off_or_wrong_is_a_fault() {
    let whole = gzip("a text of some length, so that there is something to cut");
    for (packed, expected) in
        [(&whole[..whole.len() - 9], "incomplete"), (b"this is not gzip at all".as_slice(), "content coding")]
    {
        let server = Server::start(answer("content-encoding: gzip\r\n", packed)).await;
        let sent =
            get(&mut server.gate(true), &format!("{}/stores/abc/v2/orders", server.origin), RequestOptions::default()).await;
        let fault = body_of(sent).await.unwrap_err().to_string();
        assert!(fault.contains(expected), "{fault}");
    }
}

#[tokio::test]
async fn silence_ends_with_a_timeout_of_its_own_kind() {
    let short = Some(Duration::from_millis(50));
    let silent = Server::start(Vec::new()).await;
    let options = RequestOptions { connect_timeout: short, first_byte_timeout: short, between_bytes_timeout: None };
    let sent = get(&mut silent.gate(true), &format!("{}/stores/abc/v2/orders", silent.origin), options).await;
    assert!(matches!(sent, Err(HttpError::HttpResponseTimeout)));

    let stalled = Server::start(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n[".to_vec()).await;
    let options = RequestOptions { between_bytes_timeout: short, ..RequestOptions::default() };
    let sent = get(&mut stalled.gate(true), &format!("{}/stores/abc/v2/orders", stalled.origin), options).await;
    assert!(matches!(body_of(sent).await, Err(HttpError::ConnectionReadTimeout)));
}

#[tokio::test]
async fn a_name_that_leads_into_a_private_network_is_not_connected_to() {
    let server = Server::start(answer("", b"[]")).await;
    let by_name = server.origin.replace("127.0.0.1", "localhost");
    let mut gate = server.gate(false);
    gate.door = Some(Arc::new(door(&by_name)));
    let sent = get(&mut gate, &format!("{by_name}/stores/abc/v2/orders"), RequestOptions::default()).await;
    assert!(matches!(sent, Err(HttpError::DestinationIpProhibited)), "{:?}", sent.err());
    assert_eq!(*server.connections.lock().unwrap(), 0);
}

#[tokio::test]
async fn redirects_and_refused_connections_reach_the_component_as_they_are() {
    let server =
        Server::start(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let mut gate = server.gate(true);
    let sent = get(&mut gate, &format!("{}/stores/abc/v2/orders", server.origin), RequestOptions::default()).await;
    assert_eq!(sent.unwrap().0.status(), 302);
    assert_eq!(server.seen.lock().unwrap().len(), 1);

    let (_held, closed) = nobody_listens();
    gate.door = Some(Arc::new(door(&format!("http://{closed}"))));
    let sent = get(&mut gate, &format!("http://{closed}/stores/abc/v2/orders"), RequestOptions::default()).await;
    assert!(matches!(sent, Err(HttpError::ConnectionRefused)), "{:?}", sent.err());
}
