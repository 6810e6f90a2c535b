//! Requests of connectors: their texts are typed, and their holes name the arguments of a call.

use cpl_catalog::{Auth as RawAuth, Connector, Credential as RawCredential, Json};
use cpl_syntax::{Code, Diagnostic, tree::Text};

use super::{Checker, scope::Scope, state::reporter::Checked};
use cpl_model::program::{Auth, Credential, HeaderValue, Piece, Request, Template};

impl Checker<'_> {
    /// A request of a connector; all that is wrong in it is reported.
    pub(super) fn connector_request(
        &mut self,
        connector: &Connector,
        written: &cpl_catalog::Request,
        scope: &Scope<'_>,
    ) -> Checked<Request> {
        let base = self.text_with_holes(&connector.base_url, scope);
        let token_url = connector.token_url.as_ref().map(|url| self.text_with_holes(url, scope)).transpose();
        let path = self.text_with_holes(&written.path, scope);
        let parts = &written.request_parts;
        let query: Vec<_> = parts.query.iter().map(|(name, value)| (name, self.template(value, scope))).collect();
        let headers: Vec<_> =
            parts.headers.iter().map(|(name, value)| (name, self.text_template(value, scope))).collect();
        let body = parts.body.as_ref().map(|body| self.template(body, scope)).transpose();
        let named = |(name, value): (&String, Checked<Template>)| value.map(|value| (name.clone(), value));
        let query = query.into_iter().map(named).collect::<Checked<_>>();
        let headers = headers.into_iter().map(named).collect::<Checked<Vec<_>>>();
        let token_url = token_url?.unwrap_or_default();
        let address = base?.into_iter().chain(path?).collect();
        let computed = |(name, value)| (name, HeaderValue::Computed(value));
        Ok(Request {
            method: written.method,
            address,
            auth: connector.auth.iter().flat_map(|way| auth(way, &token_url)).collect(),
            headers: headers?.into_iter().map(computed).collect(),
            query: query?,
            body: body?,
        })
    }

    fn template(&mut self, written: &Json, scope: &Scope<'_>) -> Checked<Template> {
        Ok(match written {
            Json::Plain(value) => Template::Literal(value.to_string()),
            Json::Text(text) => self.text_template(text, scope)?,
            Json::List(all) => {
                let all: Vec<_> = all.iter().map(|each| self.template(each, scope)).collect();
                Template::List(all.into_iter().collect::<Checked<_>>()?)
            }
            Json::Map(all) => {
                let all: Vec<_> =
                    all.iter().map(|(name, each)| Ok((name.clone(), self.template(each, scope)?))).collect();
                Template::Object(all.into_iter().collect::<Checked<_>>()?)
            }
        })
    }

    /// A text that is only one hole keeps the type of its value.
    pub(super) fn text_template(&mut self, text: &Text, scope: &Scope<'_>) -> Checked<Template> {
        let mut pieces = self.text_with_holes(text, scope)?;
        match pieces.as_mut_slice() {
            [Piece::Hole(_)] => match pieces.remove(0) {
                Piece::Hole(hole) => Ok(Template::Value(hole)),
                letters @ Piece::Letters(_) => Ok(Template::Text(vec![letters])),
            },
            _ => Ok(Template::Text(pieces)),
        }
    }

    /// An optional argument may only be a whole text: a longer text would keep the letters around its hole.
    fn text_with_holes(&mut self, text: &Text, scope: &Scope<'_>) -> Checked<Vec<Piece>> {
        let pieces = self.pieces(text, scope)?;
        for hole in pieces.iter().filter_map(Piece::hole).filter(|hole| hole.unknown && pieces.len() > 1) {
            self.report(
                Diagnostic::new(Code::E0603, "an argument that may be left out leaves a hole in this text")
                    .at(hole.span, "may be left out")
                    .help("say what stands there then: `{stage ?? \"all\"}`, or take the `?` of the argument out"),
            );
        }
        Ok(pieces)
    }
}

/// Credentials; a token is requested at `token_url`.
fn auth(way: &RawAuth, token_url: &[Piece]) -> Vec<Auth> {
    match way {
        RawAuth::Bearer(token) => vec![Auth::Bearer(credential(token))],
        RawAuth::Basic { user, password } => {
            vec![Auth::Basic { user: credential(user), password: password.as_ref().map(credential) }]
        }
        RawAuth::Header(all) => all.iter().map(|(name, value)| Auth::Header(name.clone(), credential(value))).collect(),
        RawAuth::Query(all) => all.iter().map(|(name, value)| Auth::Query(name.clone(), credential(value))).collect(),
        RawAuth::Oauth2 { client_id, client_secret, refresh_token, scopes, header, .. } => vec![Auth::OAuth2 {
            token_url: token_url.to_vec(),
            client_id: credential(client_id),
            client_secret: client_secret.as_ref().map(credential),
            refresh_token: refresh_token.as_ref().map(credential),
            scopes: scopes.clone(),
            header: header.clone(),
        }],
        RawAuth::GoogleServiceAccount { key, scopes } => {
            vec![Auth::GoogleServiceAccount { key: credential(key), scopes: scopes.clone() }]
        }
    }
}

fn credential(of: &RawCredential) -> Credential {
    match of {
        RawCredential::Secret(name) => Credential::Secret(name.clone()),
        RawCredential::Plain(text) => Credential::Plain(text.clone()),
    }
}
