//! A PostgreSQL server of the tests' own, in a temporary folder: on a socket there and, if a test wants it, on a port of this machine. The tests
//! of the library use it too, from this very file.

use postgres::{Client, Config, NoTls};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// The user, who needs no password on the socket, and [`PASSWORD`] on a port.
pub const USER: &str = "tap";
/// The user's password.
pub const PASSWORD: &str = "s3cret-w0rd-like-no-other";
/// Nothing here takes longer.
const LONGEST: Duration = Duration::from_secs(120);
/// The user and the group that root starts a server as, which must not be root: `nobody`.
const NOBODY: u32 = 65534;

/// Stops the server and removes its folder when standard input ends, however the tests end. After the line `keep` the folder
/// stays.
const KEEPER: &str = r#"
    "$@" >>"$0/log" 2>&1 & server=$!
    echo $server
    read -r word || word=remove
    kill -QUIT $server 2>/dev/null
    wait
    [ "$word" = keep ] || rm -rf "$0""#;

/// A server.
#[derive(Debug)]
pub struct Server {
    programs: PathBuf,
    folder: PathBuf,
    options: Vec<String>,
    port: u16,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    keeper: Child,
    /// Held open for as long as the server is to run.
    input: ChildStdin,
    server: u32,
}

impl Server {
    /// Starts a server that writes no more to the disk than it has to; none where PostgreSQL is not installed, which is then said.
    pub fn start() -> Option<Server> {
        let server = Server::new(&["fsync=off", "synchronous_commit=off", "full_page_writes=off"])?;
        Some(server.started())
    }

    /// The same for a server that survives a crash.
    pub fn start_safe() -> Option<Server> {
        Server::new(&[]).map(Server::started)
    }

    /// The same for a server that also listens on 127.0.0.1, with TLS: the certificate and the key are PEM.
    pub fn start_tls(certificate: &str, key: &str) -> Option<Server> {
        let server = Server::new(&["fsync=off", "ssl=on", "ssl_cert_file=server.pem", "ssl_key_file=server.key"])?;
        for (name, text) in [("server.pem", certificate), ("server.key", key)] {
            let file = server.data().join(name);
            fs::write(&file, text).expect("a file can be written");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("its owner can be changed");
            give_away(&file);
        }
        Some(server.on_a_port())
    }

    /// The same for a server that also listens on 127.0.0.1, without TLS.
    pub fn start_on_a_port() -> Option<Server> {
        Server::new(&["fsync=off"]).map(Server::on_a_port)
    }

