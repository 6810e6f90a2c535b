//! Secrets of known text in every place where one may stand, and servers that say in every way what they were sent: all
//! that is printed and all that is written is searched for them.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use libtest_mimic::{Failed, Trial};
use walkdir::WalkDir;

use crate::{command, real_server::on_path};

/// A part that every secret has: who prints a part of a secret prints some of it.
const CORE: &str = "hush7k2Q";
/// A place where a secret stands: a file of the pipeline, its connector, the workspace's file, and `.env`.
struct Place {
    name: &'static str,
    pipeline: String,
    connector: String,
    workspace: &'static str,
    env: String,
}

/// How a server says what it was sent: the status and headers, and the body; `ECHO` is all of it.
const ANSWERS: &[(&str, &str, &str)] = &[
    ("401 in JSON", "401 x\r\nContent-Type: application/json", "{\"error\": \"ECHO\"}"),
    ("403 in HTML", "403 x\r\nContent-Type: text/html", "<html>ECHO</html>"),
    ("403 in HTML, escaped", "403 x\r\nContent-Type: text/html", "<html>MARKUP</html>"),
    ("an error in JSON of ASCII", "400 x\r\nContent-Type: application/json", "{\"error\": {\"message\": \"ASCII\"}}"),
    ("a page of HTML", "200 x\r\nContent-Type: text/html", "<html>ECHO</html>"),
    ("text", "200 x\r\nContent-Type: text/plain", "ECHO"),
    ("an object without records", "200 x\r\nContent-Type: application/json", "{\"ECHO\": [\"ECHO\"]}"),
    ("a bad value", "200 x\r\nContent-Type: application/json", "[{\"id\": \"ECHO\"}]"),
    ("a record that is none", "200 x\r\nContent-Type: application/json", "[\"ECHO\"]"),
    ("names that are not wanted", "200 x\r\nContent-Type: application/json", "[{\"ECHO\": 1}]"),
    ("a member twice", "200 x\r\nContent-Type: application/json", "[{\"id\": 1, \"id\": 2, \"ECHO\": 1, \"ECHO\": 2}]"),
    ("JSON that is cut", "200 x\r\nContent-Type: application/json", "[{\"id\": \"ECHO"),
    (
        "an error inside",
        "200 x\r\nContent-Type: application/json",
        "{\"error\": {\"message\": \"ECHO\", \"code\": \"ECHO\"}}",
    ),
    ("a redirect", "302 x\r\nLocation: http://elsewhere.example.com/ECHO?ECHO", ""),
    (
        "the next page elsewhere",
        "200 x\r\nContent-Type: application/json",
        "{\"next\": \"https://elsewhere.example.com/ECHO?ECHO\", \"rows\": [{\"id\": 1}]}",
    ),
    (
        "a next page that is none",
        "200 x\r\nContent-Type: application/json",
        "{\"next\": {\"ECHO\": \"ECHO\"}, \"rows\": [{\"id\": 1}]}",
    ),
    ("another type", "200 x\r\nContent-Type: application/ECHO", "[]"),
    ("asked to wait", "429 x\r\nRetry-After: 7200\r\nContent-Type: application/json", "{\"error\": \"ECHO\"}"),
    ("rows", "200 x\r\nContent-Type: application/json", "[{\"id\": 1}]"),
];

/// Those after which a request is repeated: they take seconds.
const REPEATED: &[(&str, &str, &str)] = &[
    ("500", "500 x\r\nContent-Type: application/json", "{\"error\": \"ECHO\"}"),
    ("an answer that breaks off", "200 x\r\nContent-Length: 99999", "[{\"id\": \"ECHO"),
];

/// What is called in each place.
const COMMANDS: &[&str] = &[
    "cpl check main.cpl --secrets",
    "cpl run main.cpl --record recorded",
    "cpl run main.cpl --format json",
    "cpl show main.cpl a",
    "cpl profile main.cpl",
    "cpl graph main.cpl",
    "cpl connectors try 'api.a()'",
    "cpl infer 'api.a()'",
];

