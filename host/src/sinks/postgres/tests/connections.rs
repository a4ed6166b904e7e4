//! The connection: whom it trusts, what the role needs, and what happens when it breaks.

use super::*;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

/// Listens on this machine and passes bytes to the server's socket. Once so many have come from the client, both ends are cut.
struct Wire {
    port: u16,
    left: Arc<AtomicI64>,
}

impl Wire {
    fn new(server: &Server) -> Wire {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (port, left) = (listener.local_addr().unwrap().port(), Arc::new(AtomicI64::new(i64::MAX)));
        let (socket, budget) = (server.socket(), left.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), UnixStream::connect(&socket).unwrap());
                let budget = budget.clone();
                let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || {
                    // Until one of them is cut.
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
                std::thread::spawn(move || pass(client, server, &budget));
            }
        });
        Wire { port, left }
    }

    fn url(&self, shop: &Shop) -> String {
        let name = shop.name.replace(' ', "%20");
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/postgres?schema={name}&application_name={name}", self.port)
    }
}

fn pass(mut client: TcpStream, mut server: UnixStream, left: &AtomicI64) {
    let mut bytes = [0; 1 << 14];
    while let Ok(count @ 1..) = client.read(&mut bytes) {
        if left.fetch_sub(count as i64, Ordering::SeqCst) < count as i64 || server.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

#[test]
fn a_server_that_goes_away_in_the_middle_of_a_copy_leaves_what_the_last_state_covers() {
    let Some(shop) = Shop::new() else { return };
    let wire = Wire::new(shop.server);
    let mut sink = PostgresSink::open(&wire.url(&shop), STORE).unwrap();
    write(&mut sink, &[&schema(NOTE), &record(r#""id":1"#), &state(1)]);
    let note = "x".repeat(100_000);
    wire.left.store(1_000_000, Ordering::SeqCst);
    let why = (2..200).find_map(|id| {
        let line = record(&format!(r#""id":{id},"note":"{note}""#));
        sink.write(&Message::read(line.as_bytes())).err()
    });
    let why = why.expect("the server was gone").to_string();
    told(&why, &["127.0.0.1", "was lost", "nothing is half-written", "run again"]);
    assert!(!why.contains(PASSWORD), "{why}");
    told(&refused(&mut sink, &state(2)), &["lost"]);
    drop(sink);
    let mut again = shop.open();
    assert_eq!(again.state(), Some(r#"{"n":1}"#));
    assert_eq!(shop.ids(), "1");
    write(&mut again, &[&schema(NOTE), &record(r#""id":2"#), &state(2)]);
    assert_eq!(shop.ids(), "1,2");
}

#[test]
fn a_server_that_is_killed_and_restarted_has_the_last_state_and_its_records() {
    let Some(mut server) = Server::start_safe() else { return };
    let url = server.url("schema=shop");
    let ids = |server: &Server| server.text("SELECT string_agg(id::text, ',' ORDER BY id) FROM shop.orders").unwrap();
    let mut sink = PostgresSink::open(&url, STORE).unwrap();
    write(&mut sink, &[&schema(NOTE), &record(r#""id":1"#), &state(1), &record(r#""id":2"#)]);
    sink.send().unwrap();
    server.kill();
    told(&refused(&mut sink, &state(2)), &["was lost", "run again"]);
    let why = PostgresSink::open(&url, STORE).err().expect("the server is gone").to_string();
    told(&why, &["cannot be reached"]);
    drop(sink);
    server.restart();
    let mut again = PostgresSink::open(&url, STORE).unwrap();
    assert_eq!((again.state(), ids(&server).as_str()), (Some(r#"{"n":1}"#), "1"));
    // Killed in the transaction itself, after the rows were merged.
    write(&mut again, &[&schema(NOTE), &record(r#""id":3"#), r#"{"type":"ACTIVATE_VERSION","stream":"orders","version":5}"#]);
    server.kill();
    told(&refused(&mut again, &state(3)), &["was lost"]);
    drop(again);
    server.restart();
    let mut last = PostgresSink::open(&url, STORE).unwrap();
    assert_eq!((last.state(), ids(&server).as_str()), (Some(r#"{"n":1}"#), "1"));
    write(&mut last, &[&schema(NOTE), &record(r#""id":2"#), &state(2)]);
    assert_eq!(ids(&server), "1,2");
}

/// An authority, and a server's certificate from it for 127.0.0.1, with its key: all in PEM.
fn certificates() -> (String, String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = authority.self_signed(&key).unwrap();
    let issuer = rcgen::Issuer::new(authority, key);
    let server = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&server, &issuer).unwrap();
    (root.pem(), certificate.pem(), server.serialize_pem())
}

#[test]
fn a_connection_is_encrypted_and_trusts_whom_the_url_says() {
    let (root, certificate, key) = certificates();
    let Some(server) = Server::start_tls(&certificate, &key) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (root, other, empty) = (file("root.pem", &root), file("other.pem", &certificates().0), file("empty.pem", ""));
    let open = |host: &str, settings: &str| {
        let url = format!("postgres://{USER}:{PASSWORD}@{host}:{}/postgres?schema=shop&{settings}", server.port());
        PostgresSink::open(&url, STORE).map_err(|why| why.to_string())
    };
    for (number, (settings, wanted)) in [
        (format!("sslmode=verify-full&sslrootcert={root}"), "true"),
        ("sslmode=require".to_owned(), "true"),
        (String::new(), "true"),
        ("sslmode=disable".to_owned(), "false"),
    ]
    .into_iter()
    .enumerate()
    {
        let sink = open("127.0.0.1", &format!("application_name=case{number}&{settings}"));
        let _sink = sink.unwrap_or_else(|why| panic!("{settings}: {why}"));
        let is_encrypted = "SELECT ssl::text FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'case";
        assert_eq!(server.text(&format!("{is_encrypted}{number}'")).as_deref(), Some(wanted), "{settings}");
    }
    for (host, settings, words) in [
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={other}"), "invalid peer certificate"),
        ("127.0.0.1", "sslmode=verify-full".to_owned(), "certificate"),
        ("localhost", format!("sslmode=verify-full&sslrootcert={root}"), "not valid for name"),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={empty}"), "holds no certificate"),
        ("127.0.0.1", "sslmode=verify-full&sslrootcert=/nowhere/root.pem".to_owned(), "/nowhere/root.pem"),
    ] {
        let why = open(host, &settings).err().unwrap_or_else(|| panic!("{settings}: it was trusted"));
        assert!(why.to_lowercase().contains(&words.to_lowercase()) && !why.contains(PASSWORD), "{settings}: {why}");
    }
    let wrong = format!("postgres://{USER}:not-it@127.0.0.1:{}/postgres", server.port());
    let why = PostgresSink::open(&wrong, STORE).err().expect("it was let in").to_string();
    told(&why, &["did not let the tap in", "PGPASSWORD"]);
    assert!(!why.contains("not-it"), "{why}");
    told(
        &PostgresSink::open(&wrong.replace(":not-it", ""), STORE).err().unwrap().to_string(),
        &["asks for a password", "PGPASSWORD"],
    );
}

#[test]
fn a_server_without_tls_is_refused_where_it_is_required() {
    let Some(shop) = Shop::new() else { return };
    let url = |mode: &str| format!("{}&sslmode={mode}", Wire::new(shop.server).url(&shop));
    drop(PostgresSink::open(&url("prefer"), STORE).unwrap());
    let why = PostgresSink::open(&url("require"), STORE).err().expect("it was trusted").to_string();
    told(&why, &["cannot be reached", "does not support TLS"]);
    assert!(!why.contains(PASSWORD), "{why}");
}

#[test]
fn a_server_that_takes_a_connection_and_says_nothing_is_left() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("postgres://{USER}@127.0.0.1:{}/postgres?connect_timeout=1", silent.local_addr().unwrap().port());
    told(&PostgresSink::open(&url, STORE).err().unwrap().to_string(), &["cannot be reached", "does not answer"]);
}

/// What the page says that a role needs.
#[test]
fn a_role_needs_what_the_page_says_and_no_more() {
    let Some(shop) = Shop::new() else { return };
    let role = shop.name.replace(' ', "_");
    let url = shop.url().replace(&format!("user={USER}"), &format!("user={role}"));
    let open = || PostgresSink::open(&url, STORE);
    shop.execute(&format!("CREATE ROLE {role} LOGIN"));
    told(&open().err().unwrap().to_string(), &["does not allow that", "permission denied for database", "docs/sinks.md"]);
    shop.execute(&format!("CREATE SCHEMA {{}}; GRANT USAGE, CREATE ON SCHEMA {{}} TO {role}"));
    let versioned = record(r#""id":2"#).replace(r#","record""#, r#","version":7,"record""#);
    let activated = r#"{"type":"ACTIVATE_VERSION","stream":"orders","version":7}"#;
    write(&mut open().unwrap(), &[&schema(NOTE), &record(r#""id":1"#), &state(1), &versioned, activated, &state(2)]);
    assert_eq!(shop.ids(), "2");
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sinks.md")).unwrap();
    assert!(page.contains("GRANT USAGE, CREATE ON SCHEMA"));
}

#[test]
fn a_full_disk_and_a_rule_of_the_owners_are_told_and_nothing_is_committed() {
    for (code, words) in [
        ("53100", &["disk is full", "resumes"][..]),
        ("23514", &["23514"]),
        ("P0001", &["P0001"]),
        ("25006", &["primary server"]),
    ] {
        let Some(shop) = Shop::new() else { return };
        write(&mut shop.open(), &[&schema(NOTE), &record(r#""id":1"#), &state(1)]);
        shop.execute(&format!(
            "CREATE FUNCTION {{}}.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'zz no' USING ERRCODE = '{code}'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON {{}}.orders FOR EACH ROW EXECUTE FUNCTION {{}}.refuse()"
        ));
        let mut sink = shop.open();
        write(&mut sink, &[&schema(NOTE), &record(r#""id":2"#)]);
        let why = refused(&mut sink, &state(2));
        told(&why, words);
        assert!(["53100", "25006"].contains(&code) || !why.contains("zz no"), "what a trigger says may be a customer's: {why}");
        drop(sink);
        assert_eq!((shop.ids().as_str(), shop.state().as_str()), ("1", r#"{"n":1}"#));
    }
}

/// The library's client would panic there.
#[tokio::test]
async fn a_sink_may_be_opened_used_and_dropped_where_a_runtime_is_running() {
    let Some(shop) = Shop::new() else { return };
    let mut sink = shop.open();
    write(&mut sink, &[&schema(NOTE), &record(r#""id":1"#), &state(1)]);
    drop(sink);
    drop(shop.open());
}
