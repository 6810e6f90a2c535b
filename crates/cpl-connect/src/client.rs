//! The client, and the threads on which requests wait: both are made when they are first needed.

use std::{
    collections::VecDeque,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cpl_batch::{Problem, ServerProblem};
use cpl_records::KnownRecords;
use reqwest::{
    Certificate, Client, ClientBuilder, NoProxy, Proxy,
    header::{ACCEPT_ENCODING, HeaderMap, HeaderValue},
    redirect::Policy,
};
use tokio::{
    runtime::{Handle, Runtime},
    sync::mpsc,
    task::{AbortHandle, JoinHandle},
    time::{Instant, timeout_at},
};

use crate::{
    answer::{Answer, innermost},
    api::Api,
    failed_answer,
    job::{self, Job},
    limits::LARGE_PAGE,
    more_pages::{self, PagesRead},
    pager::Pager,
    request::Request,
    secret::Secret,
    send_once::{Sent, SingleRequest},
};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Where the environment names a proxy.
const ENVIRONMENT: &[&str] = &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// Pages that are held, while others are read: one is on its way besides.
const PAGES_AHEAD: usize = 1;
/// Requests that are sent before it is known whether they are needed.
const PREFETCHED: u32 = 3;

/// Connections to servers.
pub struct Connections {
    network: Network,
    /// When all reads end.
    deadline: Instant,
    runtime: OnceLock<Runtime>,
    client: OnceLock<Client>,
}

/// How servers are reached.
#[derive(Debug)]
pub struct Network {
    /// The address of the proxy of all requests; none for that of the environment.
    pub proxy: Option<Secret>,
    /// Certificates in PEM that are trusted besides the system's.
    pub certificates: Option<Vec<u8>>,
    /// How long all reads may take together.
    pub limit: Duration,
}

/// The system's certificates, the environment's proxy, half an hour.
impl Default for Network {
    fn default() -> Self {
        Self { proxy: None, certificates: None, limit: Duration::from_mins(30) }
    }
}

/// What keeps a network from being used.
#[derive(Debug)]
pub enum NetworkError {
    /// The address of the proxy is none.
    Proxy,
    /// The certificates are none, or there is none among them.
    Certificates(String),
    /// This machine lets no connection be made.
    Client(String),
}

/// What is read of a server.
pub struct PagedRequest {
    /// The request for all of it, for its first page, or the one that begins a long report.
    pub request: Request,
    /// The long report whose pages are read.
    pub job: Option<Job>,
    /// How pages go on; none where there is one.
    pub pager: Option<Pager>,
    /// The API that it is sent to.
    pub api: Arc<Api>,
    /// Only the first page is read.
    pub first_page: bool,
}

/// Pages that are on their way, in order: until they are dropped.
pub struct Pages {
    /// None says that there are no more: where the channel is closed without it, something went wrong.
    pages: mpsc::Receiver<Result<Option<Page>, Problem>>,
    canceller: Canceller,
}

/// Ends a read, also while somebody waits for its next page: there is none then.
#[derive(Clone)]
pub struct Canceller {
    /// None where nothing is sent.
    task: Option<AbortHandle>,
    is_cancelled: Arc<AtomicBool>,
}

/// A page.
#[derive(Debug)]
pub struct Page {
    /// Its bytes, unpacked.
    pub bytes: Vec<u8>,
    /// Where in them its records are, or their values, if that was seen; none if they have to be looked for.
    pub records: Option<KnownRecords>,
    /// The request that it answers, as it was sent.
    pub request: Request,
    /// The number of all records, as the first page and this one tell it.
    pub total: Option<(u64, u64)>,
    /// Where the answer says that there are more pages, of which nobody reads any.
    pub more_pages: Option<String>,
    /// Paths by which pages go on that find nothing on the first page, where that is all that is wanted.
    pub empty_paths: Vec<String>,
}

impl Connections {
    /// Through a network; its time begins now. Nothing is made before the first read.
    #[must_use]
    pub fn new(network: Network) -> Self {
        let deadline = Instant::now() + network.limit;
        Self { network, deadline, runtime: OnceLock::new(), client: OnceLock::new() }
    }

    /// Begins a read, each request of which may be sent several times; it goes on while others are begun, as far as its
    /// pages are taken.
    ///
    /// # Errors
    /// Where the network can't be used.
    pub fn begin(&self, read: PagedRequest) -> Result<Pages, NetworkError> {
        let client = self.client()?.clone();
        let (sender, pages) = mpsc::channel(PAGES_AHEAD);
        let (deadline, limit) = (self.deadline, self.network.limit);
        let in_time = async move {
            if timeout_at(deadline, read_pages(client, read, sender.clone(), (deadline, limit))).await.is_err() {
                let _nobody_waits = sender.send(Err(Problem::Server(ServerProblem::OutOfTime { limit }))).await;
            }
        };
        let task = self.runtime()?.spawn(in_time).abort_handle();
        Ok(Pages { pages, canceller: Canceller { task: Some(task), is_cancelled: Arc::default() } })
    }

    /// Sends requests that change something, each once, as many at once as there are; what became of each.
    ///
    /// # Errors
    /// Where the network can't be used: nothing was sent.
    pub fn send_once(&self, requests: Vec<SingleRequest>) -> Result<Vec<Sent>, NetworkError> {
        let client = self.network.single_client()?;
        let runtime = self.runtime()?;
        let begin = |request: SingleRequest| {
            let client = client.clone();
            runtime.spawn(async move { request.send(&client).await })
        };
        let under_way: Vec<_> = requests.into_iter().map(begin).collect();
        let sent = under_way.into_iter().map(|task| {
            runtime.block_on(task).unwrap_or_else(|_| Sent::Lost("the program failed while it sent".to_owned()))
        });
        Ok(sent.collect())
    }

    /// How servers are reached.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The threads on which what is read waits.
    ///
    /// # Errors
    /// Where there can't be any.
    pub fn handle(&self) -> Result<Handle, NetworkError> {
        Ok(self.runtime()?.handle().clone())
    }

    /// When all reads end, and how long they may take together.
    #[must_use]
    pub fn deadline(&self) -> (Instant, Duration) {
        (self.deadline, self.network.limit)
    }

    fn runtime(&self) -> Result<&Runtime, NetworkError> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let made = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let made = made.map_err(|error| NetworkError::Client(error.to_string()))?;
        Ok(self.runtime.get_or_init(|| made))
    }

    fn client(&self) -> Result<&Client, NetworkError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let made = self.network.client()?;
        Ok(self.client.get_or_init(|| made))
    }
}