/// The trials: one for each answer.
#[must_use]
pub fn trials() -> Vec<Trial> {
    let trial = |(answer, is_repeated): (&'static (&str, &str, &str), bool)| {
        let name = format!("secrets stay where they are: {}", answer.0);
        Trial::test(name, move || searched(answer, is_repeated))
    };
    let all = ANSWERS.iter().map(|answer| (answer, false));
    let repeated = REPEATED.iter().map(|answer| (answer, true));
    let search = Trial::test("secrets: what is searched for is found, as it is and in base64", || {
        let encoded = |before| BASE64_STANDARD.encode(format!("{:before$}{CORE}/more", ""));
        for text in [0, 1, 2, 3].map(encoded).iter().map(String::as_str).chain([CORE, "hush7\n  │ k2Q"]) {
            if !holds_secret(text.as_bytes()) {
                return Err(format!("not found in {text}").into());
            }
        }
        if holds_secret(b"hush7k2") { Err("found in a part of it".into()) } else { Ok(()) }
    });
    all.chain(repeated).map(trial).chain([search]).collect()
}

fn searched((name, head, body): &(&'static str, &str, &str), is_repeated: bool) -> Result<(), Failed> {
    let Echo { port, with_secret } = echo(head, body);
    let mut found = Vec::new();
    // Of the others as many as are worth the wait.
    let wanted =
        |(at, place): &(usize, Place)| if is_repeated { *at < 3 || place.name == PROXY } else { place.name != PROXY };
    let places = places().into_iter().enumerate().filter(wanted);
    let commands = if is_repeated { &COMMANDS[1..2] } else { COMMANDS };
    for (_, place) in places {
        let folder = tempfile::tempdir()?;
        let files = [
            ("main.cpl", place.pipeline.clone()),
            ("connectors/api.yaml", place.connector.clone()),
            ("cpl.yaml", place.workspace.to_owned()),
            (".env", place.env.clone()),
        ];
        fs::create_dir(folder.path().join("connectors"))?;
        for (file, text) in files.iter().filter(|(_, text)| !text.is_empty()) {
            fs::write(folder.path().join(file), text.replace("PORT", &port.to_string()))?;
        }
        for line in commands {
            let printed = command::call(line, folder.path());
            if holds_secret(printed.as_bytes()) {
                found.push(format!("{name}, {}: `{line}` prints it:\n{printed}", place.name));
            }
        }
        found.extend(written(folder.path(), &format!("{name}, {}", place.name)));
    }
    if with_secret.load(Ordering::SeqCst) == 0 {
        return Err("no request held a secret".into());
    }
    if found.is_empty() { Ok(()) } else { Err(Failed::from(found.join("\n"))) }
}

/// The files that hold a secret and are not for it.
fn written(folder: &Path, what: &str) -> Vec<String> {
    let kept = [".env", "cpl.yaml", ".cpl/tokens", ".cpl/salt"].map(|path| folder.join(path));
    let files = WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    let files = files.filter(|entry| !kept.iter().any(|kept| entry.path().starts_with(kept)));
    let holding = files.filter(|entry| {
        let bytes = fs::read(entry.path()).unwrap_or_default();
        let mut unpacked = Vec::new();
        let _no_archive = flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut unpacked);
        holds_secret(&bytes) || holds_secret(&unpacked)
    });
    holding.map(|entry| format!("{what}: {} holds it", entry.path().display())).collect()
}

/// Whether a text holds a part of a secret: as it is, or in base64, in which it may begin at any of three places.
fn holds_secret(text: &[u8]) -> bool {
    let encoded = [0, 1, 2].map(|before| {
        let all = BASE64_STANDARD.encode([&vec![b'x'; before], CORE.as_bytes()].concat());
        // The letters at either end depend on what stands around it.
        all[(before * 4).div_ceil(3)..all.trim_end_matches('=').len() - 1].to_owned()
    });
    let lines: String = String::from_utf8_lossy(text).split_whitespace().collect();
    // A message breaks long words at the terminal's width.
    let lines = lines.replace('│', "");
    lines.contains(CORE) || encoded.iter().any(|encoded| lines.contains(encoded))
}

/// A rule over the rows of a fetch, of which some text stands in the place of `FETCH`.
const PIPELINE: &str =
    "pipeline p { retire 2027-01-31 }\nfetch a from FETCH\nalert many for each id in a { when id > 5  say \"{id}\" }\n";
