//! A server of budgets, which keeps what it applied.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// What the server holds.
#[derive(Default)]
struct Budgets {
    /// In millionths, by path.
    values: BTreeMap<String, i64>,
    /// How often a change to each was applied.
    applied: BTreeMap<String, u32>,
    /// Idempotency keys that it has seen.
    keys: BTreeSet<String>,
    /// What it does before it answers a change: after so many.
    then: Option<(usize, Deed)>,
}

/// What a server does.
type Deed = Box<dyn FnOnce() + Send>;

/// A server on a port of its own; it ends with the test.
#[derive(Clone)]
pub struct Server {
    pub port: u16,
    budgets: Arc<Mutex<Budgets>>,
}

impl Server {
    pub fn begin() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let server = Self { port, budgets: Arc::default() };
        let listening = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let one = listening.clone();
                // Who was killed in the middle is answered by nobody.
                thread::spawn(move || one.answer(&stream));
            }
        });
        server
    }

    /// Forgets what was changed.
    pub fn reset(&self) {
        *self.locked() = Budgets::default();
    }

    /// Has it do something once, before it answers the change that is the `nth`.
    pub fn after(&self, nth: usize, then: impl FnOnce() + Send + 'static) {
        self.locked().then = Some((nth, Box::new(then)));
    }

    /// How often a change to a path was applied.
    pub fn applied(&self, path: &str) -> u32 {
        self.locked().applied.get(path).copied().unwrap_or(0)
    }

    /// Its value, in millionths.
    pub fn value(&self, path: &str) -> i64 {
        self.locked().values.get(path).copied().unwrap_or(FIRST)
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Budgets> {
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let (mut line, mut length, mut key) = (String::new(), 0, None);
        reader.read_line(&mut line).ok()?;
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (words.next()?, words.next()?);
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).ok()? == 0 {
                return None;
            }
            let Some((name, value)) = header.trim_end().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().ok()?,
                "idempotency-key" => key = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        if method == "POST" {
            let json: serde_json::Value = serde_json::from_slice(&body).ok()?;
            self.set(&path, json["budget"].as_i64()?, key);
            if let Some(then) = self.due() {
                then();
            }
        }
        let body = format!("{{\"budget\": {}}}", self.value(&path));
        let mut out = stream;
        write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).ok()
    }

    /// What is to be done now.
    fn due(&self) -> Option<Deed> {
        let mut budgets = self.locked();
        let done: u32 = budgets.applied.values().sum();
        let (_, then) = budgets.then.take_if(|(nth, _)| done as usize >= *nth)?;
        Some(then)
    }

    fn set(&self, path: &str, value: i64, key: Option<String>) {
        let mut budgets = self.locked();
        if path.starts_with("/keyed") && key.is_some_and(|key| !budgets.keys.insert(key)) {
            return;
        }
        budgets.values.insert(path.to_owned(), value);
        *budgets.applied.entry(path.to_owned()).or_default() += 1;
    }
}

/// What all budgets are at first: $100.
pub const FIRST: i64 = 100_000_000;
