//! `transform` and its stages.

use pest::iterators::Pair;

use super::{Parts, Reader, Rule, exact};
use crate::{
    span::Span,
    tree::{Expr, ExprKind, GroupItem, Join, JoinKey, Kept, Latest, SortBy, Stage, StageKind, Transform},
};

impl Reader<'_> {
    pub(super) fn transform(&mut self, pair: Pair<'_, Rule>) -> Transform {
        let mut parts = Parts::of(pair);
        let name = self.new_name(&parts.child());
        let from = self.name(&parts.child());
        Transform { name, from, stages: exact(parts.map(|stage| self.stage(stage))) }
    }

    fn stage(&mut self, pair: Pair<'_, Rule>) -> Stage {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::where_stage => StageKind::Where(self.expr(Parts::of(pair).child())),
            Rule::derive => StageKind::Derive(exact(Parts::of(pair).map(|each| self.assignment(each)))),
            Rule::join => StageKind::Join(Box::new(self.join(pair))),
            Rule::group => self.group(pair),
            Rule::keep => StageKind::Keep(exact(Parts::of(pair).map(|kept| self.kept(kept)))),
            Rule::drop => StageKind::Drop(exact(Parts::of(pair).map(|path| self.path(path)))),
            Rule::sort => StageKind::Sort(exact(Parts::of(pair).map(|by| self.sort_by(by)))),
            Rule::take => self.take(pair),
            Rule::union => self.union(pair),
            Rule::unpivot => self.unpivot(pair),
            Rule::fill_gaps => StageKind::FillGaps(self.names(Parts::of(pair))),
            _ => StageKind::Check(Box::new(self.clause(pair))),
        };
        Stage { kind, span }
    }

    fn join(&mut self, pair: Pair<'_, Rule>) -> Join {
        let mut parts = Parts::of(pair);
        let left = parts.opt(Rule::left).is_some();
        let many = parts.opt(Rule::many).is_some();
        let table = self.name(&parts.child());
        let alias = parts.opt(Rule::ident).map(|alias| self.name(&alias));
        let on = exact(parts.all(Rule::join_key).into_iter().map(|key| self.join_key(key)));
        let latest = parts.next().map(|latest| {
            let mut parts = Parts::of(latest);
            let right = self.path(parts.child());
            parts.opt(Rule::before);
            Latest { right, left: self.path(parts.child()), within: self.arith(parts.child()) }
        });
        Join { left, many, table, alias, on, latest }
    }

    fn join_key(&mut self, pair: Pair<'_, Rule>) -> JoinKey {
        let mut parts = Parts::of(pair);
        JoinKey { left: self.path(parts.child()), right: parts.next().map(|right| self.path(right)) }
    }

    fn group(&mut self, pair: Pair<'_, Rule>) -> StageKind {
        let mut parts = Parts::of(pair);
        let keys = exact(parts.all(Rule::group_key).into_iter().map(|key| self.group_key(key)));
        let items: Vec<_> = parts.collect();
        let spans: Vec<Span> = items.iter().map(|item| self.span(item)).collect();
        self.separated(&spans);
        StageKind::Group(keys, exact(items.into_iter().map(|item| self.group_item(item))))
    }

    fn group_key(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let inner = Parts::of(pair).child();
        let kind = match inner.as_rule() {
            Rule::call => ExprKind::Call(Box::new(self.call(inner))),
            _ => ExprKind::Path(self.path(inner)),
        };
        Expr { kind, span }
    }

    fn group_item(&mut self, pair: Pair<'_, Rule>) -> GroupItem {
        let mut parts = Parts::of(pair);
        GroupItem { name: self.new_name(&parts.child()), value: parts.next().map(|value| self.expr(value)) }
    }

    fn kept(&mut self, pair: Pair<'_, Rule>) -> Kept {
        let mut parts = Parts::of(pair);
        Kept { path: self.path(parts.child()), value: parts.next().map(|value| self.expr(value)) }
    }

    fn sort_by(&mut self, pair: Pair<'_, Rule>) -> SortBy {
        let mut parts = Parts::of(pair);
        SortBy { path: self.path(parts.child()), descending: parts.opt(Rule::descending).is_some() }
    }

    fn take(&mut self, pair: Pair<'_, Rule>) -> StageKind {
        let mut parts = Parts::of(pair);
        let rows = self.whole(&parts.child()).value;
        StageKind::Take(rows, parts.next().map(|per| self.name(&per)))
    }

    fn union(&mut self, pair: Pair<'_, Rule>) -> StageKind {
        let mut parts = Parts::of(pair);
        let tables = parts.all(Rule::ident);
        let into = parts.next().map(|into| self.new_name(&into));
        StageKind::Union(self.names(tables), into)
    }

    fn unpivot(&mut self, pair: Pair<'_, Rule>) -> StageKind {
        let mut parts = Parts::of(pair);
        let columns = parts.all(Rule::unpivoted).into_iter().map(|each| {
            let mut parts = Parts::of(each);
            let column = self.path(parts.child());
            let named = parts.next().map(|text| self.plain_text(text));
            (column, named)
        });
        let columns = columns.collect();
        let name = self.new_name(&parts.child());
        StageKind::Unpivot(columns, name, self.new_name(&parts.child()))
    }
}
