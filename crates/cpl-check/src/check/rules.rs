//! `decide` and `alert`.

use cpl_syntax::{
    Code, Diagnostic, Name, Span, Spanned,
    tree::{self, DecideClause, OnDays, RowOrder, TotalBound},
};

use super::{
    Checker,
    arith::zero_as,
    scope::{Scope, ScopeColumn},
    state::reporter::{Checked, Reported},
};
use cpl_model::{
    program::{
        Action, Alert, AtMost, Bound, Column, Day, Decision, Expr, Extreme, KeepBound, KeepTotal, Level, Newest, Rows,
        Table,
    },
    types::Type,
};

/// The columns of a rule's table, for its expressions.
pub(super) struct RuleScope {
    pub columns: Vec<ScopeColumn>,
    time: Option<String>,
    key: Option<Vec<String>>,
    settles: Option<i64>,
}

impl RuleScope {
    fn of(table: &Table) -> Self {
        let columns = table.columns.iter().map(ScopeColumn::of);
        let (time, key, settles) = (table.time.clone(), table.key.clone(), table.settles);
        Self { columns: columns.collect(), time, key, settles }
    }

    pub fn row(&self) -> Scope<'_> {
        Scope::row(&self.columns, self.time.as_deref()).with_key(self.key.as_deref()).settling(self.settles)
    }
}

