//! Features that need past runs or send messages. They are checked like the rest, and run in a later version.

use cpl_syntax::{
    Code, Diagnostic, Name, Span, Spanned,
    tree::{self, Arg, TargetRef, WindowOver},
};

use super::{Checker, scope::Scope};
use cpl_model::{
    program::{Constant, Decision, Expr, ExprKind, TargetKind},
    types::Type,
};

/// More messages a week are not read.
const FEW: u32 = 3;

impl Checker<'_> {
    /// `cooldown DURATION`.
    pub(super) fn cooldown(&mut self, length: &tree::Expr, span: Span, decision: &mut Decision) -> Option<()> {
        if decision.cooldown.is_some() {
            return self.refuse(Code::E0107, "`cooldown` stands here twice", span, "the second one");
        }
        decision.cooldown = Some(self.fixed_length(length)?);
        self.unsupported_in_runs("`cooldown`", span);
        Some(())
    }

    /// `keep change within R per DURATION`.
    pub(super) fn keep_change(
        &mut self,
        within: &tree::Expr,
        per: &tree::Expr,
        span: Span,
        decision: &mut Decision,
    ) -> Option<()> {
        if decision.keep_change.is_some() {
            return self.refuse(Code::E0107, "`keep change` stands here twice", span, "the second one");
        }
        let share = self.expr(within, &Scope::CONSTANT);
        let length = self.fixed_length(per);
        let share = share?;
        if share.ty != Type::Ratio {
            let message = format!("{} is no share", share.ty);
            return self.refuse(Code::E0301, message, within.span, "wanted: a ratio such as `50%`");
        }
        decision.keep_change = Some((share, length?));
        self.unsupported("`keep change within … per …`", span);
        Some(())
    }

    /// `approval required`.
    pub(super) fn approval(&mut self, span: Span, decision: &mut Decision) -> Option<()> {
        if decision.approval {
            return self.refuse(Code::E0107, "`approval required` stands here twice", span, "the second one");
        }
        decision.approval = true;
        self.unsupported("`approval required`", span);
        Some(())
    }

    /// A length of time that is the same everywhere on the calendar, in microseconds.
    pub(super) fn fixed_length(&mut self, length: &tree::Expr) -> Option<i64> {
        match self.expr(length, &Scope::CONSTANT)?.kind {
            ExprKind::Constant(Constant::Duration(micros)) if micros > 0 => Some(micros),
            _ => self.refuse(Code::E0301, "how long?", length.span, "wanted: a length such as `3 days` or `2 weeks`"),
        }
    }

    /// Where messages go: a target that people read.
    pub(super) fn message_target(&mut self, to: &TargetRef) -> Option<()> {
        let target = self.resolve_target(to)?;
        let kind = &self.targets[target].as_ref()?.kind;
        if matches!(kind, TargetKind::File(_) | TargetKind::Action { .. }) {
            let help = "wanted: `slack(…)`, `email(…)`, `webhook(…)` or `print`";
            return self.refuse(Code::E0503, "nobody reads messages there", to.name.span, help);
        }
        Some(())
    }

    /// `alerts to TARGET at most N per week`.
    pub(super) fn message_budget(&mut self, limit: Option<Spanned<u32>>) {
        let Some(limit) = limit.filter(|limit| limit.value > FEW) else { return };
        self.report(
            Diagnostic::new(Code::W0208, format!("{} messages a week are more than anybody acts on", limit.value))
                .at(limit.span, "a person decides on few things a week")
                .help(format!("write `at most {FEW} per week`: what is kept is told in the next message")),
        );
    }

    /// A credential, or an address that may be one: a text, or a secret.
    pub(super) fn address(&mut self, address: &tree::Expr) -> Option<()> {
        if let tree::ExprKind::Call(call) = &address.kind
            && call.callee.table.is_none()
            && call.callee.name.as_str() == "secret"
        {
            let [Arg::Plain(name)] = call.args.as_slice() else {
                return self.refuse(Code::E0205, "which secret?", address.span, "wanted: `secret(\"NAME\")`");
            };
            return self.plain_text(name).map(drop);
        }
        self.plain_text(address).map(drop)
    }

    /// `x breaks pattern over 28 days by 3`.
    pub(super) fn breaks_pattern(
        &mut self,
        value: Expr,
        over: Option<WindowOver>,
        by: Option<&tree::Expr>,
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        self.has_pattern(&value, over, span, scope)?;
        let mut parts = vec![value];
        if let Some(by) = by {
            let deviations = self.expr(by, &Scope::CONSTANT)?;
            if !deviations.ty.is_quantity() {
                let message = format!("{} counts no deviations", deviations.ty);
                return self.refuse(Code::E0301, message, by.span, "wanted: a number such as `3.5`");
            }
            parts.push(deviations);
        }
        self.unsupported("`breaks pattern`", span);
        Some(Expr { kind: ExprKind::Memory(parts), ty: Type::Bool, unknown: true, span, defined: None })
    }

    /// `usual(x)`, `usual(x over 28 days)`.
    pub(super) fn usual(&mut self, call: &tree::Call, span: Span, scope: &Scope<'_>) -> Option<Expr> {
        let [Arg::Plain(value)] = call.args.as_slice() else {
            return self.refuse(Code::E0308, "`usual` can't be called with these", span, "wanted: `usual(column)`");
        };
        let value = self.expr(value, scope)?;
        self.has_pattern(&value, call.over, span, scope)?;
        let ty = value.ty;
        self.unsupported("`usual`", span);
        Some(Expr { kind: ExprKind::Memory(vec![value]), ty, unknown: true, span, defined: None })
    }

    /// A pattern is one of amounts in a series.
    fn has_pattern(&mut self, value: &Expr, over: Option<WindowOver>, span: Span, scope: &Scope<'_>) -> Option<()> {
        if !value.ty.is_amount() {
            let message = format!("{} has no pattern", value.ty);
            return self.refuse(Code::E0301, message, value.span, "wanted: money, a number or a ratio");
        }
        let (_, time) = self.series_of(span, scope)?;
        let Some(time) = time else { return self.no_series(span) };
        let Some(over) = over else { return Some(()) };
        let length = self.length(over.window)?;
        self.fits(length, &time, over.window.span, scope)
    }

    /// `applied(RULE over 7 days)`: how often.
    pub(super) fn applied(&mut self, call: &tree::Call, span: Span, scope: &Scope<'_>) -> Option<Expr> {
        let usage = "wanted: `applied(RULE over 7 days)`";
        let ([Arg::Plain(tree::Expr { kind: tree::ExprKind::Path(rule), .. })], Some(over), None) =
            (call.args.as_slice(), call.over, &call.filter)
        else {
            return self.refuse(Code::E0308, "`applied` can't be called with these", span, usage);
        };
        if over.before || rule.table.is_some() || scope.key.is_none() {
            return self.refuse(Code::E0308, "`applied` can't be called with these", span, usage);
        }
        let names: Vec<&Name> = self.file.decides.iter().map(|rule| &rule.name).collect();
        if !names.iter().any(|name| name.value == rule.name.value) {
            return self.unknown_name("rule", &rule.name, names.into_iter().map(Name::as_str));
        }
        self.length(over.window)?;
        self.unsupported("`applied`", span);
        Some(Expr { kind: ExprKind::Memory(Vec::new()), ty: Type::Count, unknown: false, span, defined: None })
    }
}
