//! Servers as people run them, for a page: PostgreSQL, MariaDB, nginx; moto, which plays S3; and a server of
//! tokens. One is started for a case, on this machine alone, and
//! ends with it.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::server::{PORT, free_port};

/// How long a server may take to begin.
const BEGINS_IN: Duration = Duration::from_mins(1);

/// Where a server's output is kept.
const OUTPUT: &str = "output";

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PostgreSQL; the lines are SQL that fills the database `shop`.
    Postgres,
    /// MariaDB, which MySQL's clients talk to; the lines are SQL that fills the database `shop`.
    MariaDb,
    /// nginx; the lines are its `http` block, in which `CASE` is the folder of the case: there is a certificate for it.
    Nginx,
    /// moto's S3; each line is an object, `bucket/key`, and behind ` ← ` the file of the case that it holds.
    Moto,
    /// A server of OAuth 2.0 tokens, `oauth2-mock-server`; it has no lines.
    OAuth2,
}

/// The port that pages write of a server that stands beside another one.
const OTHER_PORT: &str = ":54324";

/// A server, until it is dropped.
pub struct RealServer {
    /// Its port, as `:54321`.
    pub port: String,
    /// The port that stands in its place in the page.
    pub page_port: &'static str,
    process: Child,
    kind: Kind,
    files: TempDir,
}

impl Kind {
    /// Of what is written behind a block's fence: `postgres 127.0.0.1:54321`.
    #[must_use]
    pub fn of(info: &str) -> Option<(Self, &'static str)> {
        let port = [PORT, OTHER_PORT].into_iter().find(|port| info.ends_with(port))?;
        let word = info.strip_suffix(port)?.strip_suffix(" 127.0.0.1")?;
        let kind = match word {
            "postgres" => Some(Self::Postgres),
            "mariadb" => Some(Self::MariaDb),
            "nginx" => Some(Self::Nginx),
            "moto" => Some(Self::Moto),
            "oauth2" => Some(Self::OAuth2),
            _ => None,
        };
        Some((kind?, port))
    }

    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
            Self::Nginx => "nginx",
            Self::Moto => "moto",
            Self::OAuth2 => "oauth2-mock-server",
        }
    }

    /// The program, where this machine has it.
    #[must_use]
    pub fn program(self) -> Option<PathBuf> {
        match self {
            Self::Postgres => {
                let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
                let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin/postgres")).collect();
                found.retain(|path| path.is_file());
                found.sort();
                found.pop().or_else(|| on_path("postgres"))
            }
            Self::MariaDb => on_path("mariadbd"),
            Self::Nginx => on_path("nginx"),
            Self::Moto => on_path("moto_server"),
            Self::OAuth2 => on_path("oauth2-mock-server"),
        }
    }
}

impl RealServer {
    /// Starts one with what the lines say, and waits until it answers.
    ///
    /// # Panics
    /// Where this machine does not have it, or it does not begin.
    #[must_use]
    pub fn start((kind, page_port): (Kind, &'static str), lines: &[String], case: &Path) -> Self {
        let program = kind.program().unwrap_or_else(|| panic!("there is no {}", kind.name()));
        let files = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let port = free_port();
        let text = lines.join("\n").replace(PORT, &format!(":{port}")).replace("54321", &port.to_string());
        let process = match kind {
            Kind::Postgres => postgres(&program, files.path(), port),
            Kind::MariaDb => mariadb(&program, files.path(), port),
            Kind::Nginx => nginx(&program, files.path(), &text, case),
            Kind::Moto => {
                let mut server = Command::new(&program);
                background(server.args(["-H", "127.0.0.1", "-p", &port.to_string()]), files.path())
            }
            Kind::OAuth2 => {
                let mut server = Command::new(&program);
                background(server.args(["-a", "127.0.0.1", "-p", &port.to_string()]), files.path())
            }
        };
        let mut server = Self { port: format!(":{port}"), page_port, process, kind, files };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let has_ended = !matches!(server.process.try_wait(), Ok(None));
            if has_ended || begun.elapsed() > BEGINS_IN {
                let said = fs::read_to_string(server.files.path().join(OUTPUT)).unwrap_or_default();
                panic!("{} does not begin: {said}", kind.name());
            }
            thread::sleep(Duration::from_millis(50));
        }
        if kind == Kind::Moto {
            for line in lines {
                put_object(port, line, case);
            }
        }
        let port = port.to_string();
        if matches!(kind, Kind::Postgres | Kind::MariaDb) {
            let trusted = fs::copy(server.files.path().join("data/certificate.pem"), case.join("certificate.pem"));
            trusted.unwrap_or_else(|error| panic!("{error}"));
        }
        match kind {
            Kind::Postgres => {
                let ask = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", &port, "-U", "postgres"];
                feed(&[&ask[..], &["-c", "create database shop"]].concat(), "");
                feed(&[&ask[..], &["-d", "shop"]].concat(), &text);
            }
            Kind::MariaDb => {
                let ask = ["mariadb", "--protocol=tcp", "-h", "127.0.0.1", "-P", &port, "-u", "root"];
                // It knows zones where they are loaded.
                let mut zone = Command::new("mariadb-tzinfo-to-sql");
                let zone = zone.args(["/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin"]).output();
                let zone = zone.unwrap_or_else(|error| panic!("a zone for MariaDB: {error}"));
                let zone = String::from_utf8_lossy(&zone.stdout);
                feed(&ask, &format!("use mysql;\n{zone}\ncreate database shop; use shop;\n{text}"));
            }
            Kind::Nginx | Kind::Moto | Kind::OAuth2 => {}
        }
        server
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        // PostgreSQL waits for its clients at any other one, and MariaDB does not know this one.
        let signal = if self.kind == Kind::Postgres { "-INT" } else { "-TERM" };
        let _ended = Command::new("kill").arg(signal).arg(self.process.id().to_string()).status();
        let begun = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) && begun.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(20));
        }
        let _killed = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// A program, by the user of databases where the test runs as root: PostgreSQL refuses to be run by it.
