//! An API: its terms, and the token that says who asks.

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
    /// What gives the token that says who asks; none where the request says it by itself.
    pub tokens: Option<Tokens>,
}

/// An answer, and the request as it was sent: it knows the secrets in it.
pub struct Answered {
    /// What was answered.
    pub answer: Answer,
    /// What was sent.
    pub request: Request,
}

impl Api {
    /// Sends a request that reads. A token that is refused is renewed once: it may have been revoked before its time.
    pub(crate) async fn send(&self, client: &Client, request: &Request) -> Result<Answered, Problem> {
        let Some(tokens) = &self.tokens else {
            let answer = send_with_retries(client, request, &self.terms).await?;
            return Ok(Answered { answer, request: request.clone() });
        };
        let token = tokens.get(client, None).await?;
        let sent = request.clone().hiding(tokens.secrets()).bearer(&token);
        let (answer, sent) = match send_with_retries(client, &sent, &self.terms).await {
            Err(Problem::Server(
                ServerProblem::Refused { status: 401, .. } | ServerProblem::Failed { status: 401, .. },
            )) => {
                let token = tokens.get(client, Some(&token)).await?;
                // It knows both of them: the server may tell of either.
                let sent = sent.bearer(&token);
                (send_with_retries(client, &sent, &self.terms).await?, sent)
            }
            answer => (answer?, sent),
        };
        Ok(Answered { answer, request: sent })
    }
}