/// What `.env` holds, unless a place says otherwise.
const ENV: &str = "SECRET='a/hush7k2Q+b&c=d e'\n";

/// Fetches with `.env`, where that is another, and what `cpl.yaml` holds.
const FETCHES: &[(&str, &str, &str, &str)] = &[
    (
        "a bearer's token",
        "http(\"http://127.0.0.1:PORT/a\") { auth secret(\"SECRET\")  columns { id: count }  key id }",
        ENV,
        "",
    ),
    (
        "a token of other letters",
        "http(\"http://127.0.0.1:PORT/a\") { query { key = secret(\"SECRET\") }  columns { id: count }  key id }",
        "SECRET='hush7k2Q-ü&<€'\n",
        "",
    ),
    (
        "a token, where bad rows are skipped",
        "http(\"http://127.0.0.1:PORT/a\") { auth secret(\"SECRET\")  columns { id: count }  skip bad rows up to 100%  key id }",
        ENV,
        "",
    ),
    (
        "a token, where few bad rows are skipped",
        "http(\"http://127.0.0.1:PORT/a\") { auth secret(\"SECRET\")  columns { id: count }  skip bad rows up to 0%  key id }",
        ENV,
        "",
    ),
    (
        "a user's password",
        "http(\"http://127.0.0.1:PORT/a\") { auth { user = \"me\", password = secret(\"SECRET\") }  columns { id: count }  key id }",
        ENV,
        "",
    ),
    (
        "a header",
        "http(\"http://127.0.0.1:PORT/a\") { headers { \"X-Key\" = secret(\"SECRET\") }  columns { id: count }  key id }",
        ENV,
        "",
    ),
    (
        "a database's password",
        "sql(secret(\"SECRET\"), \"select 1 as id\") { columns { id: count }  key id }",
        "SECRET=postgres://me:hush7k2Q@127.0.0.1:PORT/shop\n",
        "",
    ),
    (
        "an address that is none",
        "sql(secret(\"SECRET\"), \"select 1 as id\") { columns { id: count }  key id }",
        "SECRET=post:gres:hush7k2Q@\n",
        "",
    ),
    (
        "a password with a question mark",
        "sql(secret(\"SECRET\"), \"select 1 as id\") { columns { id: count }  key id }",
        "SECRET=mysql://me:pass?hush7k2Q@127.0.0.1:PORT/shop\n",
        "",
    ),
    (
        "a store's keys",
        "csv(\"s3://bucket/a.csv\") { columns { id: count }  key id }",
        "AWS_ACCESS_KEY_ID=hush7k2Q\nAWS_SECRET_ACCESS_KEY=hush7k2Q\nAWS_SESSION_TOKEN=hush7k2Q\nAWS_ENDPOINT_URL=http://127.0.0.1:PORT\n",
        "",
    ),
    (
        "a store's keys, for Parquet",
        "parquet(\"s3://bucket/*.parquet\") { columns { id: count }  key id }",
        "AWS_ACCESS_KEY_ID=hush7k2Q\nAWS_SECRET_ACCESS_KEY=hush7k2Q\nAWS_ENDPOINT_URL=http://127.0.0.1:PORT\n",
        "",
    ),
    (
        "a key of Google's that is none",
        "csv(\"gs://bucket/a.csv\") { columns { id: count }  key id }",
        "GOOGLE_SERVICE_ACCOUNT_KEY='{\"private_key\": \"hush7k2Q\", \"hush7k2Q\"}'\n",
        "",
    ),
    (
        "a key of Azure's",
        "csv(\"az://bucket/a.csv\") { columns { id: count }  key id }",
        "AZURE_STORAGE_ACCOUNT_NAME=me\nAZURE_STORAGE_ACCOUNT_KEY=hush7k2Q\nAZURE_STORAGE_ENDPOINT=http://127.0.0.1:PORT\n",
        "",
    ),
    (
        "a token of Azure's",
        "csv(\"az://bucket/*.csv\") { columns { id: count }  key id }",
        "AZURE_STORAGE_ACCOUNT_NAME=me\nAZURE_STORAGE_SAS_TOKEN=sig=hush7k2Q\nAZURE_STORAGE_ENDPOINT=http://127.0.0.1:PORT\n",
        "",
    ),
    (
        PROXY,
        "http(\"https://api.example.com/a\") { columns { id: count }  key id }",
        "SECRET=http://me:hush7k2Q@127.0.0.1:PORT\n",
        "proxy: { secret: SECRET }\n",
    ),
    (
        "a proxy that is none",
        "http(\"https://api.example.com/a\") { columns { id: count }  key id }",
        "SECRET=soc ks://hush7k2Q\n",
        "proxy: { secret: SECRET }\n",
    ),
    (
        "a salt",
        "http(\"http://127.0.0.1:PORT/a\") { columns { id: count, who: text optional personal }  key id }",
        ENV,
        "personal: { salt: { secret: SECRET } }\n",
    ),
    (
        "a command's secret",
        "http(\"http://127.0.0.1:PORT/a\") { auth secret(\"OTHER\")  columns { id: count }  key id }",
        "",
        "secrets: { command: [echo, \"hush7k2Q/{name}\"] }\n",
    ),
    (
        "a line of .env that is none",
        "http(\"http://127.0.0.1:PORT/a\") { auth secret(\"SECRET\")  columns { id: count }  key id }",
        "SECRET=hush7k2Q\nhush7k2Q is no line\n",
        "",
    ),
    (
        "a secret that can't be a header",
        "http(\"http://127.0.0.1:PORT/a\") { auth secret(\"SECRET\")  columns { id: count }  key id }",
        "SECRET=\"hush7k2Q\\nü\"\n",
        "",
    ),
];

