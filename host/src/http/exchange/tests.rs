//! Against servers that say byte for byte what they are to say.

use super::*;
use crate::http::Gate;
use crate::http::tests::{body_of, gate_in, get};
use crate::http::tls_tests::acceptor;
use crate::network::Network;
use http_body_util::BodyExt;
use std::sync::Mutex as Locked;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use wasmtime_wasi_http::RequestOptions;

const HTTP2_OPENING: usize = 24;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Status 200 and the body's beginning.
fn begin(stream: u32) -> Vec<u8> {
    [frame(HEADERS, END_HEADERS, stream, &[0x88]), frame(DATA, 0, stream, b"[")].concat()
}

fn end(stream: u32) -> Vec<u8> {
    frame(DATA, END_STREAM, stream, b"]")
}

fn answer(stream: u32) -> Vec<u8> {
    [begin(stream), end(stream)].concat()
}

fn reset(stream: u32, reason: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &reason.to_be_bytes())
}

/// No stream above this one will be answered.
fn go_away(last: u32, reason: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[last.to_be_bytes(), reason.to_be_bytes()].concat())
}

/// What a server says when a request comes: by the connection's number, from 1, and the request's stream: 1, 3, 5 and so on.
type Says = fn(usize, u32) -> Vec<u8>;

/// What a server has seen: how many connections and pings, the requests as connection and stream, and the streams that the client has reset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    connections: usize,
    pings: usize,
    requests: Vec<(usize, u32)>,
    resets: Vec<(usize, u32, u32)>,
}

struct Http2 {
    origin: String,
    folder: TempDir,
    seen: Arc<Locked<Seen>>,
}

impl Http2 {
    async fn start(says: Says) -> Http2 {
        let (acceptor, folder) = acceptor(&["localhost"]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let seen: Arc<Locked<Seen>> = Arc::default();
        let noting = seen.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                noting.lock().unwrap().connections += 1;
                let connection = noting.lock().unwrap().connections;
                let (acceptor, seen) = (acceptor.clone(), noting.clone());
                tokio::spawn(async move {
                    let stream = acceptor.accept(socket).await?;
                    converse(stream, connection, says, seen).await
                });
            }
        });
        Http2 { origin, folder, seen }
    }

    fn gate(&self) -> Gate {
        let [gate] = self.gates();
        gate
    }

    /// Gates of calls that share a client.
    fn gates<const N: usize>(&self) -> [Gate; N] {
        let network = Network::builder().ca_file(self.folder.path().join("ca.pem")).build().unwrap();
        std::array::from_fn(|_| gate_in(&network, &self.origin, true))
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until this is what the server has seen, but not for ever.
    async fn sees(&self, what: &str, sees: impl Fn(&Seen) -> bool) {
        let waiting = async {
            while !sees(&self.seen()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(60), waiting).await.is_ok(), "{what}: {:?}", self.seen());
    }

    async fn fetch(&self, gate: &mut Gate) -> Result<String, HttpError> {
        body_of(self.head(gate).await).await
    }

    async fn head(&self, gate: &mut Gate) -> crate::http::Sent {
        get(gate, &format!("{}/stores/abc/v2/orders", self.origin), RequestOptions::default()).await
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: usize,
    says: Says,
    seen: Arc<Locked<Seen>>,
) -> std::io::Result<()> {
    stream.read_exact(&mut [0; HTTP2_OPENING]).await?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, id @ ..] = head;
        let id = u32::from_be_bytes(id);
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).await?;
        let said = match kind {
            HEADERS => {
                seen.lock().unwrap().requests.push((connection, id));
                says(connection, id)
            }
            RST_STREAM => {
                let reason = u32::from_be_bytes(payload.try_into().unwrap());
                seen.lock().unwrap().resets.push((connection, id, reason));
                Vec::new()
            }
            // Never answered.
            PING => {
                seen.lock().unwrap().pings += 1;
                Vec::new()
            }
            SETTINGS if flags & ACK == 0 => frame(SETTINGS, ACK, 0, &[]),
            _ => Vec::new(),
        };
        stream.write_all(&said).await?;
        stream.flush().await?;
    }
}