impl Network {
    fn client(&self) -> Result<Client, NetworkError> {
        self.built(Client::builder())
    }

    /// A client whose connections are used once: on one that a server has just closed a request is lost for nothing.
    fn single_client(&self) -> Result<Client, NetworkError> {
        self.built(Client::builder().pool_max_idle_per_host(0).retry(reqwest::retry::never()))
    }

    fn built(&self, builder: ClientBuilder) -> Result<Client, NetworkError> {
        let mut builder = builder
            .user_agent(concat!("cpl/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            // The library unpacks one member of gzip, and not what stands behind it.
            .gzip(false)
            .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br, zstd"))]));
        // What goes by `http://` goes to this very machine, and by no proxy, which would read it.
        builder = builder.no_proxy();
        let of_environment =
            || ENVIRONMENT.iter().find_map(|name| std::env::var(name).ok().filter(|at| !at.is_empty()));
        let proxy = self.proxy.as_ref().map(|proxy| proxy.expose().to_owned()).or_else(of_environment);
        if let Some(proxy) = proxy {
            let has_scheme = proxy.split_once("://").is_none_or(|(scheme, _)| ["http", "https"].contains(&scheme));
            let proxy = Proxy::https(&proxy).ok().filter(|_| has_scheme).ok_or(NetworkError::Proxy)?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_env()));
        }
        if let Some(pem) = &self.certificates {
            let certificates = Certificate::from_pem_bundle(pem);
            let certificates = certificates.map_err(|error| NetworkError::Certificates(innermost(&error)))?;
            if certificates.is_empty() {
                return Err(NetworkError::Certificates("no certificate stands in it".to_owned()));
            }
            builder = certificates.into_iter().fold(builder, ClientBuilder::add_root_certificate);
        }
        // What a certificate holds is read here at last.
        let refused = if self.certificates.is_some() { NetworkError::Certificates } else { NetworkError::Client };
        builder.build().map_err(|error| refused(innermost(&error)))
    }
}

/// A run that has failed does not wait for what is still under way, such as the look-up of a name.
impl Drop for Connections {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Pages {
    /// No pages, without a request: of a window without a day.
    #[must_use]
    pub fn none() -> Self {
        let (_, pages) = mpsc::channel(1);
        Self { pages, canceller: Canceller { task: None, is_cancelled: Arc::new(AtomicBool::new(true)) } }
    }

    /// Waits for the next page; none behind the last one.
    ///
    /// # Errors
    /// Why there is none that can be used; nothing comes after that.
    pub fn wait(&mut self) -> Option<Result<Page, Problem>> {
        match self.pages.blocking_recv() {
            Some(page) => page.transpose(),
            None if self.canceller.is_cancelled.load(Ordering::SeqCst) => None,
            // Who reads it panicked: what came so far is not all.
            None => Some(Err(stopped())),
        }
    }

    /// What ends the read.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }
}

impl Canceller {
    /// Ends the read.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::SeqCst);
        self.task.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.canceller.cancel();
    }
}

