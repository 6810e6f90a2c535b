//! `let`: constants, and what the command line sets instead.

use cpl_catalog::Catalogue;
use cpl_syntax::{Code, Diagnostic, Name, Span, tree};

use super::{
    Checker, Input, Setting,
    scope::Scope,
    state::{lets::State, reporter::Checked},
};
use cpl_model::{
    program::{Expr, ExprKind},
    types::{Denomination, Type},
};

impl<'a> Checker<'a> {
    pub(super) fn resolve_lets(&mut self) {
        for item in &self.input.file.lets {
            // Of several of one name the first counts.
            let first = self.lets.item(item.name.as_str()).unwrap_or(item);
            let _reported = self.resolve_let(first);
        }
    }

    /// The value of a `let`, with the span of its use; none if there is no `let` of that name.
    pub(super) fn let_value(&mut self, name: &Name) -> Option<Checked<Expr>> {
        let item = self.lets.item(name.as_str())?;
        self.analysis.record_use(name.span, item.name.span);
        Some(self.resolve_let(item).and_then(|value| {
            self.inline(&value, name.span)?;
            Ok(Expr { defined: Some(item.value.span), ..with_span(value, name.span) })
        }))
    }

    fn resolve_let(&mut self, item: &'a tree::Let) -> Checked<Expr> {
        let name = item.name.as_str();
        match self.lets.state(name) {
            Some(State::Done(value)) => return value,
            Some(State::Resolving) => {
                let at = item.name.span;
                return self.refuse(Code::E0203, format!("`{name}` is defined by itself"), at, "needs its own value");
            }
            Some(State::Unresolved) | None => {}
        }
        self.lets.set(item, State::Resolving);
        self.lets.depth += 1;
        let deep = self.check_name_depth(self.lets.depth, item.name.span);
        let value = deep.and_then(|()| self.difference(&item.value, &Scope::CONSTANT));
        self.lets.depth -= 1;
        self.lets.set(item, State::Done(value.clone()));
        value
    }

    /// Whether the value is written with a sign: it says whether something rises or falls.
    fn has_sign(&self, item: &tree::Let) -> bool {
        self.written(item.value.span).starts_with(['+', '-'])
    }

    /// Values of the command line replace those in the file; the types must agree.
    pub(super) fn apply_settings(&mut self, settings: &[Setting]) {
        for (at, setting) in settings.iter().enumerate() {
            if settings[..at].iter().any(|before| before.name == setting.name) {
                self.report(setting_error(setting, "it is set twice").help("say which is meant"));
                continue;
            }
            let Some(item) = self.input.file.lets.iter().find(|item| item.name.value == setting.name) else {
                let known: Vec<&str> = self.input.file.lets.iter().map(|item| item.name.as_str()).collect();
                let near = cpl_syntax::nearest(&setting.name, known.iter().copied());
                let all: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                let help = match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if all.is_empty() => "only a `let` can be set, and the file has none".to_owned(),
                    None => format!("only a `let` can be set: {}", all.join(", ")),
                };
                self.report(setting_error(setting, "there is no `let` of that name").help(help));
                continue;
            };
            let declared = self.resolve_let(item);
            match (declared, constant(setting, self.currency)) {
                (_, None) => self.report(
                    setting_error(setting, "that is no value")
                        .help("write it as in the file: `$45`, `3%`, `2026-11-20`; a text in double quotes, and those in quotes for the shell"),
                ),
                (Ok(old), Some(new)) if old.ty.common(new.ty).is_none() => {
                    let wrong = setting_error(setting, &format!("that is {}", new.ty))
                        .at(item.value.span, format!("this is {}", old.ty));
                    let code = match old.ty {
                        Type::Money(Denomination::One(currency)) => currency,
                        _ => self.currency,
                    };
                    let is_money = matches!(old.ty, Type::Money(_));
                    self.report(if is_money {
                        let help = format!(
                            "write `--set {}=52{}`: a shell takes `$5` for a variable, but between single quotes",
                            setting.name,
                            code.code()
                        );
                        wrong.help(help)
                    } else {
                        wrong
                    });
                }
                (_, Some(_)) if self.has_sign(item) && !setting.value.trim_start().starts_with(['+', '-']) => {
                    let written = self.written(item.value.span);
                    let (name, value) = (&setting.name, &setting.value);
                    self.report(
                        setting_error(setting, "up or down?")
                            .at(item.value.span, "this has a sign")
                            .help(format!("`{name}` is {written}: write `--set {name}=+{value}` or `--set {name}=-{value}`")),
                    );
                }
                (_, Some(new)) => {
                    let new = with_span(new, item.value.span);
                    self.lets.set(item, State::Done(Ok(new)));
                }
            }
        }
        // Those that were looked at before all settings stood are resolved anew.
        let set: Vec<&str> = settings.iter().map(|setting| setting.name.as_str()).collect();
        self.lets.forget(&set);
    }
}

fn setting_error(setting: &Setting, why: &str) -> Diagnostic {
    Diagnostic::new(Code::E1105, format!("--set {}={}: {why}", setting.name, setting.value))
}

/// The value of a setting by itself.
fn constant(setting: &Setting, currency: cpl_syntax::tree::Currency) -> Option<Expr> {
    let text = format!("let value = {}", setting.value);
    let (file, diagnostics) = cpl_syntax::parse(&text);
    if !diagnostics.is_empty() || file.lets.len() != 1 || file.lets[0].value.span.end != text.trim_end().len() {
        return None;
    }
    let input = Input::new(&text, &file, Catalogue::none());
    let mut checker = Checker { currency, ..Checker::new(input) };
    let value = checker.expr(&file.lets[0].value, &Scope::CONSTANT).ok()?;
    (checker.reporter.is_empty() && !value.unknown).then_some(value)
}

/// The expression with another span.
pub fn with_span(mut expr: Expr, span: Span) -> Expr {
    expr.span = span;
    match &mut expr.kind {
        ExprKind::Not(a) | ExprKind::Negate(a) => set_span(a, span),
        ExprKind::Logic(_, a, b) | ExprKind::Arith(_, a, b) | ExprKind::OrElse(a, b) | ExprKind::Compare(_, a, b) => {
            set_span(a, span);
            set_span(b, span);
        }
        _ => {}
    }
    expr
}

fn set_span(expr: &mut Expr, span: Span) {
    let inner = std::mem::replace(expr, Expr::column("", expr.ty, false, span));
    *expr = with_span(inner, span);
}
