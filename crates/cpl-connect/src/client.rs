//! The client, and the threads on which requests wait: both are made when they are first needed.

use std::sync::OnceLock;

use cpl_batch::{Problem, ServerProblem};
use reqwest::{Client, redirect::Policy};
use tokio::{runtime::Runtime, sync::oneshot};

use crate::{answer::send_with_retries, limits::Limits, request::Request};

/// Connections to servers.
#[derive(Default)]
pub struct Connections {
    limits: Limits,
    runtime: OnceLock<Runtime>,
    client: OnceLock<Client>,
}

/// An answer that is on its way.
pub struct Pending(oneshot::Receiver<Result<Vec<u8>, Problem>>);

impl Connections {
    /// Connections with those limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, runtime: OnceLock::new(), client: OnceLock::new() }
    }

    /// Begins a read, which may be sent several times; it goes on while others are begun.
    ///
    /// # Errors
    /// Where this machine lets no connection be made.
    pub fn begin(&self, request: Request) -> Result<Pending, Problem> {
        let (client, limits) = (self.client()?.clone(), self.limits);
        let (answered, pending) = oneshot::channel();
        self.runtime()?.spawn(async move {
            // Nobody may wait for it any more.
            let _unheard = answered.send(send_with_retries(&client, &request, &limits).await);
        });
        Ok(Pending(pending))
    }

    fn runtime(&self) -> Result<&Runtime, Problem> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let made = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let made = made.map_err(|error| no_client(error.to_string()))?;
        Ok(self.runtime.get_or_init(|| made))
    }

    fn client(&self) -> Result<&Client, Problem> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let made = Client::builder()
            .user_agent(concat!("cpl/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(self.limits.connect)
            .read_timeout(self.limits.silence)
            .build();
        let made = made.map_err(|error| no_client(error.without_url().to_string()))?;
        Ok(self.client.get_or_init(|| made))
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

impl Pending {
    /// Waits for the answer: its bytes, unpacked.
    ///
    /// # Errors
    /// Why there is none that can be used.
    pub fn wait(self) -> Result<Vec<u8>, Problem> {
        self.0.blocking_recv().unwrap_or_else(|_| unreachable!("who asks panicked, or was ended before its time"))
    }
}

/// What keeps this machine from asking at all.
fn no_client(why: String) -> Problem {
    Problem::Server(ServerProblem::Unreachable { why, attempts: 0 })
}
