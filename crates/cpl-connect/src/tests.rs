//! A server that misbehaves in every way that has been seen, and what is made of it.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use cpl_batch::{Oversized, Place, Problem, ServerProblem};
use cpl_model::{
    method::Method,
    program::{PageBy, PageParameter, Paging},
};
use flate2::{Compression, write::GzEncoder};

use crate::{
    Api, Auth, Connections, Limits, Network, NetworkError, PagedRequest, Pager, Pages, Request, Secret, Terms, Throttle,
};

/// Short waits, and little patience.
const LIMITS: Limits = Limits {
    silence: Duration::from_millis(300),
    attempt: Duration::from_secs(2),
    answer_bytes: 1 << 16,
    attempts: 3,
    first_wait: Duration::from_millis(5),
    waits: Duration::from_secs(2),
};

/// What the server does with the connection number `n`, from 0, once it has read a request.
type Act = fn(&mut TcpStream, usize) -> io::Result<()>;

/// What is made of a server that does so, and how often it was asked.
fn asked(act: Act) -> (Result<Vec<u8>, Problem>, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
    let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let number = counter.fetch_add(1, Ordering::SeqCst);
            let served = stream.and_then(|mut stream| {
                read_request(&stream)?;
                act(&mut stream, number)
            });
            drop(served);
        }
    });
    let request =
        Request::new(Method::Get, &format!("http://{address}/a?key=1")).unwrap_or_else(|why| panic!("{why:?}"));
    let answer = one_page(Connections::new(Network::default()).begin(read(request, LIMITS)));
    (answer, count.load(Ordering::SeqCst))
}

/// A read of one page.
fn read(request: Request, limits: Limits) -> PagedRequest {
    PagedRequest {
        request,
        job: None,
        pager: None,
        api: Arc::new(Api { terms: Terms { limits, ..Terms::default() }, tokens: None }),
        first_page: false,
    }
}

/// The only page of a read.
fn one_page(pages: Result<Pages, NetworkError>) -> Result<Vec<u8>, Problem> {
    let mut pages = pages.unwrap_or_else(|error| panic!("{error:?}"));
    let page = pages.wait().unwrap_or_else(|| panic!("no page"));
    assert!(pages.wait().is_none(), "one page");
    page.map(|page| page.bytes)
}

fn read_request(stream: &TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 0 && !head.ends_with("\r\n\r\n") {}
    Ok(())
}