fn as_somebody(program: &Path, folder: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let owned = Command::new("chown").arg("-R").arg("postgres").arg(folder).status();
    assert!(owned.is_ok_and(|status| status.success()), "{}: it can't be handed over", folder.display());
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| String::from_utf8_lossy(&id.stdout).trim() == "0")
}

fn postgres(program: &Path, folder: &Path, port: u16) -> Child {
    let data = folder.join("data");
    let mut made = as_somebody(&program.with_file_name("initdb"), folder);
    let made = made.arg("-D").arg(&data).args(["-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8"]);
    run(made.args(["--locale", "C.UTF-8"]));
    certificate(&data);
    let mut server = as_somebody(program, folder);
    let here = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "log_timezone=UTC", "-c", "ssl=on"];
    server.args(["-c", "ssl_cert_file=certificate.pem", "-c", "ssl_key_file=key.pem"]);
    server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-k"]).arg(folder).args(here);
    background(&mut server, folder)
}

fn mariadb(program: &Path, folder: &Path, port: u16) -> Child {
    let data = folder.join("data");
    fs::create_dir(&data).unwrap_or_else(|error| panic!("{error}"));
    let user = if is_root() { "--user=root" } else { "--skip-grant" };
    let mut made = Command::new("mariadb-install-db");
    run(made.arg("--no-defaults").arg(format!("--datadir={}", data.display())).args([
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        user,
    ]));
    let mut server = Command::new(program);
    server.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
    server.arg(format!("--socket={}", folder.join("socket").display()));
    certificate(&data);
    server.arg(format!("--ssl-cert={}", data.join("certificate.pem").display()));
    server.arg(format!("--ssl-key={}", data.join("key.pem").display()));
    server.args([format!("--port={port}"), "--bind-address=127.0.0.1".to_owned(), "--skip-name-resolve".to_owned()]);
    if is_root() {
        server.arg(user);
    }
    background(&mut server, folder)
}

fn nginx(program: &Path, folder: &Path, text: &str, case: &Path) -> Child {
    let user = if is_root() { "user root;\n" } else { "" };
    let kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let kept = kept.map(|name| format!("{name}_temp_path {name};\n")).concat();
    certificate(case);
    let config = format!(
        "{user}daemon off;\nworker_processes 1;\npid pid;\nerror_log log;\nevents {{}}\n\
         http {{\naccess_log off;\n{kept}{}\n}}\n",
        text.replace("CASE", &case.display().to_string())
    );
    fs::write(folder.join("nginx.conf"), config).unwrap_or_else(|error| panic!("{error}"));
    let mut server = Command::new(program);
    server.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
    background(&mut server, folder)
}

/// Puts an object into its bucket, which is made: `bucket/key ← file`.
fn put_object(port: u16, line: &str, case: &Path) {
    let (address, file) = line.split_once(" ← ").unwrap_or_else(|| panic!("`{line}` is no `bucket/key ← file`"));
    let bucket = address.split('/').next().unwrap_or_default();
    let content = fs::read(case.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    for (path, body) in [(bucket, &[][..]), (address, &content)] {
        let path: String = path
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect();
        let head = format!(
            "PUT /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let mut answer = String::new();
        let asked = TcpStream::connect(("127.0.0.1", port)).and_then(|mut server| {
            server.write_all(&[head.as_bytes(), body].concat())?;
            server.read_to_string(&mut answer)
        });
        assert!(asked.is_ok() && answer.contains(" 200 "), "{line}: {answer}");
    }
}

/// A certificate for this machine that nobody has signed, in the case's folder.
fn certificate(case: &Path) {
    let mut made = Command::new("openssl");
    made.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]);
    made.args([
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-keyout",
        "key.pem",
        "-out",
        "certificate.pem",
    ]);
    run(made.current_dir(case));
}

/// A program that runs until it is ended.
fn background(command: &mut Command, folder: &Path) -> Child {
    let log = File::create(folder.join(OUTPUT)).unwrap_or_else(|error| panic!("{error}"));
    let errors = log.try_clone().unwrap_or_else(|error| panic!("{error}"));
    let started = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
    started.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Calls a client until its server takes what is said to it.
fn feed(command: &[&str], text: &str) {
    let begun = Instant::now();
    loop {
        let mut client = Command::new(command[0]);
        client.args(&command[1..]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut client = client.spawn().unwrap_or_else(|error| panic!("{}: {error}", command[0]));
        if let Some(mut input) = client.stdin.take() {
            // A client that can't connect reads nothing.
            let _not_read = input.write_all(text.as_bytes());
        }
        let output = client.wait_with_output().unwrap_or_else(|error| panic!("{error}"));
        if output.status.success() {
            return;
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let may_begin = said.contains("starting up") || said.contains("Can't connect") || said.contains("refused");
        assert!(may_begin && begun.elapsed() < BEGINS_IN, "{command:?}: {said}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// The file of a program, where this machine has it.
#[must_use]
pub fn on_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let also = [PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")];
    std::env::split_paths(&folders).chain(also).map(|folder| folder.join(program)).find(|path| path.is_file())
}