/// Sends each page as it comes; the next ones are requested while it is read.
async fn read_pages(
    client: Client,
    mut read: PagedRequest,
    sender: mpsc::Sender<Result<Option<Page>, Problem>>,
    deadline: (Instant, Duration),
) {
    let mut next = match read.begin(&client, deadline).await {
        Ok(first) => first,
        Err(problem) => {
            let _nobody_waits = sender.send(Err(problem)).await;
            return;
        }
    };
    let mut prefetched = Prefetched::default();
    while let Some(request) = next.take() {
        let page = match prefetched.answer(&client, &read.api, &request).await {
            Ok(answered) => read.page(&request, answered).map(|(page, follows)| {
                let follows = follows.filter(|_| !read.first_page);
                if let (Some(follows), Some(pager)) = (&follows, &read.pager)
                    && page.bytes.len() < LARGE_PAGE
                {
                    prefetched.send(&client, &read.api, pager.foreseen(follows, PREFETCHED));
                }
                next = follows;
                page
            }),
            Err(problem) => Err(problem),
        };
        let page = if read.job.is_some() { page.map_err(|problem| job::at(&request, problem)) } else { page };
        // Nobody may take it any more; behind a problem nothing comes.
        let failed = page.is_err();
        if sender.send(page.map(Some)).await.is_err() {
            return;
        }
        if failed {
            break;
        }
    }
    let _nobody_waits = sender.send(Ok(None)).await;
}

/// Requests that were sent before it is known whether they are needed.
#[derive(Default)]
struct Prefetched(VecDeque<(Request, AbortOnDrop)>);

/// A task that ends with it.
struct AbortOnDrop(JoinHandle<Result<Answer, Problem>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Prefetched {
    /// Sends those that are not under way.
    fn send(&mut self, client: &Client, api: &Arc<Api>, requests: Vec<Request>) {
        for request in requests {
            if !self.0.iter().any(|(other, _)| other.is(&request)) {
                let (client, api, copy) = (client.clone(), Arc::clone(api), request.clone());
                let task = tokio::spawn(async move { api.send(&client, &copy).await });
                self.0.push_back((request, AbortOnDrop(task)));
            }
        }
    }

    /// The answer to a request, which may be under way. What was sent before that one is of no use any more.
    async fn answer(&mut self, client: &Client, api: &Api, request: &Request) -> Result<Answer, Problem> {
        let Some(at) = self.0.iter().position(|(other, _)| other.is(request)) else {
            return api.send(client, request).await;
        };
        let Some((_, mut task)) = self.0.drain(..=at).next_back() else { unreachable!("it is among them") };
        (&mut task.0).await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl PagedRequest {
    /// What is requested first.
    #[must_use]
    pub fn first_request(&self) -> Request {
        let request = self.request.clone();
        if self.job.is_some() { request } else { self.first_page_of(request) }
    }

    fn first_page_of(&self, request: Request) -> Request {
        match &self.pager {
            Some(pager) => pager.first(request),
            None => request,
        }
    }

    /// The request for the first page, behind a long report where there is one: it is waited for. None where that has no rows.
    async fn begin(&mut self, client: &Client, deadline: (Instant, Duration)) -> Result<Option<Request>, Problem> {
        let Some(job) = &self.job else { return Ok(Some(self.first_request())) };
        let Some(report) = job.report(client, &self.api, &self.request, deadline).await? else { return Ok(None) };
        self.api = report.api;
        Ok(Some(self.first_page_of(report.request)))
    }

    /// The page of an answer, and the request for the one that follows.
    fn page(&mut self, request: &Request, mut answer: Answer) -> Result<(Page, Option<Request>), Problem> {
        if self.job.is_some() {
            answer.unpack(self.api.terms.limits.answer_bytes)?;
        }
        answer.check_whole()?;
        let (records, follows) = match &mut self.pager {
            Some(pager) => {
                let outcome = pager.next(request, &answer)?;
                (outcome.records, outcome.next)
            }
            None => (None, None),
        };
        if follows.is_none() && self.api.terms.errors.are_usual() {
            failed_answer::check(&answer)?;
        }
        let total = self.pager.as_ref().and_then(Pager::total).filter(|_| !self.first_page);
        let more_pages =
            if self.pager.is_none() { more_pages::find(&answer, Some(PagesRead::ONE), None) } else { None };
        let pager = self.pager.as_ref().filter(|_| self.first_page);
        let empty_paths = pager.map(Pager::empty_paths).unwrap_or_default();
        let request = answer.sent;
        Ok((Page { bytes: answer.bytes, records, request, total, more_pages, empty_paths }, follows))
    }
}

/// Reading ended before its time.
fn stopped() -> Problem {
    let why = "the program failed while it read".to_owned();
    Problem::Server(ServerProblem::Broken { why, attempts: 1 })
}
