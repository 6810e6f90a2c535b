//! An API: its terms, and its access token.

use cpl_batch::{Problem, ServerProblem};
use reqwest::Client;

use crate::{
    answer::{Answer, send_with_retries},
    request::Request,
    terms::Terms,
    token::Tokens,
};

/// An API, as all reads of it see it.
#[derive(Default)]
pub struct Api {
    /// Its terms.
    pub terms: Terms,
    /// What gives the access token; none where requests hold their credentials themselves.
    pub tokens: Option<Tokens>,
}

impl Api {
    /// Sends a request that reads. A token that is refused is renewed once: it may have been revoked before its time.
    pub(crate) async fn send(&self, client: &Client, request: &Request) -> Result<Answer, Problem> {
        let Some(tokens) = &self.tokens else { return send_with_retries(client, request, &self.terms).await };
        let token = tokens.get(client, None).await?;
        let sent = tokens.add(&token, request.clone().hiding(tokens.secrets()));
        match send_with_retries(client, &sent, &self.terms).await {
            Err(Problem::Server(
                ServerProblem::Refused { status: 401, .. } | ServerProblem::Failed { status: 401, .. },
            )) => {
                let token = tokens.get(client, Some(&token)).await?;
                // It knows both of them: the server may tell of either.
                send_with_retries(client, &tokens.add(&token, sent), &self.terms).await
            }
            answer => answer,
        }
    }
}