/// A request through it is repeated, whatever is answered.
const PROXY: &str = "a proxy's password";

/// Who asks, in a connector's file, with `.env` where that is another.
const AUTHS: &[(&str, &str, &str)] = &[
    ("a parameter of the address", "{ query: { key: { secret: SECRET } } }", ENV),
    ("a password", "{ basic: { user: { secret: SECRET }, password: { secret: SECRET } } }", ENV),
    ("a connector's bearer", "{ bearer: { secret: SECRET } }", ENV),
    ("a connector's header", "{ header: { X-Key: { secret: SECRET } } }", ENV),
    (
        "a client's secret",
        "{ oauth2: { token_url: \"http://127.0.0.1:PORT/token\", client_id: me, client_secret: { secret: SECRET } } }",
        ENV,
    ),
    (
        "a refresh token",
        "{ oauth2: { token_url: \"http://127.0.0.1:PORT/token\", client_id: { secret: SECRET }, client_secret: { secret: SECRET }, refresh_token: { secret: SECRET } } }",
        ENV,
    ),
    (
        "a service account's key that is none",
        "{ google_service_account: { key: { secret: SECRET }, scopes: [all] } }",
        "SECRET='{\"client_email\": \"hush7k2Q\", \"private_key\": \"hush7k2Q\", \"token_uri\": \"http://127.0.0.1:PORT\"}'\n",
    ),
];

fn places() -> Vec<Place> {
    let fetch = |(name, fetch, env, workspace): &(&'static str, &str, &str, &'static str)| Place {
        name,
        pipeline: PIPELINE.replace("FETCH", fetch),
        connector: String::new(),
        workspace,
        env: (*env).to_owned(),
    };
    let call = |name, auth: &str, env: &str| {
        let errors = "[{ at: $.error, message: $.error.message, code: $.error.code }]";
        let endpoint = "{ get: /a, records: $.rows, pages: { next: $.next }, columns: { id: count }, key: [id] }";
        let head = "connector: api\nbase_url: http://127.0.0.1:PORT\n";
        let connector = format!("{head}auth: {auth}\nerrors: {errors}\nendpoints: {{ a: {endpoint} }}\n");
        let (pipeline, env) = (PIPELINE.replace("FETCH", "api.a()"), env.to_owned());
        Place { name, pipeline, connector, workspace: "", env }
    };
    let calls = AUTHS.iter().map(|(name, auth, env)| call(*name, auth, env));
    let key = service_account_key().map(|key| {
        let auth = "{ google_service_account: { key: { secret: SECRET }, scopes: [all] } }";
        call("a service account's key", auth, &format!("SECRET='{key}'\n"))
    });
    FETCHES.iter().map(fetch).chain(calls).chain(key).collect()
}

