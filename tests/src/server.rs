//! A server for a page: it answers what the page says, and writes down what it was asked.

use std::{
    fmt::Write as _,
    fs,
    io::{self, BufRead, BufReader, Cursor, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use flate2::{Compression, write::GzEncoder};
use zip::{ZipWriter, result::ZipError, write::SimpleFileOptions};

/// The port that pages write, behind `127.0.0.1` or, for a server that is another one to a client, `localhost`: the server's
/// own stands in its place when a case is run.
pub const PORT: &str = ":54321";
/// What was asked, in the folder of the case.
const LOG: &str = "requests.txt";

/// A server, until it is dropped.
pub struct Server {
    /// The port at which it listens, of as many letters as `PORT`.
    pub port: String,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What is answered to one request.
#[derive(Clone, Debug)]
struct Route {
    /// `GET /path?query`
    request: String,
    status: String,
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Server {
    /// One that answers what those lines say: `GET /path`, then the status and the type, headers and the body; `---` sets
    /// answers apart. A request that stands there twice gets the second answer the second time. The body is packed where a
    /// line `Packed: zip` or `Packed: gzip` stands among the headers, which is not sent.
    ///
    /// # Panics
    /// Where this machine lets nobody listen.
    #[must_use]
    pub fn start(lines: &[String], folder: &Path) -> Self {
        let listener = listener();
        let port = listener.local_addr().map_or_else(|error| panic!("{error}"), |at| format!(":{}", at.port()));
        let lines: Vec<String> = lines.iter().map(|line| line.replace(PORT, &port)).collect();
        let mut routes: Vec<Route> = lines.split(|line| line == "---").map(route).collect();
        let ended = Arc::new(AtomicBool::new(false));
        let (is_over, mut log) = (Arc::clone(&ended), Log { file: folder.join(LOG), asked: Vec::new() });
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                // Who asks may go away.
                let _gone = stream.and_then(|stream| answer(stream, &mut routes, &mut log));
            }
        });
        Self { port, ended, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // It waits for somebody: that is us.
        let _woken = TcpStream::connect(format!("127.0.0.1{}", self.port));
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// A port on which nobody listens, of five digits.
///
/// # Panics
/// Where this machine lets nobody listen.
#[must_use]
pub fn free_port() -> u16 {
    listener().local_addr().map_or_else(|error| panic!("{error}"), |address| address.port())
}

/// A port of five digits, as the pages' has: messages underline what stands there.
fn listener() -> TcpListener {
    for _ in 0..100 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("no server: {error}"));
        if listener.local_addr().is_ok_and(|address| address.port() >= 10_000) {
            return listener;
        }
    }
    panic!("no port of five digits is free");
}

fn route(lines: &[String]) -> Route {
    let mut lines = lines.iter();
    let request = lines.next().cloned().unwrap_or_default();
    let status = lines.next().unwrap_or_else(|| panic!("{request}: no answer"));
    let (status, content_type) = status.split_once(' ').unwrap_or((status, ""));
    let mut headers: Vec<String> = Vec::new();
    if !content_type.is_empty() {
        headers.push(format!("Content-Type: {content_type}"));
    }
    let (mut body, mut packed) = (String::new(), None);
    for line in lines {
        if let Some(how) = line.strip_prefix("Packed: ").filter(|_| body.is_empty()) {
            packed = Some(how);
        } else if body.is_empty() && line.starts_with(char::is_uppercase) && line.contains(": ") {
            headers.push(line.clone());
        } else {
            let _ = writeln!(body, "{line}");
        }
    }
    let body = match packed {
        None => body.into_bytes(),
        Some("zip") => zip(&body),
        Some("gzip") => gzip(&body),
        Some(other) => panic!("{request}: nothing is packed by {other}"),
    };
    Route { request, status: status.to_owned(), headers, body }
}

/// An archive of one file, whose text begins with a byte order mark: as reports are handed out.
fn zip(text: &str) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("report.csv", SimpleFileOptions::default()).unwrap_or_else(|error| panic!("{error}"));
    let written = write!(archive, "\u{feff}{text}").map_err(ZipError::from).and_then(|()| archive.finish());
    written.unwrap_or_else(|error| panic!("{error}")).into_inner()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text.as_bytes()).and_then(|()| packed.finish()).unwrap_or_else(|error| panic!("{error}"))
}

fn answer(stream: TcpStream, routes: &mut Vec<Route>, log: &mut Log) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let head = head(&mut reader)?;
    let length = head.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let Some((first, headers)) = head.split_first() else { return Ok(()) };
    let asked = first.strip_suffix(" HTTP/1.1").unwrap_or(first);
    log.write_down(asked, headers, &body)?;
    let route = take(routes, asked);
    let headers = [route.headers.join("\r\n").as_str(), "\r\n"].concat();
    let headers = headers.trim_start();
    let (status, length) = (route.status, route.body.len());
    let head = format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    let body = if asked.starts_with("HEAD ") { &[] } else { route.body.as_slice() };
    reader.into_inner().write_all(&[head.as_bytes(), body].concat())
}

/// The lines of a request before its body.
fn head(reader: &mut impl BufRead) -> io::Result<Vec<String>> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" => return Ok(head),
            line => head.push(line.to_owned()),
        }
    }
}

/// The next answer to a request: the last one stays.
fn take(routes: &mut Vec<Route>, asked: &str) -> Route {
    let Some(at) = routes.iter().position(|route| route.request == asked) else {
        let (request, status) = (asked.to_owned(), "404".to_owned());
        return Route { request, status, headers: Vec::new(), body: Vec::new() };
    };
    let is_last = !routes[at + 1..].iter().any(|later| later.request == asked);
    if is_last { routes[at].clone() } else { routes.remove(at) }
}

/// What was asked so far.
struct Log {
    file: PathBuf,
    /// The path that was asked, and all that is written of it.
    asked: Vec<(String, String)>,
}

impl Log {
    /// Writes down a request, without the headers that each has. Which of two servers' paths is asked first is chance:
    /// requests stand in the order of their paths, those of one path in the order in which they came.
    fn write_down(&mut self, asked: &str, headers: &[String], body: &[u8]) -> io::Result<()> {
        const USUAL: [&str; 5] = ["host:", "accept:", "accept-encoding:", "user-agent:", "content-length:"];
        let mut text = format!("{asked}\n");
        let is_told = |header: &&String| !USUAL.iter().any(|usual| header.to_ascii_lowercase().starts_with(usual));
        let mut told: Vec<&String> = headers.iter().filter(is_told).collect();
        told.sort();
        for header in told {
            let _ = writeln!(text, "{header}");
        }
        if !body.is_empty() {
            let _ = writeln!(text, "{}", String::from_utf8_lossy(body));
        }
        let path = asked.split('?').next().unwrap_or_default().to_owned();
        self.asked.push((path, text));
        self.asked.sort_by(|(one, _), (other, _)| one.cmp(other));
        fs::write(&self.file, self.asked.iter().map(|(_, text)| text.as_str()).collect::<String>())
    }
}