#[tokio::test]
async fn what_a_goaway_leaves_unanswered_is_sent_again_on_another_connection() {
    let server = Http2::start(|connection, stream| match (connection, stream) {
        (1, 3) => Vec::new(),
        (1, 5) => [go_away(3, 0), answer(3)].concat(),
        _ => answer(stream),
    })
    .await;
    let [mut one, mut two] = server.gates();
    assert_eq!(server.fetch(&mut one).await.unwrap(), "[]");
    let (second, third) = tokio::join!(server.fetch(&mut one), server.fetch(&mut two));
    assert_eq!((second.unwrap(), third.unwrap()), ("[]".to_owned(), "[]".to_owned()));
    assert_eq!(server.seen().requests, [(1, 1), (1, 3), (1, 5), (2, 1)]);
}

#[tokio::test]
async fn a_refused_stream_is_sent_again_but_not_for_ever() {
    let once = Http2::start(|_, stream| if stream == 1 { reset(1, REFUSED_STREAM) } else { answer(stream) }).await;
    assert_eq!(once.fetch(&mut once.gate()).await.unwrap(), "[]");
    assert_eq!(once.seen().requests, [(1, 1), (1, 3)]);
    let always = Http2::start(|_, stream| reset(stream, REFUSED_STREAM)).await;
    assert!(always.fetch(&mut always.gate()).await.is_err());
    assert_eq!(always.seen().requests.len(), 1 + MAX_RESENDS);
}

#[tokio::test]
async fn a_request_that_may_have_been_processed_is_not_sent_again() {
    let faults: [(&str, Says); 4] = [
        ("an error of the server", |_, stream| reset(stream, INTERNAL_ERROR)),
        ("a server that wants less", |_, _| go_away(0, ENHANCE_YOUR_CALM)),
        ("half an answer", |_, stream| [begin(stream), reset(stream, INTERNAL_ERROR)].concat()),
        ("half an answer, then refused", |_, stream| [begin(stream), reset(stream, REFUSED_STREAM)].concat()),
    ];
    for (what, says) in faults {
        let server = Http2::start(says).await;
        assert!(server.fetch(&mut server.gate()).await.is_err(), "{what}");
        assert_eq!(server.seen().requests, [(1, 1)], "{what}");
    }
}

#[tokio::test]
async fn a_request_that_is_given_up_is_cancelled_and_its_connection_not_used_again() {
    let server = Http2::start(|connection, stream| match (connection, stream) {
        (1, 1) => Vec::new(),
        (1, _) => begin(stream),
        _ => answer(stream),
    })
    .await;
    let [mut gate, mut other] = server.gates();
    let mut unanswered = Box::pin(server.fetch(&mut gate));
    tokio::select! {
        answer = &mut unanswered => panic!("{answer:?}"),
        () = server.sees("the request", |seen| seen.requests.len() == 1) => {}
    }
    let neighbour = server.head(&mut other).await.unwrap();
    assert_eq!(server.seen().requests, [(1, 1), (1, 3)], "both are on one connection");
    drop(unanswered);
    server.sees("the request is cancelled", |seen| seen.resets == [(1, 1, CANCEL)]).await;
    assert_eq!(server.fetch(&mut gate).await.unwrap(), "[]");
    assert_eq!(server.seen().requests.last(), Some(&(2, 1)), "a new connection");
    // The one that is on the old connection still has it.
    let mut body = neighbour.0.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "[");
    drop(body);
    server.sees("the body is cancelled", |seen| seen.resets == [(1, 1, CANCEL), (1, 3, CANCEL)]).await;
    assert_eq!(gate.progress.snapshot().in_flight + other.progress.snapshot().in_flight, 0);
}