/// The file of a key, as Google gives it, whose account bears the secret's name; none where this machine can't make one.
fn service_account_key() -> Option<&'static String> {
    static KEY: OnceLock<Option<String>> = OnceLock::new();
    let make = || {
        on_path("openssl")?;
        let made =
            Command::new("openssl").args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]).output();
        let pem = String::from_utf8(made.ok()?.stdout).ok()?;
        let key = serde_json::json!({
            "type": "service_account",
            "client_email": format!("{CORE}@example.com"),
            "private_key_id": CORE,
            "private_key": pem,
            "token_uri": "http://127.0.0.1:PORT/token",
        });
        Some(key.to_string())
    };
    KEY.get_or_init(make).as_ref()
}

/// A text whose percent signs and plus signs are read as in a form.
fn unescaped(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut parts = text.split('%');
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => all.extend([char::from(byte).to_string().as_str(), &part[2..]]),
            None => all.extend(["%", part]),
        }
    }
    all
}

/// A text as HTML.
fn in_markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A text of JSON in ASCII only.
fn of_ascii(json: &str) -> String {
    let unit = |unit: u16| match u8::try_from(unit) {
        Ok(byte @ b' '..=b'~') => char::from(byte).to_string(),
        _ => format!("\\u{unit:04x}"),
    };
    json.encode_utf16().fold(String::new(), |text, next| text + &unit(next))
}

/// A server that says what it is sent.
struct Echo {
    port: u16,
    /// How many requests held a secret.
    with_secret: Arc<AtomicUsize>,
}

/// A server that answers all requests alike, as long as the tests run.
fn echo(head: &str, body: &str) -> Echo {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("no server: {error}"));
    let port = listener.local_addr().map_or_else(|error| panic!("{error}"), |at| at.port());
    let (head, body, with_secret) = (head.to_owned(), body.to_owned(), Arc::<AtomicUsize>::default());
    let here = Arc::clone(&with_secret);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _gone = answer(stream, &head, &body, &here);
        }
    });
    Echo { port, with_secret }
}

/// Says all that was sent, as it came and decoded; a token is given where the rows of an API are wanted.
fn answer(stream: TcpStream, head: &str, body: &str, with_secret: &AtomicUsize) -> std::io::Result<()> {
    // Who speaks another protocol waits for an answer.
    stream.set_read_timeout(Some(Duration::from_millis(300)))?;
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() || !line.ends_with('\n') {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let length = lines.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut sent = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut sent)?;
    lines.push(String::from_utf8_lossy(&sent).into_owned());
    let decoded = lines.iter().filter_map(|line| {
        let pair = BASE64_STANDARD.decode(line.split("Basic ").nth(1)?).ok()?;
        Some(String::from_utf8_lossy(&pair).into_owned())
    });
    let decoded: Vec<String> = decoded.collect();
    let sent = lines.join(" ");
    let escaped = sent.split([' ', '?', '&', '=']).filter(|part| part.contains('%')).map(unescaped);
    let said = [sent.clone(), decoded.join(" "), escaped.collect::<Vec<_>>().join(" ")].join(" ");
    if holds_secret(said.as_bytes()) {
        with_secret.fetch_add(1, Ordering::SeqCst);
    }
    let escaped = serde_json::Value::from(said.as_str()).to_string();
    let json = &escaped[1..escaped.len() - 1];
    let in_header: String =
        said.replace(' ', "%20").chars().filter(|letter| letter.is_ascii_graphic() && *letter != '"').collect();
    let is_token = lines[0].contains("/token") && !head.starts_with("40");
    let (head, body) = if is_token {
        (
            "200 x\r\nContent-Type: application/json".to_owned(),
            format!("{{\"access_token\": \"{CORE}-token\", \"expires_in\": 3600}}"),
        )
    } else {
        (
            head.replace("ECHO", &in_header),
            body.replace("ECHO", json).replace("MARKUP", &in_markup(&said)).replace("ASCII", &of_ascii(json)),
        )
    };
    let length =
        if head.contains("Content-Length") { String::new() } else { format!("\r\nContent-Length: {}", body.len()) };
    reader.into_inner().write_all(format!("HTTP/1.1 {head}{length}\r\nConnection: close\r\n\r\n{body}").as_bytes())
}
