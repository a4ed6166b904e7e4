//! The wasmtime program, with the component next to the shop's files.

use crate::built::{built, collector, driver};
use crate::doors::Answer;
use crate::shop::Shop;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// The variable that names the program.
const WASMTIME: &str = "WASMTIME";
/// How the pages name the components, and where the tap listens.
const COMPONENT: &str = "tap_bigcommerce.wasm";
const DRIVER: &str = "tap_bigcommerce_driver.wasm";
const COLLECTOR: &str = "tap_bigcommerce_collector.wasm";
const ADDRESS: &str = "127.0.0.1:8080";
const EDGE_TOKEN: &str = "TAP_BIGCOMMERCE_EDGE_TOKEN";

/// The README's command line that starts like this, split into words.
pub fn readme_line(start: &str) -> Vec<String> {
    page_line("README.md", start)
}

/// A page's command line that starts like this, split into words.
pub fn page_line(page: &str, start: &str) -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let text = std::fs::read_to_string(path).unwrap_or_else(|fault| panic!("{page}: {fault}"));
    let line = text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{page} has no line: {start}"));
    line.split(' ').map(str::to_owned).collect()
}

/// A command line in the shop's folder, as the words say. The program is the one that `WASMTIME` names.
pub fn wasmtime(shop: &Shop, words: impl IntoIterator<Item = impl Into<String>>) -> Command {
    let program = std::env::var_os(WASMTIME).map(PathBuf::from).expect("WASMTIME names the wasmtime program");
    let mut words = words.into_iter().map(Into::into);
    assert_eq!(words.next().as_deref(), Some("wasmtime"));
    let words: Vec<String> = words.collect();
    for word in words.iter().filter(|word| !shop.path(word).exists()) {
        let from = match word.as_str() {
            COMPONENT => &built().component,
            DRIVER => driver(),
            COLLECTOR => collector(),
            _ => continue,
        };
        std::fs::copy(from, shop.path(word)).expect("the folder can be written");
    }
    let mut command = Command::new(program);
    command.current_dir(shop.path("")).env_clear().stdin(Stdio::null());
    // The folder of its cache of compiled code.
    command.env("HOME", shop.path("")).args(words);
    command
}

/// `wasmtime serve`, until it is dropped.
#[derive(Debug)]
pub struct Served {
    server: Child,
    /// Where it listens.
    pub address: SocketAddr,
    log: Arc<Mutex<Vec<u8>>>,
}

impl Served {
    /// Serves as the README says, on a free port, with these variables inherited.
    pub fn start(shop: &Shop, variables: &[(String, String)]) -> Served {
        let words = readme_line("wasmtime serve ");
        assert!(words.iter().any(|word| word == ADDRESS), "it listens on this machine alone");
        let mut words: Vec<String> =
            words.into_iter().map(|word| if word == ADDRESS { "127.0.0.1:0".to_owned() } else { word }).collect();
        // The README names the variables that every store needs; the sandbox has an address of its own.
        let more: Vec<&String> = variables.iter().map(|(name, _)| name).filter(|name| !words.contains(name)).collect();
        let more: Vec<String> = more.into_iter().flat_map(|name| ["--env".to_owned(), name.clone()]).collect();
        let place = words.iter().position(|word| word == COMPONENT).expect("it names the component");
        words.splice(place..place, more);
        let mut command = wasmtime(shop, words);
        command.envs(variables.iter().cloned());
        // A variable that is inherited must be there.
        if !variables.iter().any(|(name, _)| name == EDGE_TOKEN) {
            command.env(EDGE_TOKEN, "");
        }
        Served::of(command)
    }

    /// Starts a server, and waits until it tells its address.
    pub fn of(mut command: Command) -> Served {
        let mut server = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("wasmtime starts");
        let mut told = BufReader::new(server.stderr.take().expect("it is a pipe"));
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert!(told.read_line(&mut line).expect("it writes text") > 0, "wasmtime serve ended without serving");
            let named = line.split("http://").nth(1).map(|rest| rest.trim_end().trim_end_matches('/'));
            if let Some(address) = named.and_then(|named| named.parse().ok()) {
                break address;
            }
        };
        // Its log must not fill the pipe.
        let log = Arc::new(Mutex::new(Vec::new()));
        let to = log.clone();
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while told.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                to.lock().expect("no thread panics with it").append(&mut line);
            }
        });
        Served { server, address, log }
    }

    /// What it has written to standard error since it listens.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().expect("no thread panics with it")).into_owned()
    }

    /// Kills it.
    pub fn kill(mut self) {
        self.server.kill().expect("it runs");
    }

    /// Sends a request, and takes the head of its answer.
    pub async fn ask(&self, method: &str, path: &str, authorization: Option<&str>, body: &str) -> Answer {
        crate::doors::ask(self.address, method, path, authorization, body.to_owned()).await
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