#[tokio::test]
async fn a_connection_whose_answer_stops_is_not_used_again_but_one_whose_answer_is_not_wanted_is() {
    let server = Http2::start(|connection, stream| if (connection, stream) == (1, 3) { begin(3) } else { answer(stream) }).await;
    let mut gate = server.gate();
    // Not read at all, as with an error page.
    drop(server.head(&mut gate).await.unwrap());
    let mut body = server.head(&mut gate).await.unwrap().0.into_body();
    assert_eq!(server.seen().requests, [(1, 1), (1, 3)]);
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "[");
    // The rest does not come: asked for, waited for, given up.
    assert!(tokio::time::timeout(Duration::ZERO, body.frame()).await.is_err());
    drop(body);
    assert_eq!(server.fetch(&mut gate).await.unwrap(), "[]");
    assert_eq!(server.seen().requests.last(), Some(&(2, 1)));
}

#[tokio::test]
async fn one_connection_is_opened_for_all_requests() {
    let server = Arc::new(Http2::start(|_, stream| answer(stream)).await);
    let mut fetches = tokio::task::JoinSet::new();
    for mut gate in server.gates::<20>() {
        let server = server.clone();
        fetches.spawn(async move { server.fetch(&mut gate).await.unwrap() });
    }
    assert!(fetches.join_all().await.iter().all(|body| body == "[]"));
    assert_eq!((server.seen().connections, server.seen().requests.len()), (1, 20));
}

/// It takes as long as a dead connection does in production.
#[tokio::test]
async fn a_connection_that_answers_no_ping_is_dead() {
    let server = Http2::start(|_, _| Vec::new()).await;
    let ended = tokio::time::timeout(Duration::from_secs(120), server.fetch(&mut server.gate())).await;
    assert!(matches!(ended, Ok(Err(HttpError::HttpResponseTimeout))), "{ended:?}");
    assert_eq!((server.seen().pings, server.seen().requests.len()), (1, 1));
}

/// Speaks HTTP/1.1: closes its first connections without an answer once they have had so many requests, from the first one on.
async fn closing(requests: Vec<usize>) -> (String, Arc<Locked<Vec<usize>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let seen: Arc<Locked<Vec<usize>>> = Arc::default();
    let noting = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let connection = noting.lock().unwrap().len();
            noting.lock().unwrap().push(0);
            let (most, seen) = (requests.get(connection).copied().unwrap_or(usize::MAX), noting.clone());
            tokio::spawn(async move {
                let mut request = Vec::new();
                while let Ok(byte) = socket.read_u8().await {
                    request.push(byte);
                    if request.ends_with(b"\r\n\r\n") {
                        request.clear();
                        seen.lock().unwrap()[connection] += 1;
                        if seen.lock().unwrap()[connection] == most {
                            return;
                        }
                        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]").await.unwrap();
                    }
                }
            });
        }
    });
    (origin, seen)
}

#[tokio::test]
async fn a_kept_connection_that_closes_when_it_is_used_again_costs_nothing() {
    for (closes, expected) in [(vec![2, 2], vec![2, 2, 1]), (vec![1], vec![1])] {
        let (origin, seen) = closing(closes.clone()).await;
        let mut gate = gate_in(&Network::builder().build().unwrap(), &origin, true);
        let mut fetched = Vec::new();
        for _ in 1..=expected.len() {
            let uri = format!("{origin}/stores/abc/v2/orders");
            fetched.push(body_of(get(&mut gate, &uri, RequestOptions::default()).await).await.is_ok());
        }
        // A connection that has never answered is no kept one: its end is a fault.
        assert_eq!(fetched, vec![closes != [1]; expected.len()], "{closes:?}");
        assert_eq!(*seen.lock().unwrap(), expected);
    }
}

#[tokio::test]
async fn over_http1_a_request_that_is_given_up_closes_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let mut gate = gate_in(&Network::builder().build().unwrap(), &origin, true);
    let uri = format!("{origin}/stores/abc/v2/orders");
    let unanswered = get(&mut gate, &uri, RequestOptions::default());
    let mut socket = tokio::select! {
        _ = unanswered => panic!("nobody answers"),
        socket = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.read_u8().await.unwrap();
            socket
        } => socket,
    };
    let closed = tokio::time::timeout(Duration::from_secs(60), socket.read_to_end(&mut Vec::new())).await;
    assert!(closed.is_ok(), "the connection is still open");
}