    fn on_a_port(mut self) -> Server {
        // A port cannot be reserved for a program that binds it itself. If another program takes it first, try the next one.
        for _ in 0..20 {
            let free = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).expect("a port is free");
            self.port = free.port();
            self.run();
            if self.is_up() {
                return self;
            }
            self.end("keep");
        }
        panic!("the server did not start: {}", self.log());
    }

    fn new(options: &[&str]) -> Option<Server> {
        let Some(programs) = programs() else {
            // Written directly, because the test harness would hide the output of `eprintln`.
            let _ = writeln!(std::io::stderr(), "LEFT OUT: PostgreSQL is not installed, so what needs a server is not tested");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder can be made").keep();
        give_away(&folder);
        let password = folder.join("password");
        fs::write(&password, PASSWORD).expect("a file can be written");
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let server = Server { programs, folder, options, port: 0, running: None };
        give_away(&password);
        let mut initdb = server.program("initdb");
        initdb.arg("--pgdata").arg(server.data()).arg("--pwfile").arg(&password).current_dir(&server.folder);
        initdb.args(["--username", USER, "--auth-local", "trust", "--auth-host", "scram-sha-256", "--no-sync"]);
        initdb.args(["--encoding", "UTF8", "--locale", "C"]);
        let made = initdb.output().expect("initdb can be started");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        Some(server)
    }

    /// One of its programs. PostgreSQL refuses to be run by root.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups", "--"]).arg(program);
        command
    }

    fn started(mut self) -> Server {
        self.restart();
        self
    }

    /// Starts it again, once it has been killed.
    pub fn restart(&mut self) {
        self.run();
        assert!(self.is_up(), "the server did not start: {}", self.log());
    }

    fn run(&mut self) {
        // The previous server's log says nothing about this one.
        let _ = fs::remove_file(self.folder.join("log"));
        let mut keeper = Command::new("/bin/sh");
        keeper.args(["-c", KEEPER]).arg(&self.folder).current_dir(&self.folder);
        let postgres = self.program("postgres");
        keeper.arg(postgres.get_program()).args(postgres.get_args());
        let listen = if self.port == 0 { "listen_addresses=" } else { "listen_addresses=127.0.0.1" };
        keeper.arg("-D").arg(self.data()).arg("-k").arg(&self.folder);
        keeper.args(["-p", &self.socket_port().to_string(), "-c", listen, "-c", "timezone=UTC"]);
        for option in &self.options {
            keeper.args(["-c", option.as_str()]);
        }
        let mut keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell can be started");
        let (input, output) = (keeper.stdin.take().expect("it is a pipe"), keeper.stdout.take().expect("it is a pipe"));
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("the shell writes a line");
        let server = line.trim().parse().expect("the line is a number");
        self.running = Some(Running { keeper, input, server });
    }

    /// Waits until it takes connections. False: it has ended.
    fn is_up(&self) -> bool {
        let end = Instant::now() + LONGEST;
        while Instant::now() < end {
            if self.config().connect(NoTls).is_ok() {
                return true;
            }
            let has_ended = |log: &str| log.contains("could not create any TCP/IP sockets") || log.contains("FATAL:  could not");
            if has_ended(&self.log()) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Kills the server and all its processes, as when the power fails. Its folder stays.
    pub fn kill(&mut self) {
        let server = self.running.as_ref().expect("it runs").server;
        let children = fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap_or_default();
        // Kill the postmaster first: it would restart the others.
        let kill = format!("kill -KILL {server}; kill -KILL {children} 2>/dev/null; true");
        assert!(Command::new("/bin/sh").args(["-c", &kill]).status().expect("a shell can be started").success());
        self.end("keep");
        let _ = fs::remove_file(self.data().join("postmaster.pid"));
    }

    fn end(&mut self, word: &str) {
        if let Some(Running { mut keeper, mut input, .. }) = self.running.take() {
            // It may have ended already.
            let _ = input.write_all(format!("{word}\n").as_bytes());
            drop(input);
            let _ = keeper.wait();
        }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn socket_port(&self) -> u16 {
        if self.port == 0 { 5432 } else { self.port }
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The path of its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(format!(".s.PGSQL.{}", self.socket_port()))
    }

    /// The folder of its socket.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its URL on the socket, with more settings: `schema=a&application_name=b`.
    pub fn url(&self, settings: &str) -> String {
        format!("postgres:///postgres?host={}&port={}&user={USER}&{settings}", self.folder.display(), self.socket_port())
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        config.host_path(&self.folder).port(self.socket_port()).user(USER).dbname("postgres");
        config
    }

    /// A client of the tests' own.
    pub fn client(&self) -> Client {
        self.config().connect(NoTls).expect("the server takes connections")
    }

    /// Executes statements.
    pub fn execute(&self, sql: &str) {
        self.client().batch_execute(sql).expect("the statement is right");
    }

    /// What a query gives that asks for one text; none for a null.
    pub fn text(&self, query: &str) -> Option<String> {
        self.client().query_one(query, &[]).expect("the query is right").get(0)
    }

    /// The rows of a table as JSON; none if there is no such table.
    pub fn rows(&self, schema: &str, table: &str) -> Option<Vec<serde_json::Value>> {
        let mut client = self.client();
        let name = format!("\"{schema}\".\"{table}\"");
        let is_there: bool = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&name]).expect("the query is right").get(0);
        let rows = is_there.then(|| client.query(&format!("SELECT to_jsonb(r)::text FROM {name} AS r"), &[]));
        let rows = rows?.expect("the table can be read");
        Some(rows.iter().map(|row| serde_json::from_str(row.get(0)).expect("it is JSON")).collect())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end("remove");
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where the newest PostgreSQL is that is installed, as Debian has it, or the one of the path.
fn programs() -> Option<PathBuf> {
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let debians = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let newest = debians.filter(|path| path.join("bin/initdb").exists()).max_by_key(version).map(|path| path.join("bin"));
    let of_path = || std::env::split_paths(&std::env::var_os("PATH")?).find(|path| path.join("initdb").exists());
    newest.or_else(of_path)
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|data| std::os::unix::fs::MetadataExt::uid(&data) == 0)
}

/// Lets the server's user have a file.
fn give_away(path: &Path) {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).expect("root may give files away");
    }
}
