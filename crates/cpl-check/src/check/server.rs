//! Servers without a connector file: `http(url)`, `sql(url, query)`, `http` targets.

use std::collections::BTreeSet;

use cpl_catalog::NoServer;
use cpl_syntax::{
    Code, Name, Span,
    tree::{self, Arg, Argument, FetchClause, Setting, SettingValue},
};

use super::{
    Checker,
    scope::{Scope, ScopeColumn},
    state::reporter::Checked,
};
use cpl_model::{
    method::Method,
    program::{
        Auth, Credential, DatabaseQuery, HeaderValue, Parameter, Piece, Request, SourceKind, TargetKind, Template,
    },
    types::Type,
};
use cpl_syntax::keywords;

keywords! {
    /// The parts of a request.
    Part {
        Method "method",
        Auth "auth",
        Headers "headers",
        Query "query",
        Body "body",
    }
}

keywords! {
    /// How a database's address begins.
    Database {
        Postgres "postgres",
        Postgresql "postgresql",
        Mysql "mysql",
        Mariadb "mariadb",
        Sqlite "sqlite",
    }
}

/// The kind of a source, its path, and the path's span.
type Read = (SourceKind, String, Span);

impl Checker<'_> {
    /// `http(url)`: one request, one answer in JSON.
    pub(super) fn http_source(&mut self, fetch: &tree::Fetch) -> Checked<Read> {
        let (url, only_first) = match fetch.source.args.as_slice() {
            [Arg::Plain(url)] => (url, Ok(false)),
            [Arg::Plain(url), Arg::Named(name, pages)] if name.as_str() == "pages" => (url, self.only_first(pages)),
            _ => {
                let label = "wanted: `http(\"https://…\")`, or `http(\"https://…\", pages=\"first\")`";
                return self.refuse(Code::E0205, "these arguments do not fit", fetch.source_span, label);
            }
        };
        let path = self.plain_text(url).and_then(|path| self.is_server(&path, url.span).map(|()| path));
        let parts: Vec<&Setting> = fetch
            .clauses
            .iter()
            .filter_map(|clause| if let FetchClause::Request(part) = clause { Some(part) } else { None })
            .collect();
        let request = self.request(&parts, Method::Get, &Scope::CONSTANT)?;
        if request.method == Method::Get
            && let Some(body) = parts.iter().find(|part| Part::of_word(part.name.as_str()) == Some(Part::Body))
        {
            let message = "a GET request has no body";
            return self.refuse(Code::E0503, message, body.name.span, "wanted: `query`, or `method POST`");
        }
        let path = path?;
        let request = Box::new(Request { address: vec![Piece::Letters(path.clone())], ..request });
        Ok((SourceKind::Http { records: None, request, only_first: only_first? }, path, url.span))
    }

    /// `pages="first"`: further pages are not wanted.
    fn only_first(&mut self, pages: &tree::Expr) -> Checked<bool> {
        if self.plain_text(pages)? == "first" {
            return Ok(true);
        }
        let label = "wanted: `pages=\"first\"`; a connector's `pages` reads all";
        self.refuse(Code::E0205, "`http` reads one page", pages.span, label)
    }

    /// `sql(url, query)`.
    pub(super) fn sql_source(&mut self, fetch: &tree::Fetch) -> Checked<Read> {
        let [Arg::Plain(url), Arg::Plain(query)] = fetch.source.args.as_slice() else {
            let label = "wanted: `sql(secret(\"DATABASE\"), \"select …\")`";
            return self.refuse(Code::E0205, "these arguments do not fit", fetch.source_span, label);
        };
        let address = if is_secret(url) { self.credential(url) } else { self.database(url).map(Credential::Plain) };
        let tree::ExprKind::Text(text) = &query.kind else {
            return self.refuse(Code::E0205, "a text in double quotes was wanted", query.span, "no query");
        };
        let pieces = self.pieces(text, &Scope::CONSTANT)?;
        self.parameters_of_query(&pieces)?;
        let letters = pieces.iter().filter_map(|piece| match piece {
            Piece::Letters(letters) => Some(letters.as_str()),
            Piece::Hole(_) => None,
        });
        if letters.collect::<String>().trim().is_empty() {
            return self.refuse(Code::E0205, "the query is empty", query.span, "wanted: `select …`");
        }
        let text = self.written(query.span).trim_matches('"').to_owned();
        let kind = SourceKind::Sql(Box::new(DatabaseQuery { address: address?, query: pieces }));
        Ok((kind, text, query.span))
    }

    /// A value in a query is sent as a parameter, as the database has one of its type.
    fn parameters_of_query(&mut self, pieces: &[Piece]) -> Checked<()> {
        let sent = |ty: Type| matches!(ty, Type::Text | Type::Date | Type::Datetime | Type::Bool) || ty.is_amount();
        let mut right = Ok(());
        for hole in pieces.iter().filter_map(Piece::hole).filter(|hole| !sent(hole.ty)) {
            let label = "wanted: a text, a day, a moment, a number or an amount";
            right = self.refuse(Code::E0301, format!("{} is no value of a query", hole.ty), hole.span, label);
        }
        right
    }

    fn database(&mut self, written: &tree::Expr) -> Checked<String> {
        let url = self.plain_text(written)?;
        let Some((scheme, rest)) = url.split_once(':') else { return self.no_database(written.span) };
        if Database::of_word(scheme).is_none() {
            return self.no_database(written.span);
        }
        // `user:password@host`, `?password=…`; a file's path has neither.
        let user = rest.trim_start_matches('/').split_once('@').map(|(user, _)| user);
        let has_password = user.is_some_and(|user| user.contains(':')) || rest.contains("password=");
        if has_password && Database::of_word(scheme) != Some(Database::Sqlite) {
            let label = "wanted: `secret(\"DATABASE\")`, which holds the whole address";
            return self.refuse(Code::E0504, "a password stands in the address", written.span, label);
        }
        Ok(url)
    }

    fn no_database<T>(&mut self, at: Span) -> Checked<T> {
        let label = format!("wanted: one that begins with `{}:`", Database::WORDS.join(":`, `"));
        self.refuse(Code::E0205, "this is not the address of a database", at, label)
    }

    /// An address that may be sent data: encrypted, and without credentials in it.
    pub(super) fn is_server(&mut self, url: &str, at: Span) -> Checked<()> {
        match cpl_catalog::server(url) {
            Ok(_) => Ok(()),
            Err(NoServer::Secret) => {
                self.refuse(Code::E0504, NoServer::Secret.to_string(), at, "holds a user or a password")
            }
            Err(NoServer::Other { what, wanted }) => self.refuse(Code::E0205, what, at, format!("wanted: {wanted}")),
        }
    }

    /// `http(url) { method POST  body { … } }`: the holes of the address and the body are the target's parameters.
    pub(super) fn http_target(&mut self, target: &tree::Target, parameters: &mut [Parameter]) -> Checked<TargetKind> {
        let [Arg::Plain(url)] = target.call.args.as_slice() else {
            let label = "wanted: `http(\"https://…\")`";
            return self.refuse(Code::E0205, "these arguments do not fit", target.call_span, label);
        };
        let columns: Vec<ScopeColumn> = parameters
            .iter()
            .map(|parameter| ScopeColumn::new(&Name::new(parameter.name.clone(), url.span), parameter.ty, false))
            .chain([ScopeColumn::new(&Name::new("idempotency_key".to_owned(), url.span), Type::Text, false)])
            .collect();
        let scope = Scope::arguments(&columns);
        let address = self.address_with_holes(url, &scope);
        let parts: Vec<&Setting> = target.settings.iter().collect();
        let request = self.request(&parts, Method::Post, &scope)?;
        let request = Request { address: address?, ..request };
        self.parameters_used(target, &request)?;
        if request.method == Method::Get {
            let message = "a GET request changes nothing";
            return self.refuse(Code::E0503, message, target.call_span, "wanted: `method POST`, or another");
        }
        let mut named = BTreeSet::new();
        request.address.iter().filter_map(Piece::hole).for_each(|hole| hole.columns_into(&mut named));
        // Without parameters marked `key`, those in the address name the thing that is changed.
        if !parameters.iter().any(|parameter| parameter.key) {
            for parameter in parameters.iter_mut() {
                parameter.key = named.contains(&parameter.name);
            }
        }
        Ok(TargetKind::Http(Box::new(request)))
    }

    /// An address, whose holes follow the host.
    fn address_with_holes(&mut self, url: &tree::Expr, scope: &Scope<'_>) -> Checked<Vec<Piece>> {
        let tree::ExprKind::Text(text) = &url.kind else {
            return self.plain_text(url).map(|plain| vec![Piece::Letters(plain)]);
        };
        let pieces = self.pieces(text, scope)?;
        let host =
            pieces.first().and_then(|piece| if let Piece::Letters(letters) = piece { Some(letters) } else { None });
        let whole = host.and_then(|letters| letters.split_once("://")).is_some_and(|(_, rest)| rest.contains('/'));
        if let Some(hole) = pieces.iter().find_map(Piece::hole).filter(|_| !whole) {
            let label = "wanted: holes behind the host's `/`";
            return self.refuse(Code::E0503, "the host is written out, and does not come from a row", hole.span, label);
        }
        let filled: String = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Letters(letters) => letters.as_str(),
                Piece::Hole(_) => "x",
            })
            .collect();
        self.is_server(&filled, url.span)?;
        Ok(pieces)
    }

    fn parameters_used(&mut self, target: &tree::Target, request: &Request) -> Checked<()> {
        let mut used = BTreeSet::new();
        request.exprs().into_iter().for_each(|expr| expr.columns_into(&mut used));
        let unused = target.parameters.iter().find(|parameter| !used.contains(&parameter.name.value));
        let Some(parameter) = unused else { return Ok(()) };
        let name = parameter.name.as_str();
        let label = format!("wanted: `body {{ {name} = {name} }}`, or `{{{name}}}` in the address");
        self.refuse(Code::E0205, format!("the parameter `{name}` goes nowhere"), parameter.name.span, label)
    }

    /// What a request is made of, but for its address.
    fn request(&mut self, parts: &[&Setting], or: Method, scope: &Scope<'_>) -> Checked<Request> {
        self.unique(parts.iter().map(|part| &part.name).collect(), "a part of the request");
        let mut request = Request {
            method: or,
            address: Vec::new(),
            auth: Vec::new(),
            headers: Vec::new(),
            query: Vec::new(),
            body: None,
        };
        let mut right = Ok(());
        for part in parts {
            let Some(word) = Part::of_word(part.name.as_str()) else { continue };
            right = right.and(self.part(word, part, scope, &mut request));
        }
        right.map(|()| request)
    }

    fn part(&mut self, word: Part, part: &Setting, scope: &Scope<'_>, request: &mut Request) -> Checked<()> {
        match (word, &part.value) {
            (Part::Method, SettingValue::Expr(value)) => request.method = self.method(value)?,
            (Part::Auth, SettingValue::Expr(value)) => request.auth = vec![Auth::Bearer(self.credential(value)?)],
            (Part::Auth, SettingValue::Arguments(all)) => request.auth = vec![self.auth(all, part.name.span)?],
            (Part::Headers, SettingValue::Arguments(all)) => request.headers = self.headers(all, scope)?,
            (Part::Query, SettingValue::Arguments(all)) => request.query = self.values(all, scope)?,
            (Part::Body, SettingValue::Arguments(all)) => {
                request.body = Some(Template::Object(self.values(all, scope)?));
            }
            (word, _) => {
                let label = match word {
                    Part::Method => "wanted: `method POST`".to_owned(),
                    word => format!("wanted: `{} {{ name = value }}`", word.word()),
                };
                return self.refuse(Code::E0205, format!("`{}` is said otherwise", word.word()), part.name.span, label);
            }
        }
        Ok(())
    }

    fn method(&mut self, value: &tree::Expr) -> Checked<Method> {
        let tree::ExprKind::Path(path) = &value.kind else {
            return self.refuse(Code::E0205, "that is no method", value.span, "wanted: one such as `POST`");
        };
        match Method::of_word(path.name.as_str()) {
            Some(method) if path.table.is_none() => Ok(method),
            _ => self.unknown_name("method", &path.name, Method::ALL.map(|(word, _)| word)),
        }
    }

    /// `{ bearer = … }`, or `{ user = …, password = … }`.
    fn auth(&mut self, all: &[Argument], at: Span) -> Checked<Auth> {
        match all {
            [bearer] if bearer.name.as_str() == "bearer" => self.credential(&bearer.value).map(Auth::Bearer),
            [user, password] if user.name.as_str() == "user" && password.name.as_str() == "password" => {
                self.basic(user, password)
            }
            [password, user] if user.name.as_str() == "user" && password.name.as_str() == "password" => {
                self.basic(user, password)
            }
            _ => {
                let label = "wanted: `auth { bearer = secret(\"NAME\") }`, or `{ user = …, password = … }`";
                self.refuse(Code::E0205, "`auth` is said otherwise", at, label)
            }
        }
    }

    fn basic(&mut self, user: &Argument, password: &Argument) -> Checked<Auth> {
        let (user, password) = (self.credential(&user.value), self.credential(&password.value));
        Ok(Auth::Basic { user: user?, password: Some(password?) })
    }

    fn headers(&mut self, all: &[Argument], scope: &Scope<'_>) -> Checked<Vec<(String, HeaderValue)>> {
        self.unique(all.iter().map(|each| &each.name).collect(), "a header");
        let headers: Vec<_> = all.iter().map(|header| self.header(header, scope)).collect();
        headers.into_iter().collect()
    }

    fn header(&mut self, Argument { name, value }: &Argument, scope: &Scope<'_>) -> Checked<(String, HeaderValue)> {
        let value = if !cpl_catalog::is_header(name.as_str()) {
            let message = format!("`{}` is no header", name.as_str());
            return self.refuse(Code::E0103, message, name.span, "wanted: a name such as `\"X-Api-Version\"`");
        } else if is_secret(value) {
            HeaderValue::Credential(self.credential(value)?)
        } else if self.written(value.span).contains("\\n") {
            return self.refuse(Code::E0103, "a header is one line", value.span, "holds a line's end");
        } else if cpl_catalog::is_credential(name.as_str()) {
            let message = "credentials belong in `auth`";
            return self.refuse(Code::E0504, message, name.span, "wanted: `auth secret(\"NAME\")`");
        } else {
            HeaderValue::Computed(Template::Value(self.expr(value, scope)?))
        };
        Ok((name.value.clone(), value))
    }

    fn values(&mut self, all: &[Argument], scope: &Scope<'_>) -> Checked<Vec<(String, Template)>> {
        self.unique(all.iter().map(|each| &each.name).collect(), "a name");
        let values: Vec<_> = all
            .iter()
            .map(|each| self.expr(&each.value, scope).map(|value| (each.name.value.clone(), Template::Value(value))))
            .collect();
        values.into_iter().collect()
    }
}

/// `secret("NAME")`
fn is_secret(value: &tree::Expr) -> bool {
    matches!(&value.kind, tree::ExprKind::Call(call)
        if call.callee.table.is_none() && call.callee.name.as_str() == "secret")
}
