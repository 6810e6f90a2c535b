//! What a rule does: `then change`, `move`, `call`.

use cpl_syntax::{
    Code, Diagnostic, Name, Spanned,
    tree::{self, ChangeTo},
};

use super::{
    Checker,
    arith::zero_as,
    rules::{RuleScope, fits},
    state::reporter::Checked,
};
use cpl_model::{
    program::{Action, Expr, Extreme, Rows, Step},
    types::Type,
};

impl Checker<'_> {
    pub(super) fn action(&mut self, action: &Spanned<tree::Action>, scope: &RuleScope) -> Checked<Action> {
        match &action.value {
            tree::Action::Change(column, to, via) => {
                let ty = self.changed_column(column, scope);
                let via = self.via(via, &[column], &scope.row());
                let step = self.change(to, ty, scope);
                Ok(Action::Change { column: column.value.clone(), ty: ty?, step: step?, via: via? })
            }
            tree::Action::Move(amount, from, to, via) => {
                let (from_type, to_type) = (self.changed_column(from, scope), self.changed_column(to, scope));
                let via = self.via(via, &[from, to], &scope.row());
                let amount = self.expr(amount, &scope.row());
                let (ty, other) = (from_type?, to_type?);
                if ty != other || from.value == to.value {
                    let label = if ty == other { "the same column".to_owned() } else { format!("this is {other}") };
                    let message = format!("nothing can move from `{}` to `{}`", from.as_str(), to.as_str());
                    return self.refuse(Code::E0503, message, to.span, label);
                }
                let amount = self.step(amount?, ty)?;
                Ok(Action::Move { amount, from: from.value.clone(), to: to.value.clone(), ty, via: via? })
            }
            tree::Action::MoveRows(amount, column, from, to, via) => {
                let ty = self.changed_column(column, scope);
                let via = self.via(via, &[column], &scope.row());
                let amount = self.expr(amount, &scope.row());
                let (from, to) = (self.move_end(from, scope), self.move_end(to, scope));
                let ty = ty?;
                let amount = self.step(amount?, ty)?;
                let column = column.value.clone();
                Ok(Action::MoveRows { amount, column, ty, from: Box::new(from?), to: Box::new(to?), via: via? })
            }
            tree::Action::Call(via) => Ok(Action::Call { via: self.via(via, &[], &scope.row())? }),
        }
    }

    /// Which row: that with the highest or the lowest value.
    fn move_end(&mut self, end: &tree::MoveEnd, scope: &RuleScope) -> Checked<(Extreme, Expr)> {
        let of = self.expr(&end.by, &scope.row())?;
        self.one_currency(&of, &[])?;
        if of.ty.is_amount() || of.ty.is_time() || of.ty == Type::Duration {
            return Ok((end.extreme, of));
        }
        self.refuse(Code::E0503, format!("{} has no highest and no lowest", of.ty), of.span, "wanted: an amount")
    }

    /// A move between rows takes two of them, and is the one change of its rule.
    pub(super) fn move_is_only_action(&mut self, rule: &tree::Decide, rows: &Rows) -> Checked<()> {
        let of_rows = |action: &&Spanned<tree::Action>| matches!(action.value, tree::Action::MoveRows(..));
        let Some(of_rows) = rule.actions.iter().find(of_rows) else { return Ok(()) };
        if rows.key.is_empty() {
            return self.refuse(Code::E0503, "a move between rows, and there is one", of_rows.span, "needs two rows");
        }
        let other = rule.actions.iter().find(|other| other.span != of_rows.span);
        let Some(other) = other else { return Ok(()) };
        self.fail(
            Diagnostic::new(Code::E0503, "a move between rows is the only action of its rule")
                .at(of_rows.span, "lowers one row and raises another")
                .at(other.span, "and of which row is this?")
                .help("put it into a rule of its own"),
        )
    }

    pub(super) fn changed_column(&mut self, name: &Name, scope: &RuleScope) -> Checked<Type> {
        let ty = self.find_column(name, &scope.columns)?.ty?;
        if let Some(of) = ty.currency_column() {
            let message = format!("`{}` is of several currencies, as `{of}` names them", name.as_str());
            let label = "wanted: one currency: `convert(amount, rate)` before";
            return self.refuse(Code::E0302, message, name.span, label);
        }
        if ty.is_amount() {
            return Ok(ty);
        }
        let message = format!("`{}` is {ty}, which can't be changed by a rule", name.as_str());
        self.refuse(Code::E0503, message, name.span, "wanted: money, a number or a ratio")
    }

    fn change(&mut self, to: &ChangeTo, ty: Checked<Type>, scope: &RuleScope) -> Checked<Step> {
        match to {
            ChangeTo::By(by) => {
                if let tree::ExprKind::Literal(tree::Literal::Times(_)) = by.kind {
                    let diagnostic = Diagnostic::new(Code::E0301, "a change `by` a multiple would add that much");
                    let diagnostic = diagnostic.at(by.span, "added to the value, or its new size?");
                    return self.fail(diagnostic.help("write `by +20%`, or `to COLUMN * 1.2`"));
                }
                self.has_direction(by)?;
                let points = self.points(by).is_some();
                let by = self.difference(by, &scope.row())?;
                if points && ty? == Type::Ratio { Ok(Step::Amount(by)) } else { self.step(by, ty?) }
            }
            ChangeTo::To(to) => {
                let to = self.expr(to, &scope.row())?;
                let (ty, to) = (ty?, zero_as(to, ty?));
                if fits(ty, to.ty) {
                    return Ok(Step::To(to));
                }
                let message = format!("{ty} can't become {}", to.ty);
                self.refuse(Code::E0301, message, to.span, format!("this is {}", to.ty))
            }
        }
    }

    /// A change by a literal, also by that of a `let`, says whether it raises or cuts: a forgotten minus would raise what was
    /// meant to be cut.
    fn has_direction(&mut self, by: &tree::Expr) -> Checked<()> {
        let named = match &by.kind {
            tree::ExprKind::Path(path) if path.table.is_none() => self.lets.item(path.name.as_str()),
            _ => None,
        };
        let value = named.map_or(by, |named| &named.value);
        let (span, written) = (value.span, self.written(value.span));
        if !matches!(value.kind, tree::ExprKind::Literal(_)) || written.starts_with(['+', '-']) {
            return Ok(());
        }
        let diagnostic = Diagnostic::new(Code::E0503, format!("`by {}`: up or down?", self.written(by.span)));
        let diagnostic = diagnostic.at(by.span, "a change has a sign");
        let diagnostic = match named {
            Some(named) => {
                let name = named.name.as_str();
                diagnostic.help(format!("write `let {name} = +{written}` to raise, `let {name} = -{written}` to cut"))
            }
            None => diagnostic.help(format!("write `by +{written}` to raise, `by -{written}` to cut")),
        };
        self.fail(diagnostic.offer(span, format!("+{written}")).offer(span, format!("-{written}")))
    }

    /// A share of the current value, or an amount of its unit.
    fn step(&mut self, by: Expr, ty: Type) -> Checked<Step> {
        if by.ty == Type::Ratio {
            return Ok(Step::Share(by));
        }
        let by = zero_as(by, ty);
        if fits(ty, by.ty) {
            return Ok(Step::Amount(by));
        }
        let message = format!("{ty} can't be changed by {}", by.ty);
        self.refuse(Code::E0301, message, by.span, format!("wanted: a share such as `+20%`, or {ty}"))
    }
}
