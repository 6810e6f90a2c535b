//! `target`: where effects go.

use std::path::{Component, Path, PathBuf};

use cpl_syntax::{
    Code, Diagnostic, Name, Span,
    tree::{self, TargetRef, Via as WrittenVia},
};

use super::{
    Checker,
    scope::Scope,
    state::reporter::{Checked, Reported},
};
use cpl_model::{
    program::{Credential, Expr, ExprKind, FilePath, NEW, Parameter, PathPiece, TableSource, Target, TargetKind, Via},
    types::Type,
};
use cpl_syntax::keywords;

keywords! {
    /// What a target may be.
    TargetWord {
        Print "print",
        File "file",
        Slack "slack",
        Webhook "webhook",
        Email "email",
        Http "http",
    }
}

fn is_window(hole: &tree::Expr) -> bool {
    matches!(&hole.kind, tree::ExprKind::Path(path) if path.table.is_none() && path.name.as_str() == "window")
}

/// What a webhook's requests are signed with.
const KEY: &str = "key";

/// The name under which the report itself is a target.
const PRINT: &str = "print";

impl Checker<'_> {
    pub(super) fn resolve_targets(&mut self) {
        self.targets = self.input.file.targets.iter().map(|target| self.target(target)).collect();
    }

    fn target(&mut self, target: &tree::Target) -> Checked<Target> {
        if target.name.as_str() == PRINT {
            let message = "`print` is the report itself, and no other target";
            return self.refuse(Code::E0204, message, target.name.span, "give it another name");
        }
        let names: Vec<&Name> = target.parameters.iter().map(|parameter| &parameter.name).collect();
        self.unique(names, "a parameter");
        let parameters: Vec<_> = target
            .parameters
            .iter()
            .map(|parameter| {
                let (_, ty) = self.encoding(&parameter.kind)?;
                Ok(Parameter { name: parameter.name.value.clone(), ty, key: parameter.key, optional: false })
            })
            .collect();
        if let Some(connector) = &target.call.callee.table {
            return self.action_target(target, connector);
        }
        let mut parameters: Vec<Parameter> = parameters.into_iter().collect::<Checked<_>>()?;
        let kind = if target.call.callee.name.as_str() == TargetWord::Http.word() {
            self.http_target(target, &mut parameters)
        } else {
            self.without_settings(target);
            self.target_kind(target)
        };
        Ok(Target {
            name: target.name.value.clone(),
            span: target.name.span,
            kind: kind?,
            parameters,
            given_keys: Vec::new(),
        })
    }

    fn without_settings(&mut self, target: &tree::Target) {
        if let Some(setting) = target.settings.first() {
            let _reported: Checked<()> =
                self.refuse(Code::E0205, "this target takes no settings", setting.name.span, "never used");
        }
    }

    fn target_kind(&mut self, target: &tree::Target) -> Checked<TargetKind> {
        let call = &target.call;
        let kind = &call.callee.name;
        let Some(word) = TargetWord::of_word(kind.as_str()) else {
            return self.unknown_name("kind of target", kind, TargetWord::WORDS.iter().copied());
        };
        let wanted = match (word, call.args.as_slice()) {
            (TargetWord::Print, []) => return Ok(TargetKind::Print),
            (TargetWord::File, [tree::Arg::Plain(path)]) => {
                let written = self.file_path(path)?;
                self.is_free(&written.at("{window}"), path.span)?;
                return Ok(TargetKind::File(written));
            }
            (TargetWord::Print, _) => "wanted: `print()`",
            (TargetWord::File, _) => "wanted: `file(\"path\")`",
            (TargetWord::Slack, [tree::Arg::Plain(address)]) => {
                return self.service(word, address, target.call_span).map(TargetKind::Slack);
            }
            (TargetWord::Webhook, [tree::Arg::Plain(address)]) => {
                let address = self.service(word, address, target.call_span)?;
                return Ok(TargetKind::Webhook { address, key: None });
            }
            (TargetWord::Webhook, [tree::Arg::Plain(address), tree::Arg::Named(name, key)]) if name.as_str() == KEY => {
                let address = self.service(word, address, target.call_span)?;
                return Ok(TargetKind::Webhook { address, key: Some(self.credential(key)?) });
            }
            (TargetWord::Email, [tree::Arg::Plain(address)]) => {
                return self.service(word, address, target.call_span).map(TargetKind::Email);
            }
            (TargetWord::Slack, _) => "wanted: `slack(secret(\"NAME\"))`",
            (TargetWord::Webhook, _) => {
                "wanted: `webhook(\"https://…\")`, or with `key=secret(\"NAME\")`, by which it is signed"
            }
            (TargetWord::Email, _) => "wanted: `email(\"somebody@example.com\")`",
            (TargetWord::Http, _) => "wanted: `http(\"https://…\")`",
        };
        self.refuse(Code::E0205, "these arguments do not fit", target.call_span, wanted)
    }

    /// A path, in which `{window}` stands for the window's name.
    fn file_path(&mut self, written: &tree::Expr) -> Checked<FilePath> {
        let tree::ExprKind::Text(text) = &written.kind else {
            return self.plain_text(written).map(|path| FilePath(vec![PathPiece::Letters(path)]));
        };
        let mut pieces = Vec::new();
        for piece in &text.pieces {
            pieces.push(match piece {
                tree::Piece::Letters(letters) => PathPiece::Letters(letters.clone()),
                tree::Piece::Hole(hole) if is_window(hole) => PathPiece::Window,
                tree::Piece::Hole(hole) => {
                    let label = "wanted: `{window}`, the name of the run's window, or nothing";
                    return self.refuse(Code::E0106, "a path takes no values", hole.span, label);
                }
            });
        }
        Ok(FilePath(pieces))
    }

    /// The address of a service that takes messages.
    fn service(&mut self, word: TargetWord, address: &tree::Expr, at: Span) -> Checked<Credential> {
        let to = self.credential(address)?;
        if let (TargetWord::Slack | TargetWord::Webhook, Credential::Plain(server)) = (word, &to) {
            self.is_server(server, address.span)?;
        }
        if word == TargetWord::Email {
            self.unsupported("`email` targets", at);
        }
        Ok(to)
    }

    /// A file that effects may take the place of: none that is read, and no pipeline. Links are seen by the run.
    fn is_free(&mut self, path: &str, at: Span) -> Checked<()> {
        if Path::new(path).extension().is_some_and(|extension| extension == "cpl") {
            let message = "effects would take the place of a pipeline";
            return self.refuse(Code::E0503, message, at, "wanted: another file, such as \"out/budgets.jsonl\"");
        }
        let tables = &self.tables;
        let read = self.read_paths.get_or_insert_with(|| {
            let fetched = tables.iter().filter_map(|table| match &table.source {
                TableSource::Fetch(fetch) => Some((place(&fetch.path), fetch.path_span)),
                TableSource::Transform { .. } => None,
            });
            fetched.collect()
        });
        let Some(read) = read.get(&place(path)).copied() else { return Ok(()) };
        self.fail(
            Diagnostic::new(Code::E0503, "effects would take the place of a file that is read")
                .at(at, "written here")
                .at(read, "read here")
                .help("name another file"),
        )
    }

    /// The target an action names, its arguments typed; `column` is what the action changes, if it does.
    pub(super) fn via(&mut self, via: &WrittenVia, columns: &[&Name], scope: &Scope<'_>) -> Checked<Via> {
        let target = self.resolve_target(&via.target);
        let names: Vec<&Name> = via.arguments.iter().map(|argument| &argument.name).collect();
        self.unique(names, "an argument");
        let mut arguments = Vec::new();
        for argument in &via.arguments {
            let value = self.argument(argument, columns, scope);
            arguments.push(value.map(|value| (argument.name.value.clone(), value)));
        }
        let (target, arguments) = (target?, arguments.into_iter().collect::<Checked<Vec<_>>>()?);
        self.check_parameters(target, via, columns, &arguments, scope)?;
        // The new value goes to the parameter of its column's name.
        let mut arguments = arguments;
        for column in columns {
            let taken = |name: &String| *name == column.value;
            let parameters = &self.target_of(target)?.parameters;
            if let Some(parameter) = parameters.iter().find(|parameter| taken(&parameter.name))
                && !arguments.iter().any(|(given, _)| taken(given))
            {
                let ty = parameter.ty;
                let new = Expr::new(ExprKind::New, ty, false, column.span);
                arguments.push((parameter.name.clone(), new));
            }
        }
        Ok(Via { target, arguments, span: via.target.name.span })
    }

    fn argument(&mut self, argument: &tree::Argument, columns: &[&Name], scope: &Scope<'_>) -> Checked<Expr> {
        if let tree::ExprKind::Path(path) = &argument.value.kind
            && path.name.as_str() == NEW
            && let Some(column) = columns.first().and_then(|column| scope.column(column.as_str()))
        {
            let span = argument.value.span;
            return Ok(Expr::new(ExprKind::New, column.ty?, false, span));
        }
        self.expr(&argument.value, scope)
    }

    pub(super) fn resolve_target(&mut self, reference: &TargetRef) -> Checked<usize> {
        if let Some(connector) = &reference.connector {
            return self.resolve_action(connector, &reference.name);
        }
        if let Some(at) = self.input.file.targets.iter().position(|target| target.name.value == reference.name.value) {
            self.analysis.record_use(reference.name.span, self.input.file.targets[at].name.span);
            return self.target_of(at).map(|_| at);
        }
        if reference.name.as_str() == PRINT {
            return Ok(self.print_target(reference.name.span));
        }
        let targets = self.input.file.targets.iter().map(|target| target.name.as_str());
        let known: Vec<&str> = targets.chain([PRINT]).collect();
        self.unknown_name("target", &reference.name, known)
    }

    /// The target at a place in the list, if it is right.
    pub(super) fn target_of(&self, target: usize) -> Checked<&Target> {
        self.targets[target].as_ref().map_err(|reported| *reported)
    }

    /// `print` needs no declaration.
    fn print_target(&mut self, span: Span) -> usize {
        let implied = Target {
            name: PRINT.to_owned(),
            span,
            kind: TargetKind::Print,
            parameters: Vec::new(),
            given_keys: Vec::new(),
        };
        let found = self.targets.iter().position(|target| target.as_ref().is_ok_and(|t| t.name == PRINT));
        found.unwrap_or_else(|| {
            self.targets.push(Ok(implied));
            self.targets.len() - 1
        })
    }

    /// A target that names its parameters takes exactly those.
    fn check_parameters(
        &mut self,
        target: usize,
        via: &WrittenVia,
        columns: &[&Name],
        arguments: &[(String, Expr)],
        scope: &Scope<'_>,
    ) -> Checked<()> {
        let of = self.target_of(target)?;
        let parameters = of.parameters.clone();
        // A request is made of what its target or its connector names, be that nothing.
        let is_request = matches!(of.kind, TargetKind::Action(_) | TargetKind::Http(_));
        if parameters.is_empty() && !is_request {
            return Ok(());
        }
        for argument in &via.arguments {
            let Some(parameter) = parameters.iter().find(|parameter| parameter.name == argument.name.value) else {
                let known: Vec<&str> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
                return self.unknown_name("parameter", &argument.name, known);
            };
            let ty = parameter.ty;
            let value = arguments.iter().find(|(name, _)| *name == argument.name.value).map(|(_, value)| value);
            if let Some(value) = value
                && ty.common(value.ty).is_none()
            {
                let message = format!("the parameter `{}` is {ty}", argument.name.as_str());
                return self.refuse(Code::E0301, message, argument.value.span, format!("this is {}", value.ty));
            }
        }
        for Parameter { name, ty, optional, .. } in &parameters {
            if let Some(column) = columns.iter().find(|column| column.value == *name) {
                self.check_changed(column, *ty, via, scope)?;
            }
            let given = arguments.iter().any(|(given, _)| given == name);
            let changed = columns.iter().any(|column| column.value == *name);
            if !given && !changed && !optional {
                return self.fail(
                    Diagnostic::new(Code::E0205, format!("the target wants `{name}`"))
                        .at(via.target.name.span, "called without it")
                        .help(format!("add `{{ {name} = … }}`")),
                );
            }
        }
        for column in columns {
            let as_parameter = parameters.iter().any(|parameter| parameter.name == column.value);
            if !as_parameter && !arguments.iter().any(|(_, value)| value.is_new()) {
                return self.fail(
                    Diagnostic::new(Code::E0503, format!("the new `{}` goes nowhere", column.as_str()))
                        .at(via.target.name.span, "takes no parameter of that name")
                        .help("say where it goes: `{ PARAMETER = new }`"),
                );
            }
        }
        Ok(())
    }

    /// The parameter that bears a changed column's name takes the new value, and must be able to.
    fn check_changed(&mut self, column: &Name, ty: Type, via: &WrittenVia, scope: &Scope<'_>) -> Checked<()> {
        let name = column.as_str();
        if let Some(argument) = via.arguments.iter().find(|argument| argument.name.value == name) {
            if matches!(&argument.value.kind, tree::ExprKind::Path(path) if path.name.as_str() == NEW) {
                return Ok(());
            }
            let message = format!("the new `{name}` goes there already");
            return self.refuse(Code::E0205, message, argument.name.span, "take it out, or give the value as `new`");
        }
        let found = scope.column(name).map_or(Err(Reported::earlier()), |column| column.ty)?;
        if ty == found || (ty.is_quantity() && found.is_quantity()) {
            return Ok(());
        }
        let message = format!("the target takes {ty} as `{name}`");
        self.refuse(Code::E0301, message, column.span, format!("this is {found}"))
    }
}

/// A path without the parts that mean nothing.
fn place(path: &str) -> PathBuf {
    Path::new(path).components().filter(|part| *part != Component::CurDir).collect()
}