fn say(stream: &mut TcpStream, head: &str, body: &[u8]) -> io::Result<()> {
    stream.write_all(format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").as_bytes())?;
    stream.write_all(body)
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(bytes).unwrap_or_else(|error| panic!("{error}"));
    packer.finish().unwrap_or_else(|error| panic!("{error}"))
}

/// Waits until the other side has gone.
fn until_gone(stream: &mut TcpStream) -> io::Result<()> {
    stream.read(&mut [0]).map(drop)
}

#[test]
fn whole_answers_are_read() {
    let plain: Act = |stream, _| say(stream, "200 OK\r\nContent-Length: 3", b"[1]");
    let without_length: Act = |stream, _| say(stream, "200 OK", b"[1]");
    let in_chunks: Act =
        |stream, _| say(stream, "200 OK\r\nTransfer-Encoding: chunked", b"1\r\n[\r\n2\r\n1]\r\n0\r\n\r\n");
    let gzip: Act = |stream, _| say(stream, "200 OK\r\nContent-Encoding: gzip", &packed(b"[1]"));
    let two_members: Act =
        |stream, _| say(stream, "200 OK\r\nContent-Encoding: gzip", &[packed(b"[1"), packed(b"]")].concat());
    let one_after_the_other: Act = |stream, _| {
        say(stream, "200 OK\r\nContent-Encoding: x-gzip", &packed(b"[1"))?;
        stream.flush()?;
        thread::sleep(Duration::from_millis(50));
        stream.write_all(&packed(b"]"))
    };
    let later: Act = |stream, number| match number {
        0 => stream.shutdown(Shutdown::Both),
        1 => say(stream, "503 x\r\nContent-Length: 0", b""),
        _ => say(stream, "200 OK\r\nContent-Length: 3", b"[1]"),
    };
    for (what, act, times) in [
        ("plain", plain, 1),
        ("without a length", without_length, 1),
        ("in chunks", in_chunks, 1),
        ("packed", gzip, 1),
        ("packed in two members", two_members, 1),
        ("packed in two members that come one after the other", one_after_the_other, 1),
        ("at the third attempt", later, 3),
    ] {
        assert_eq!(asked(act), (Ok(b"[1]".to_vec()), times), "{what}");
    }
}

/// The problem, without the library's own words.
fn kind(problem: Problem) -> Problem {
    match problem {
        Problem::Server(ServerProblem::Broken { attempts, .. }) => {
            Problem::Server(ServerProblem::Broken { why: String::new(), attempts })
        }
        other => other,
    }
}

/// A byte now and then, for longer than an attempt may take.
fn drip(stream: &mut TcpStream, _: usize) -> io::Result<()> {
    say(stream, "200 OK", b"")?;
    loop {
        stream.write_all(b" ")?;
        thread::sleep(Duration::from_millis(50));
    }
}

/// What a server does, what is made of it, and how often it is asked.
type Case = (&'static str, Act, Result<Vec<u8>, Problem>, usize);

#[test]
fn faults_are_told_apart() {
    let server = |problem| Err(Problem::Server(problem));
    let broken = || server(ServerProblem::Broken { why: String::new(), attempts: 3 });
    let silent = || server(ServerProblem::Silent { seconds: 0, attempts: 3 });
    let refused = |status, excerpt: &str, attempts| {
        server(ServerProblem::Refused { status, excerpt: excerpt.to_owned(), attempts })
    };
    let too_large =
        || Err(Problem::TooLarge { what: Oversized::Answer, limit: LIMITS.answer_bytes, place: Place::default() });
    let dripping = || server(ServerProblem::Slow { seconds: 2 });
    let cases: [Case; 16] = [
        ("drips without an end", drip, dripping(), 1),
        ("says nothing", |stream, _| until_gone(stream), silent(), 3),
        ("closes at once", |stream, _| stream.shutdown(Shutdown::Both), broken(), 3),
        (
            "stalls in the answer",
            |stream, _| say(stream, "200 OK\r\nContent-Length: 9", b"[1").and_then(|()| until_gone(stream)),
            silent(),
            3,
        ),
        ("cuts the answer", |stream, _| say(stream, "200 OK\r\nContent-Length: 9", b"[1"), broken(), 3),
        ("cuts a chunk", |stream, _| say(stream, "200 OK\r\nTransfer-Encoding: chunked", b"9\r\n[1"), broken(), 3),
        (
            "says that it packs, and does not",
            |stream, _| say(stream, "200 OK\r\nContent-Encoding: gzip", b"[1]"),
            broken(),
            3,
        ),
        (
            "cuts what it packs",
            |stream, _| say(stream, "200 OK\r\nContent-Encoding: gzip", &packed(b"[1]")[..8]),
            broken(),
            3,
        ),
        (
            "says something behind what it packs",
            |stream, _| {
                say(stream, "200 OK\r\nContent-Encoding: gzip", &[packed(b"[1]"), b"and more".to_vec()].concat())
            },
            broken(),
            3,
        ),
        ("speaks no HTTP", |stream, _| stream.write_all(b"220 mail\r\n"), broken(), 3),
        ("is in trouble", |stream, _| say(stream, "500 x", b"sorry"), refused(500, "sorry", 3), 3),
        ("does not know", |stream, _| say(stream, "404 x", b"nothing\n\there"), refused(404, "nothing here", 1), 1),
        (
            "asks for an hour",
            |stream, _| say(stream, "429 x\r\nRetry-After: 3600", b""),
            server(ServerProblem::Busy { status: 429, seconds: 3600 }),
            1,
        ),
        ("answers too much", |stream, _| say(stream, "200 OK", &vec![b'1'; 1 << 17]), too_large(), 1),
        (
            "answers a bomb",
            |stream, _| say(stream, "200 OK\r\nContent-Encoding: gzip", &packed(&vec![b'1'; 1 << 22])),
            too_large(),
            1,
        ),
        (
            "sends around",
            |stream, _| say(stream, "302 x\r\nLocation: /a?key=1\r\nContent-Length: 0", b""),
            server(ServerProblem::SentAround { times: 5 }),
            6,
        ),
    ];
    for (what, act, wanted, times) in cases {
        let (found, asked) = asked(act);
        assert_eq!((found.map_err(kind), asked), (wanted, times), "a server that {what}");
    }
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
    let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
    drop(listener);
    let request = Request::new(Method::Get, &format!("http://{address}/")).unwrap_or_else(|why| panic!("{why:?}"));
    let found = one_page(Connections::new(Network::default()).begin(read(request, LIMITS)));
    assert!(matches!(found, Err(Problem::Server(ServerProblem::Unreachable { attempts: 3, .. }))), "{found:?}");
}

/// A server that answers nobody before thirty have asked is asked by thirty at once.
#[test]
fn requests_wait_side_by_side() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
    let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
    thread::spawn(move || {
        // Nobody is answered before all have asked.
        let all: Vec<TcpStream> = listener.incoming().take(30).filter_map(Result::ok).collect();
        for mut stream in all {
            drop(read_request(&stream).and_then(|()| say(&mut stream, "200 OK\r\nContent-Length: 2", b"[]")));
        }
    });
    let connections = Connections::new(Network::default());
    let limits = Limits { silence: Duration::from_secs(30), ..LIMITS };
    let pending: Vec<_> = (0..30)
        .map(|number| {
            let request = Request::new(Method::Get, &format!("http://{address}/{number}"));
            connections.begin(read(request.unwrap_or_else(|why| panic!("{why:?}")), limits))
        })
        .collect();
    for answer in pending {
        assert_eq!(one_page(answer), Ok(b"[]".to_vec()));
    }
}

#[test]
fn nothing_shows_a_secret() {
    let secret = || Secret::new("s3cr3t".to_owned());
    let request = Request::new(Method::Post, "https://api.example.com/a?x=1#part")
        .and_then(|request| request.auth(&Auth::Basic(Secret::new("me".to_owned()), Some(secret()))))
        .and_then(|request| request.secret_header("X-Key", &Secret::new("k3y".to_owned())))
        .unwrap_or_else(|why| panic!("{why:?}"))
        .query("token", "q3ry");
    assert_eq!(
        format!("{request:?} {:?} {}", secret(), request.name()),
        "POST https://api.example.com/a a secret https://api.example.com/a"
    );
    // As JSON and as a part of an address; one that begins another; a user without a password.
    let token = Secret::new("a/b\"c d".to_owned());
    let echoed = Request::new(Method::Get, "https://a.example")
        .and_then(|request| request.auth(&Auth::Basic(Secret::new("k3y-l0ng".to_owned()), None)))
        .and_then(|request| request.secret_header("X-A", &Secret::new("k3y".to_owned())))
        .and_then(|request| request.secret_header("X-B", &token))
        .unwrap_or_else(|why| panic!("{why:?}"));
    let excerpt = r#"k3y-l0ng {"a\/b\"c d"} {"a/b\"c d"} a%2Fb%22c+d a%2Fb%22c%20d azN5LWwwbmc6"#;
    assert_eq!(echoed.excerpt(excerpt.as_bytes()), r#"… {"…"} {"…"} … … …"#);
    // Wherever the part of a long answer ends that is looked at, none of a secret is left.
    for blanks in 1_500..1_800 {
        let long = format!("{}k3y-l0ng{}", " ".repeat(blanks), "x".repeat(5_000));
        let shown = echoed.excerpt(long.as_bytes());
        assert!(!shown.contains('k') && !shown.contains('3'), "{blanks}: {shown}");
    }
    // `me:s3cr3t` in base64.
    let excerpt = request.excerpt(b"you sent bWU6czNjcjN0, s3cr3t and\n k3y");
    assert_eq!(excerpt, "you sent …, … and …");
    let refused = Request::new(Method::Get, "https://a.example")
        .and_then(|request| request.secret_header("X", &Secret::new("a\nb".to_owned())));
    assert_eq!(refused.err(), Some(crate::InvalidRequest::Header("X".to_owned())));
}

/// Twenty pages by offset, of which the server tells how many records there are: those ahead are asked for before they
/// are needed, never more at once than is allowed, and come in order, however long each takes.
#[test]
fn pages_ahead_come_in_order_and_within_the_limits() {
    const MOST: usize = 3;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
    let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
    let (active, busiest, all) =
        (<Arc<AtomicUsize>>::default(), <Arc<AtomicUsize>>::default(), <Arc<AtomicUsize>>::default());
    let (counter, highest, count) = (Arc::clone(&active), Arc::clone(&busiest), Arc::clone(&all));
    thread::spawn(move || {
        for mut stream in listener.incoming().filter_map(Result::ok) {
            count.fetch_add(1, Ordering::SeqCst);
            let (counter, highest) = (Arc::clone(&counter), Arc::clone(&highest));
            thread::spawn(move || {
                highest.fetch_max(counter.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let offset = asked_offset(&stream).unwrap_or_else(|error| panic!("{error}"));
                // The first of three takes the longest.
                thread::sleep(Duration::from_millis(30 - offset % 3 * 10));
                let body = format!("{{\"of\": [{{\"id\": {offset}}}], \"count\": 20}}");
                counter.fetch_sub(1, Ordering::SeqCst);
                drop(say(&mut stream, &format!("200 OK\r\nContent-Length: {}", body.len()), body.as_bytes()));
            });
        }
    });
    let by = PageBy::Offset { parameter: PageParameter::Query("skip".to_owned()), limit: 1 };
    let paging = Paging { by, more: None, total: Some("$.count".to_owned()), total_may_lack: false };
    let by_offset = Pager::new(&paging, Some("$.of"), None, None).unwrap_or_else(|error| panic!("{error}"));
    let request = Request::new(Method::Get, &format!("http://{address}/")).unwrap_or_else(|why| panic!("{why:?}"));
    let limits = Limits { silence: Duration::from_secs(30), attempt: Duration::from_secs(30), ..LIMITS };
    let terms = Terms { limits, throttle: Throttle::new(Some(3), None), ..Terms::default() };
    let read = PagedRequest {
        request,
        job: None,
        pager: Some(by_offset),
        api: Arc::new(Api { terms, tokens: None }),
        first_page: false,
    };
    let connections = Connections::new(Network::default());
    let mut pages = connections.begin(read).unwrap_or_else(|problem| panic!("{problem:?}"));
    let mut ids = Vec::new();
    while let Some(page) = pages.wait() {
        let page = page.unwrap_or_else(|problem| panic!("{problem:?}"));
        let body: serde_json::Value = serde_json::from_slice(&page.bytes).unwrap_or_default();
        ids.push(body["of"][0]["id"].as_u64());
    }
    assert_eq!(ids, (0..20).map(Some).collect::<Vec<_>>());
    assert_eq!(all.load(Ordering::SeqCst), 20, "each page is asked for once");
    let busiest = busiest.load(Ordering::SeqCst);
    assert!((2..=MOST).contains(&busiest), "{busiest} at once");
}

/// The number that a request skips.
fn asked_offset(stream: &TcpStream) -> io::Result<u64> {
    let mut line = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    reader.read_line(&mut line)?;
    let mut head = String::new();
    while reader.read_line(&mut head)? > 0 && !head.ends_with("\r\n\r\n") {}
    let skipped = line.split_once("skip=").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    Ok(skipped.unwrap_or_default())
}

/// What reads a source ends while its next page is waited for: the wait ends, and is no error.
#[test]
fn a_cancelled_read_ends_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
    let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
    let request = Request::new(Method::Get, &format!("http://{address}/")).unwrap_or_else(|why| panic!("{why:?}"));
    let limits = Limits { silence: Duration::from_mins(5), attempt: Duration::from_mins(5), ..LIMITS };
    let connections = Connections::new(Network::default());
    let mut pages = connections.begin(read(request, limits)).unwrap_or_else(|problem| panic!("{problem:?}"));
    let canceller = pages.canceller();
    let waiting = thread::spawn(move || pages.wait().is_none());
    // It is asked, and does not answer.
    let asked = listener.accept();
    canceller.cancel();
    assert!(waiting.join().unwrap_or(false), "none is left");
    drop(asked);
}

/// A server that hears whom it is asked for, and answers an empty list.
fn listening() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
    let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
    let (sender, heard) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut line = String::new();
            let _cut = BufReader::new(&stream).read_line(&mut line);
            let _gone = sender.send(line.trim_end().to_owned());
            let _gone = say(&mut stream, "200 OK\r\nContent-Length: 2", b"[]");
        }
    });
    (format!("http://{address}"), heard)
}

