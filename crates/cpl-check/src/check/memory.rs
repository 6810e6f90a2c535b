//! Guards and functions that look at past runs, and what sends messages.

use std::collections::BTreeMap;

use cpl_syntax::{
    Code, Diagnostic, Name, Span, Spanned,
    tree::{self, Arg, DecideClause, TargetRef},
};
use rust_decimal::Decimal;

use super::{
    Checker,
    arith::zero_as,
    rules::fits,
    scope::{Place, Scope},
    state::reporter::Checked,
};
use cpl_model::{
    program::{
        Action, Applied, Approval, Constant, Credential, Decision, Expr, ExprKind, KeepChange, Rows, Step, TargetKind,
    },
    types::Type,
};

/// More messages a week are not read.
const FEW: u32 = 3;

impl Checker<'_> {
    /// `cooldown DURATION`.
    pub(super) fn cooldown(&mut self, length: &tree::Expr, span: Span, decision: &mut Decision) -> Checked<()> {
        if decision.cooldown.is_some() {
            return self.refuse(Code::E0107, "`cooldown` stands here twice", span, "the second one");
        }
        decision.cooldown = Some(self.fixed_length(length)?);
        Ok(())
    }

    /// `keep change within R per DURATION`.
    pub(super) fn keep_change(
        &mut self,
        within: &tree::Expr,
        per: &tree::Expr,
        span: Span,
        decision: &mut Decision,
    ) -> Checked<()> {
        if decision.keep_change.is_some() {
            return self.refuse(Code::E0107, "`keep change` stands here twice", span, "the second one");
        }
        let share = self.expr(within, &Scope::CONSTANT);
        let per = self.fixed_length(per);
        let within = share?;
        if within.ty != Type::Ratio || within.amount().is_some_and(|share| share <= Decimal::ZERO) {
            let message = format!("`{}` is no share above 0", self.written(within.span));
            return self.refuse(Code::E0301, message, within.span, "wanted: a ratio such as `50%`");
        }
        decision.keep_change = Some(KeepChange { within, per: per?, span });
        Ok(())
    }

    /// `no reversal within DURATION`.
    pub(super) fn no_reversal(&mut self, length: &tree::Expr, span: Span, decision: &mut Decision) -> Checked<()> {
        if decision.no_reversal.is_some() {
            return self.refuse(Code::E0107, "`no reversal` stands here twice", span, "the second one");
        }
        decision.no_reversal = Some(self.fixed_length(length)?);
        Ok(())
    }

    /// `hands off for DURATION`.
    pub(super) fn hands_off(&mut self, length: &tree::Expr, span: Span, decision: &mut Decision) -> Checked<()> {
        if decision.hands_off.is_some() {
            return self.refuse(Code::E0107, "`hands off` stands here twice", span, "the second one");
        }
        decision.hands_off = Some(self.fixed_length(length)?);
        Ok(())
    }

    /// `approval required`, `approval required above AMOUNT|RATIO`.
    pub(super) fn approval(&mut self, above: Option<&tree::Expr>, span: Span, decision: &mut Decision) -> Checked<()> {
        if decision.approval.is_some() {
            return self.refuse(Code::E0107, "`approval required` stands here twice", span, "the second one");
        }
        let above = above.map(|above| self.largest_unapproved(above, &decision.actions)).transpose()?;
        decision.approval = Some(Approval { above });
        Ok(())
    }

    /// A change up to here needs no approval: a share of the value before, or an amount of what is changed.
    fn largest_unapproved(&mut self, above: &tree::Expr, actions: &[Action]) -> Checked<Step> {
        let is_points = self.points(above).is_some();
        let largest = self.expr(above, &Scope::CONSTANT)?;
        if largest.ty == Type::Ratio && !is_points {
            return Ok(Step::Share(largest));
        }
        for ty in actions.iter().filter_map(Action::ty) {
            let fitting = zero_as(largest.clone(), ty);
            if !fits(ty, fitting.ty) {
                let message = format!("a change of {ty} is not compared with {}", largest.ty);
                return self.refuse(
                    Code::E0301,
                    message,
                    above.span,
                    format!("wanted: a share such as `20%`, or {ty}"),
                );
            }
        }
        Ok(Step::Amount(largest))
    }

    /// A total of rows of which some wait for a person is kept by none of the others.
    pub(super) fn total_without_approval(&mut self, decision: &Decision) -> Checked<()> {
        match decision.totals.first().filter(|_| decision.approval.is_some()) {
            Some(total) => {
                let message = "a total can't be kept while some of its changes wait for an approval";
                self.refuse(Code::E0503, message, total.span, "wanted: `keep total`, or `approval required`")
            }
            None => Ok(()),
        }
    }

    /// A guard of how much is changed, in a rule that changes nothing.
    pub(super) fn guards_a_change(&mut self, decision: &Decision, guards: &[Spanned<DecideClause>]) -> Checked<()> {
        if decision.actions.iter().any(|action| action.ty().is_some()) {
            return Ok(());
        }
        let of_changes = |guard: &&Spanned<DecideClause>| {
            let is_above = matches!(guard.value, DecideClause::Approval(Some(_)));
            is_above
                || matches!(
                    guard.value,
                    DecideClause::KeepChange(..) | DecideClause::NoReversal(_) | DecideClause::HandsOff(_)
                )
        };
        match guards.iter().find(of_changes) {
            Some(guard) => {
                self.refuse(Code::E0503, "no action of this rule changes a column", guard.span, "this guards nothing")
            }
            None => Ok(()),
        }
    }

    /// A length of time that is the same everywhere on the calendar, in microseconds.
    pub(super) fn fixed_length(&mut self, length: &tree::Expr) -> Checked<i64> {
        match self.expr(length, &Scope::CONSTANT)?.kind {
            ExprKind::Constant(Constant::Duration(micros)) if micros > 0 => Ok(micros),
            ExprKind::Constant(Constant::Months(_)) => {
                let label = "months are of no fixed length: wanted days, such as `30 days`";
                self.refuse(Code::E0301, "how long?", length.span, label)
            }
            _ => self.refuse(Code::E0301, "how long?", length.span, "wanted: a length such as `3 days` or `2 weeks`"),
        }
    }

    /// Where messages go, by its place among the targets: one that people read.
    pub(super) fn message_target(&mut self, to: &TargetRef) -> Checked<usize> {
        let target = self.resolve_target(to)?;
        let kind = &self.target_of(target)?.kind;
        if matches!(kind, TargetKind::File(_) | TargetKind::Action(_)) {
            let help = "wanted: `slack(…)`, `email(…)`, `webhook(…)` or `print`";
            return self.refuse(Code::E0503, "messages can't be sent there", to.name.span, help);
        }
        Ok(target)
    }

    /// `alerts to TARGET at most N per week`.
    pub(super) fn message_budget(&mut self, limit: Option<Spanned<u32>>) {
        let Some(limit) = limit.filter(|limit| limit.value > FEW) else { return };
        self.report(
            Diagnostic::new(Code::W0208, format!("{} messages a week are more than anybody acts on", limit.value))
                .at(limit.span, "a person decides on few things a week")
                .help(format!("write `at most {FEW} per week`: what is held back comes in the next message")),
        );
    }

    /// A credential, or an address that may be one: a text, or a secret.
    pub(super) fn credential(&mut self, address: &tree::Expr) -> Checked<Credential> {
        if let tree::ExprKind::Call(call) = &address.kind
            && call.callee.table.is_none()
            && call.callee.name.as_str() == "secret"
        {
            let [Arg::Plain(name)] = call.args.as_slice() else {
                return self.refuse(Code::E0205, "which secret?", address.span, "wanted: `secret(\"NAME\")`");
            };
            let text = self.plain_text(name)?;
            // A file is named like it: it leads nowhere else.
            let fits = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
            if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') || !text.chars().all(fits) {
                return self.refuse(
                    Code::E0103,
                    "that names no secret",
                    name.span,
                    "wanted: a name such as `CRM_TOKEN`",
                );
            }
            return Ok(Credential::Secret(text));
        }
        self.plain_text(address).map(Credential::Plain)
    }

    /// `applied(RULE over 7 days)`: how often.
    pub(super) fn applied(&mut self, call: &tree::Call, span: Span, scope: &Scope<'_>) -> Checked<Expr> {
        let usage = "wanted: `applied(RULE over 7 days)`";
        let ([Arg::Plain(tree::Expr { kind: tree::ExprKind::Path(rule), .. })], Some(over), None) =
            (call.args.as_slice(), call.over, &call.filter)
        else {
            return self.refuse(Code::E0308, "`applied` can't be called with these", span, usage);
        };
        if over.before || rule.table.is_some() {
            return self.refuse(Code::E0308, "`applied` can't be called with these", span, usage);
        }
        let names: Vec<&Name> = self.input.file.decides.iter().map(|rule| &rule.name).collect();
        if !names.iter().any(|name| name.value == rule.name.value) {
            return self.unknown_name("rule", &rule.name, names.into_iter().map(Name::as_str));
        }
        let over = self.length(over.window)?;
        if scope.key.is_none() && !matches!(scope.place, Place::Constant) {
            return self.fail(
                Diagnostic::new(Code::E0401, "no row is named here: how often a rule acted on it can't be asked")
                    .at(span, "not inside of an aggregate, a `where` or a check")
                    .help("`derive` it before, in a transform of a table with a key"),
            );
        }
        let (mut key, _) = self.series_of(span, scope)?;
        key.sort_by_key(|column| column.columns().concat());
        let applied = Applied { rule: rule.name.value.clone(), over, key, counts: None };
        self.applied.push((applied.clone(), span));
        Ok(Expr::new(ExprKind::Applied(Box::new(applied)), Type::Count, false, span))
    }

    /// Where `applied` stands, a row is named as its rule names its rows; `rules` are those, by their names.
    pub(super) fn applied_by_rows(&mut self, rules: &[(&str, &Rows)]) {
        for (applied, span) in std::mem::take(&mut self.applied) {
            let Some((_, rows)) = rules.iter().find(|(name, _)| *name == applied.rule) else { continue };
            let of = self.tables[rows.table].clone();
            let wanted: BTreeMap<&str, Type> = rows
                .key
                .iter()
                .filter_map(|name| of.column(name))
                .map(|column| (column.name.as_str(), column.ty))
                .collect();
            let found: BTreeMap<&str, Type> =
                applied.key.iter().flat_map(|key| key.columns().into_iter().map(|name| (name, key.ty))).collect();
            if found == wanted {
                continue;
            }
            let listed = |names: &BTreeMap<&str, Type>| {
                let names: Vec<String> = names.keys().map(|name| format!("`{name}`")).collect();
                if names.is_empty() { "nothing: it is the only one".to_owned() } else { names.join(", ") }
            };
            self.report(
                Diagnostic::new(Code::E0308, format!("`{}` acts on other rows than these", applied.rule))
                    .at(span, format!("here a row is named by {}", listed(&found)))
                    .help(format!(
                        "ask in a table whose rows are named as those of `{}`: by {}",
                        applied.rule,
                        listed(&wanted)
                    )),
            );
        }
    }
}
