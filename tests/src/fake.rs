//! HTTP servers that do what no good server does. Each listens on a port of its own until it is dropped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A request as it came, and when.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Request line and headers.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
    /// When it came.
    pub at: Instant,
}

/// A server that treats each connection as a test says.
#[derive(Debug)]
pub struct Fake {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    over: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

impl Fake {
    /// Reads one request of each connection; then `answer` gets the connection, the request and its number, from 0 on.
    pub fn start(answer: impl Fn(&mut TcpStream, &Seen, usize) + Send + Sync + 'static) -> Fake {
        Fake::serve(true, answer)
    }

    /// The same, but the answer comes before the body is read.
    pub fn hasty(answer: impl Fn(&mut TcpStream, &Seen, usize) + Send + Sync + 'static) -> Fake {
        Fake::serve(false, answer)
    }

    fn serve(reads_body: bool, answer: impl Fn(&mut TcpStream, &Seen, usize) + Send + Sync + 'static) -> Fake {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("the port is known");
        let (seen, over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (to, ends, answer) = (seen.clone(), over.clone(), Arc::new(answer));
        let serving = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ends.load(Relaxed) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                let (to, answer) = (to.clone(), answer.clone());
                std::thread::spawn(move || {
                    if let Some(request) = request(&stream, reads_body) {
                        let mut seen = to.lock().expect("no thread panics with it");
                        seen.push(request.clone());
                        let place = seen.len() - 1;
                        drop(seen);
                        answer(&mut stream, &request, place);
                    }
                });
            }
        });
        Fake { address, seen, over, serving: Some(serving) }
    }

    /// Answers every request with these bytes, and closes the connection.
    pub fn saying(answer: impl Into<String>) -> Fake {
        let answer = answer.into();
        Fake::start(move |stream, _, _| {
            say(stream, &answer);
        })
    }

    /// Takes lines and counts them, as a collector does.
    pub fn counting() -> Fake {
        Fake::start(|stream, request, _| {
            let lines = request.body.iter().filter(|byte| **byte == b'\n').count();
            say(stream, &whole(200, "", &format!(r#"{{"lines": {lines}}}"#)));
        })
    }

    /// `http://` and its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no thread panics with it").clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        // Wakes the listener.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(serving) = self.serving.take().filter(|_| woken) {
            // It has nothing to say.
            let _ = serving.join();
        }
    }
}

/// Writes to a client. False: it is gone.
pub fn say(stream: &mut TcpStream, text: &str) -> bool {
    stream.write_all(text.as_bytes()).is_ok()
}

/// Holds a connection until the client closes it.
pub fn hold(stream: &mut TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new());
}

/// An answer with a body, whole.
pub fn whole(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} Any\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn request(stream: &TcpStream, reads_body: bool) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.filter(|_| reads_body).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Seen { head, body, at: Instant::now() })
}

/// A port that forwards connections to a server, which can be exchanged.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    to: Arc<Mutex<SocketAddr>>,
    over: Arc<AtomicBool>,
}

impl Relay {
    /// Leads to this address.
    pub fn start(to: SocketAddr) -> Relay {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let relay = Relay {
            address: listener.local_addr().expect("the port is known"),
            to: Arc::new(Mutex::new(to)),
            over: Arc::default(),
        };
        let (to, over) = (relay.to.clone(), relay.over.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if over.load(Relaxed) {
                    return;
                }
                let to = *to.lock().expect("no thread panics with it");
                if let (Ok(client), Ok(server)) = (client, TcpStream::connect_timeout(&to, Duration::from_secs(10))) {
                    pass(&client, &server);
                    pass(&server, &client);
                }
            }
        });
        relay
    }

    /// Leads new connections to this address.
    pub fn lead_to(&self, to: SocketAddr) {
        *self.to.lock().expect("no thread panics with it") = to;
    }

    /// `http://` and its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

fn pass(from: &TcpStream, to: &TcpStream) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return };
    std::thread::spawn(move || {
        // However it ends, the other side sees the end.
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}