impl Checker<'_> {
    pub(super) fn decision(&mut self, rule: &tree::Decide) -> Checked<Decision> {
        let mut rows = self.rows(&rule.each, &rule.table, &days(rule.on.as_ref()))?;
        rows.except = self.except_on(rule.except.as_ref(), &rows)?;
        let scope = RuleScope::of(&self.tables[rows.table]);
        self.move_is_only_action(rule, &rows)?;
        let when = self.when(rule.when.as_ref(), &rule.name, &scope);
        let require: Vec<_> = rule.require.iter().map(|each| self.conjuncts(each, &scope.row())).collect();
        let acts = self.acts(rule);
        let actions: Vec<_> = rule.actions.iter().map(|action| self.action(action, &scope)).collect();
        let mut decision = Decision {
            name: rule.name.value.clone(),
            span: rule.name.span,
            rows,
            when: Vec::new(),
            on: days(rule.on.as_ref()),
            actions: Vec::new(),
            keep: Vec::new(),
            totals: Vec::new(),
            at_most: None,
            cooldown: None,
            keep_change: None,
            no_reversal: None,
            hands_off: None,
            approval: None,
        };
        let require = require.into_iter().collect::<Checked<Vec<_>>>();
        let conditions = when.and_then(|when| Ok([when, require?.concat()].concat()));
        decision.when = conditions.as_ref().cloned().unwrap_or_default();
        let actions: Checked<Vec<_>> = actions.into_iter().collect();
        decision.actions = actions.as_ref().cloned().unwrap_or_default();
        let mut guarded = Ok(());
        for guard in &rule.guards {
            guarded = self.guard(guard, &scope, &mut decision).and(guarded);
        }
        conditions?;
        actions?;
        guarded.and(acts)?;
        self.changed_once(rule)?;
        self.guarded_columns(&decision)?;
        self.guards_a_change(&decision, &rule.guards)?;
        self.total_without_approval(&decision)?;
        Ok(decision)
    }

    /// A rule needs an action.
    fn acts(&mut self, rule: &tree::Decide) -> Checked<()> {
        if self.is_missing_clause(&rule.name, "then") {
            return Err(Reported::earlier());
        }
        if !rule.actions.is_empty() {
            return Ok(());
        }
        self.fail(
            Diagnostic::new(Code::E0107, format!("`{}` decides and does nothing", rule.name.as_str()))
                .at(rule.name.span, "no `then`")
                .help("add `then change COLUMN by +20% via TARGET`, or make it an `alert`"),
        )
    }

    /// The rows a rule looks at: the names after `for each` are the table's key.
    fn rows(&mut self, each: &[Name], table: &Name, on: &[Day]) -> Checked<Rows> {
        let id = self.table_id(table)?;
        let of = self.tables[id].clone();
        let key = match (&of.key, of.singleton) {
            (_, true) => Vec::new(),
            (Some(key), false) => key.clone(),
            (None, false) => {
                return self.fail(
                    Diagnostic::new(Code::E0502, format!("`{}` has no key: which row is which?", of.name))
                        .at(table.span, "a rule needs to name its rows")
                        .help("group it, or give its fetch a `key`"),
                );
            }
        };
        let newest = match of.series() {
            None => None,
            Some((_, time)) => Some(self.newest(time, table, on)?),
        };
        let names = |part: &String| newest.as_ref().is_none_or(|newest| *part != newest.time);
        let key: Vec<String> = key.into_iter().filter(names).collect();
        self.unique(each.iter().collect(), "a column of the key");
        let written: Vec<&str> = each.iter().map(Name::as_str).collect();
        let twice = |name: &&str| written.iter().filter(|other| *other == name).count() > 1;
        if written.iter().any(twice) {
            return Err(Reported::earlier());
        }
        let same = written.len() == key.len() && written.iter().all(|name| key.iter().any(|part| part == name));
        if !same {
            let span = each.first().map_or(table.span, |first| first.span.to(each[each.len() - 1].span));
            let wanted = if key.is_empty() {
                format!("in {}", of.name)
            } else {
                format!("for each {} in {}", key.join(", "), of.name)
            };
            return self.fail(
                Diagnostic::new(
                    Code::E0502,
                    format!("a rule over `{}` must name its rows by the table's key", of.name),
                )
                .at(
                    span,
                    if key.is_empty() { "it has one row".to_owned() } else { format!("its key is {}", key.join(", ")) },
                )
                .help(format!("write `{wanted}`")),
            );
        }
        for name in each {
            self.column_of(name, &of)?;
        }
        // In the table's order, however the rule writes them: two rules name a row alike.
        Ok(Rows { table: id, key, newest, except: None })
    }

    /// A rule looks at the newest complete period of a series: it must have periods.
    fn newest(&mut self, time: &Column, table: &Name, on: &[Day]) -> Checked<Newest> {
        let Some(grain) = time.grain else {
            return self.fail(
                Diagnostic::new(
                    Code::E0502,
                    format!("`{}` holds moments: which of them is the newest period?", time.name),
                )
                .at(table.span, "its key holds that column")
                .help("`group by hour_start(…)`, `date_of(…)`, `week_start(…)` or `month_start(…)` before"),
            );
        };
        Ok(Newest { time: time.name.clone(), grain, on: on.to_vec() })
    }

    fn when(&mut self, when: Option<&tree::Expr>, name: &Name, scope: &RuleScope) -> Checked<Vec<Expr>> {
        if let Some(when) = when {
            self.conjuncts(when, &scope.row())
        } else if self.is_missing_clause(name, "when") {
            Err(Reported::earlier())
        } else {
            self.fail(
                Diagnostic::new(Code::E0107, format!("`{}` has no `when`", name.as_str()))
                    .at(name.span, "fires when?")
                    .help("add `when CONDITION`"),
            )
        }
    }

    /// Whether a clause of a rule could not be parsed. That is reported already.
    fn is_missing_clause(&self, rule: &Name, clause: &str) -> bool {
        self.input.file.missing_names.contains(&tree::File::missing_clause(rule.as_str(), clause))
    }

    fn guard(&mut self, guard: &Spanned<DecideClause>, scope: &RuleScope, decision: &mut Decision) -> Checked<()> {
        let span = guard.span;
        match &guard.value {
            DecideClause::Keep(column, bounds) => {
                let ty = self.changed_column(column, scope)?;
                for bound in bounds {
                    let bound = match bound {
                        tree::Bound::AtLeast(floor) => Bound::Floor(self.bound(floor, ty, scope)?),
                        tree::Bound::AtMost(cap) => Bound::Cap(self.bound(cap, ty, scope)?),
                    };
                    decision.keep.push(KeepBound { column: column.value.clone(), bound, span });
                }
                self.room_between(decision, column, span)
            }
            DecideClause::KeepTotal(total) => {
                let ty = self.changed_column(&total.column, scope)?;
                let cap = match &total.bound {
                    TotalBound::Unchanged => None,
                    TotalBound::AtMost(cap) => Some(self.total_cap(cap, ty, scope)?),
                };
                decision.totals.push(KeepTotal { column: total.column.value.clone(), cap, span });
                Ok(())
            }
            DecideClause::AtMost(at_most) => {
                let first = match &at_most.first {
                    None => None,
                    Some(RowOrder::By(end, by)) => Some((*end, self.expr(by, &scope.row())?)),
                    Some(RowOrder::Surest(span)) => {
                        // What is wrong with the conditions is reported.
                        if decision.when.is_empty() {
                            return Err(Reported::earlier());
                        }
                        Some((Extreme::Lowest, self.surest(&decision.when, *span)?))
                    }
                };
                if decision.at_most.is_some() {
                    return self.refuse(Code::E0107, "`at most … per run` stands here twice", span, "the second one");
                }
                decision.at_most = Some(AtMost { limit: at_most.limit.value, first });
                Ok(())
            }
            DecideClause::KeepChange(within, per) => self.keep_change(within, per, span, decision),
            DecideClause::Cooldown(length) => self.cooldown(length, span, decision),
            DecideClause::NoReversal(length) => self.no_reversal(length, span, decision),
            DecideClause::HandsOff(length) => self.hands_off(length, span, decision),
            DecideClause::Approval(above) => self.approval(above.as_ref(), span, decision),
        }
    }

    fn bound(&mut self, bound: &tree::Expr, ty: Type, scope: &RuleScope) -> Checked<Expr> {
        let bound = self.expr(bound, &scope.row())?;
        self.fitting_bound(bound, ty)
    }

    /// A cap of a total holds for all rows: it is a constant.
    fn total_cap(&mut self, cap: &tree::Expr, ty: Type, scope: &RuleScope) -> Checked<Expr> {
        let cap = self.expr(cap, &scope.row())?;
        if let Some(column) = cap.columns().first() {
            let message = "a total has one bound, whatever the row";
            return self.refuse(Code::E0503, message, cap.span, format!("`{column}` is another in each row"));
        }
        self.fitting_bound(cap, ty)
    }

    fn fitting_bound(&mut self, bound: Expr, ty: Type) -> Checked<Expr> {
        let bound = zero_as(bound, ty);
        if fits(ty, bound.ty) {
            return Ok(bound);
        }
        let message = format!("{ty} can't be held against {}", bound.ty);
        self.refuse(Code::E0301, message, bound.span, format!("this is {}", bound.ty))
    }

    /// Bounds that are written out leave room between them.
    fn room_between(&mut self, decision: &Decision, column: &Name, span: Span) -> Checked<()> {
        let of = decision.keep.iter().filter(|keep| keep.column == column.value);
        let (floors, caps): (Vec<_>, Vec<_>) = of.partition(|keep| matches!(keep.bound, Bound::Floor(_)));
        let amount = |keep: &&KeepBound| match &keep.bound {
            Bound::Floor(bound) | Bound::Cap(bound) => bound.amount(),
        };
        let floor = floors.iter().filter_map(amount).max();
        let cap = caps.iter().filter_map(amount).min();
        match floor.zip(cap) {
            Some((floor, cap)) if floor > cap => {
                let message = format!("nothing is between the bounds of `{}`", column.as_str());
                self.refuse(Code::E0503, message, span, "its floor is above its cap")
            }
            _ => Ok(()),
        }
    }

    /// Two actions of a rule that change one column would each begin with the value before.
    fn changed_once(&mut self, rule: &tree::Decide) -> Checked<()> {
        let mut changed: Vec<&Name> = Vec::new();
        for action in &rule.actions {
            let columns = match &action.value {
                tree::Action::Change(column, ..) => vec![column],
                tree::Action::Move(_, from, to, _) => vec![from, to],
                tree::Action::MoveRows(_, column, ..) => vec![column],
                tree::Action::Call(_) => Vec::new(),
            };
            for column in columns {
                if let Some(before) = changed.iter().find(|before| before.value == column.value) {
                    let at = before.span;
                    return self.fail(
                        Diagnostic::new(Code::E0503, format!("`{}` is changed twice", column.as_str()))
                            .at(column.span, "the second time")
                            .at(at, "the first time")
                            .help("make one change of it, or two rules"),
                    );
                }
                changed.push(column);
            }
        }
        Ok(())
    }

    /// A guard of a column that no action changes guards nothing.
    fn guarded_columns(&mut self, decision: &Decision) -> Checked<()> {
        let changed: Vec<&str> = decision.actions.iter().flat_map(Action::columns).collect();
        let keeps = decision.keep.iter().map(|keep| (&keep.column, keep.span));
        let guards: Vec<(&String, Span)> = keeps.chain(decision.totals.iter().map(|t| (&t.column, t.span))).collect();
        for (column, span) in guards {
            if !changed.contains(&column.as_str()) {
                let message = format!("no action of this rule changes `{column}`");
                return self.refuse(Code::E0503, message, span, "this guards nothing");
            }
        }
        Ok(())
    }

    pub(super) fn alert(&mut self, rule: &tree::Alert) -> Checked<Alert> {
        let to = rule.to.as_ref().map(|to| {
            self.unsupported("alerts that are sent (`to`)", to.name.span);
            self.message_target(to)
        });
        let repeat_after = rule.repeat.as_ref().map(|repeat| self.fixed_length(repeat));
        let mut rows = self.rows(&rule.each, &rule.table, &days(rule.on.as_ref()))?;
        rows.except = self.except_on(rule.except.as_ref(), &rows)?;
        let scope = RuleScope::of(&self.tables[rows.table]);
        let when = self.when(rule.when.as_ref(), &rule.name, &scope);
        let say = match &rule.say {
            Some(say) => self.pieces(&say.value, &scope.row()),
            None => Ok(Vec::new()),
        };
        Ok(Alert {
            name: rule.name.value.clone(),
            span: rule.name.span,
            rows,
            when: when?,
            on: days(rule.on.as_ref()),
            severity: rule.severity.map_or(Level::Warning, |level| level.value),
            say: say?,
            to: to.transpose()?,
            repeat_after: repeat_after.transpose()?,
        })
    }
}

/// Whether a value of type `other` can be used as one of type `ty`.
pub(super) fn fits(ty: Type, other: Type) -> bool {
    ty == other || (ty.is_quantity() && other.is_quantity())
}

fn days(on: Option<&Spanned<OnDays>>) -> Vec<Day> {
    match on.map(|on| &on.value) {
        None => Vec::new(),
        Some(OnDays::Weekdays) => Day::ALL[..5].to_vec(),
        Some(OnDays::Days(days)) => days.clone(),
    }
}
