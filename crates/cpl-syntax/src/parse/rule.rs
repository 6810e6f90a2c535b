//! `decide` and `alert`.

use pest::iterators::Pair;

use super::{Children, Reader, Rule, exact, keyword, literal, unread};
use crate::{
    span::{Name, Spanned},
    tree::{
        Action, Alert, Argument, AtMost, Bound, ChangeTo, Decide, DecideClause, Expr, ExprKind, Extreme, KeepTotal,
        Level, MoveEnd, OnDays, RowOrder, TargetRef, TotalBound, Via,
    },
};

impl Reader<'_> {
    pub(super) fn decide(&mut self, pair: Pair<'_, Rule>) -> Decide {
        let span = self.span(&pair);
        let mut children = Children::of(pair);
        let (name, each, table) = self.rule_head(&mut children);
        let mut decide = Decide {
            span,
            name,
            each,
            table,
            when: None,
            require: vec![],
            except: None,
            on: None,
            actions: vec![],
            guards: vec![],
        };
        for clause in children {
            let (rule, span) = (clause.as_rule(), self.span(&clause));
            match rule {
                Rule::when => {
                    let when = self.expr(Children::of(clause).child());
                    self.set_once(&mut decide.when, when, span);
                }
                Rule::require => {
                    let require = self.expr(Children::of(clause).child());
                    decide.require.push(require);
                }
                Rule::except_on => {
                    let table = self.name(&Children::of(clause).child());
                    self.set_once(&mut decide.except, table, span);
                }
                Rule::on_days => {
                    let on = self.on_days(clause);
                    self.set_once(&mut decide.on, on, span);
                }
                Rule::then => {
                    let action = self.action(Children::of(clause).child());
                    decide.actions.push(action);
                }
                _guard => {
                    let guard = self.guard(clause);
                    decide.guards.push(Spanned::new(guard, span));
                }
            }
        }
        decide
    }

    pub(super) fn alert(&mut self, pair: Pair<'_, Rule>) -> Alert {
        let mut children = Children::of(pair);
        let (name, each, table) = self.rule_head(&mut children);
        let mut alert = Alert {
            name,
            each,
            table,
            when: None,
            except: None,
            on: None,
            severity: None,
            say: None,
            to: None,
            repeat: None,
        };
        for clause in children {
            let (rule, span) = (clause.as_rule(), self.span(&clause));
            match rule {
                Rule::when => {
                    let when = self.expr(Children::of(clause).child());
                    self.set_once(&mut alert.when, when, span);
                }
                Rule::except_on => {
                    let table = self.name(&Children::of(clause).child());
                    self.set_once(&mut alert.except, table, span);
                }
                Rule::on_days => {
                    let on = self.on_days(clause);
                    self.set_once(&mut alert.on, on, span);
                }
                Rule::severity => {
                    let level = keyword(&Children::of(clause).child(), Level::of_word);
                    self.set_once(&mut alert.severity, Spanned::new(level, span), span);
                }
                Rule::say => {
                    let say = self.text(Children::of(clause).child());
                    self.set_once(&mut alert.say, say, span);
                }
                Rule::alert_to => {
                    let to = self.target_ref(Children::of(clause).child());
                    self.set_once(&mut alert.to, to, span);
                }
                Rule::repeat_after => {
                    let after = self.length(Children::of(clause).child());
                    self.set_once(&mut alert.repeat, after, span);
                }
                other => unread(other),
            }
        }
        alert
    }

    /// `NAME for each A, B in TABLE`.
    fn rule_head(&mut self, children: &mut Children<'_>) -> (Name, Vec<Name>, Name) {
        let name = self.new_name(&children.child());
        let each = children.opt(Rule::for_each).map(|each| exact(Children::of(each).map(|part| self.name(&part))));
        (name, each.unwrap_or_default(), self.name(&children.child()))
    }

    fn on_days(&mut self, pair: Pair<'_, Rule>) -> Spanned<OnDays> {
        let span = self.span(&pair);
        let days: Vec<_> = Children::of(pair).map(|day| literal::day(&day)).collect();
        Spanned::new(if days.is_empty() { OnDays::Weekdays } else { OnDays::Days(days) }, span)
    }

    fn action(&mut self, pair: Pair<'_, Rule>) -> Spanned<Action> {
        let (rule, span) = (pair.as_rule(), self.span(&pair));
        let mut children = Children::of(pair);
        let action = match rule {
            Rule::change => {
                let column = self.name(&children.child());
                let to = children.child();
                let by = to.as_rule() == Rule::change_by;
                let value = self.arith(Children::of(to).child());
                let to = if by { ChangeTo::By(value) } else { ChangeTo::To(value) };
                Action::Change(column, to, self.via(children.child()))
            }
            Rule::move_columns => {
                let amount = self.arith(children.child());
                let (from, to) = (self.name(&children.child()), self.name(&children.child()));
                Action::Move(amount, from, to, self.via(children.child()))
            }
            Rule::move_rows => {
                let amount = self.arith(children.child());
                let column = self.name(&children.child());
                let (from, to) = (self.move_end(&mut children), self.move_end(&mut children));
                Action::MoveRows(amount, column, from, to, self.via(children.child()))
            }
            Rule::call_action => Action::Call(self.via_parts(children)),
            other => unread(other),
        };
        Spanned::new(action, span)
    }

    fn move_end(&mut self, children: &mut Children<'_>) -> MoveEnd {
        MoveEnd { extreme: keyword(&children.child(), Extreme::of_word), by: self.arith(children.child()) }
    }

    fn via(&mut self, pair: Pair<'_, Rule>) -> Via {
        self.via_parts(Children::of(pair))
    }

    fn via_parts(&mut self, mut children: Children<'_>) -> Via {
        let target = self.target_ref(children.child());
        Via { target, arguments: children.next().map(|list| self.arguments(list)).unwrap_or_default() }
    }

    pub(super) fn target_ref(&mut self, pair: Pair<'_, Rule>) -> TargetRef {
        let path = self.path(pair);
        TargetRef { connector: path.table.map(|table| *table), name: path.name }
    }

    pub(super) fn arguments(&mut self, pair: Pair<'_, Rule>) -> Vec<Argument> {
        let list: Vec<_> = Children::of(pair).collect();
        let spans: Vec<_> = list.iter().map(|argument| self.span(argument)).collect();
        self.separated(&spans);
        list.into_iter()
            .map(|argument| {
                let mut children = Children::of(argument);
                let name = match children.child() {
                    quoted if quoted.as_rule() == Rule::quoted_name => self.plain_text(Children::of(quoted).child()),
                    name => self.name(&name),
                };
                Argument { name, value: self.expr(children.child()) }
            })
            .collect()
    }

    fn guard(&mut self, pair: Pair<'_, Rule>) -> DecideClause {
        let rule = pair.as_rule();
        let mut children = Children::of(pair);
        match rule {
            Rule::keep_bound => {
                let column = self.name(&children.child());
                DecideClause::Keep(column, self.bounds(children.child()))
            }
            Rule::keep_total => {
                let column = self.name(&children.child());
                let bound = children.child();
                let bound = match bound.as_rule() {
                    Rule::unchanged => TotalBound::Unchanged,
                    Rule::cap => TotalBound::AtMost(self.arith(Children::of(bound).child())),
                    other => unread(other),
                };
                DecideClause::KeepTotal(KeepTotal { column, bound })
            }
            Rule::keep_change => {
                let within = self.arith(children.child());
                DecideClause::KeepChange(within, self.length(children.child()))
            }
            Rule::at_most => {
                let limit = self.whole(&children.child());
                let first = match children.opt(Rule::surest) {
                    Some(surest) => Some(RowOrder::Surest(self.span(&surest))),
                    None => children
                        .opt(Rule::extreme)
                        .map(|end| RowOrder::By(keyword(&end, Extreme::of_word), self.arith(children.child()))),
                };
                DecideClause::AtMost(AtMost { limit, first })
            }
            Rule::cooldown => DecideClause::Cooldown(self.length(children.child())),
            Rule::no_reversal => DecideClause::NoReversal(self.length(children.child())),
            Rule::hands_off => DecideClause::HandsOff(self.length(children.child())),
            Rule::approval => DecideClause::Approval(children.next().map(|above| self.arith(above))),
            other => unread(other),
        }
    }

    /// A length of time.
    fn length(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        Expr { kind: ExprKind::Literal(self.duration(pair)), span }
    }

    fn bounds(&mut self, pair: Pair<'_, Rule>) -> Vec<Bound> {
        let rule = pair.as_rule();
        let mut children = Children::of(pair);
        let first = self.arith(children.child());
        match rule {
            Rule::between => vec![Bound::AtLeast(first), Bound::AtMost(self.arith(children.child()))],
            Rule::at_least => vec![Bound::AtLeast(first)],
            Rule::cap => vec![Bound::AtMost(first)],
            other => unread(other),
        }
    }
}