#[test]
fn requests_go_through_the_proxy() {
    let (address, heard) = listening();
    let network = Network { proxy: Some(Secret::new(address)), ..Network::default() };
    let connections = Connections::new(network);
    let send = |address: &str| {
        let request = Request::new(Method::Get, address).unwrap_or_else(|why| panic!("{why:?}"));
        one_page(connections.begin(read(request, LIMITS)))
    };
    // It opens no tunnel.
    assert!(send("https://crm.example.com/deals?since=1").is_err());
    assert_eq!(heard.recv().ok().as_deref(), Some("CONNECT crm.example.com:443 HTTP/1.1"));
    while heard.try_recv().is_ok() {}
    // What is not encrypted stays on this machine.
    let (here, asked) = listening();
    assert_eq!(send(&format!("{here}/deals")), Ok(b"[]".to_vec()));
    assert_eq!(asked.recv().ok().as_deref(), Some("GET /deals HTTP/1.1"));
    assert!(heard.try_recv().is_err(), "the proxy heard of it");
}

#[test]
fn a_network_that_can_not_be_used_is_told_before_anything_is_sent() {
    let (address, heard) = listening();
    let refused = |network: Network| {
        let request = Request::new(Method::Get, &address).unwrap_or_else(|why| panic!("{why:?}"));
        Connections::new(network).begin(read(request, LIMITS)).err()
    };
    for address in ["http://", "ftp://10.0.0.1:3128", "htp://10.0.0.1"] {
        let proxy = Network { proxy: Some(Secret::new(address.to_owned())), ..Network::default() };
        assert!(matches!(refused(proxy), Some(NetworkError::Proxy)), "{address}");
    }
    for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let network = Network { certificates: Some(pem.into()), ..Network::default() };
        let refused = refused(network);
        assert!(matches!(refused, Some(NetworkError::Certificates(_))), "{pem}: {refused:?}");
    }
    assert!(heard.try_recv().is_err(), "nothing was sent");
}

/// However often it may be asked again, and however long it may be silent.
#[test]
fn the_time_of_a_run_ends_all_its_reads() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
    let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
    let limit = Duration::from_millis(200);
    let connections = Connections::new(Network { limit, ..Network::default() });
    let request = Request::new(Method::Get, &format!("http://{address}/")).unwrap_or_else(|why| panic!("{why:?}"));
    let limits = Limits { silence: Duration::from_mins(5), attempt: Duration::from_mins(5), ..LIMITS };
    let all: Vec<_> = (0..3).map(|_| connections.begin(read(request.clone(), limits))).collect();
    for pages in all {
        let out_of_time = Err(Problem::Server(ServerProblem::OutOfTime { limit }));
        let mut pages = pages.unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(pages.wait().map(|page| page.map(|page| page.bytes)), Some(out_of_time));
    }
}
