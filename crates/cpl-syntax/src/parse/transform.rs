//! `transform` and its stages.

use pest::iterators::Pair;

use super::{Children, Reader, Rule, exact, unread};
use crate::{
    span::Span,
    tree::{Expr, ExprKind, GroupItem, Join, JoinKey, Kept, Latest, SortBy, Stage, StageKind, Transform},
};

impl Reader<'_> {
    pub(super) fn transform(&mut self, pair: Pair<'_, Rule>) -> Transform {
        let mut children = Children::of(pair);
        let name = self.new_name(&children.child());
        let from = self.name(&children.child());
        Transform { name, from, stages: exact(children.map(|stage| self.stage(stage))) }
    }

    fn stage(&mut self, pair: Pair<'_, Rule>) -> Stage {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::where_stage => StageKind::Where(self.expr(Children::of(pair).child())),
            Rule::derive => StageKind::Derive(exact(Children::of(pair).map(|each| self.assignment(each)))),
            Rule::join => StageKind::Join(Box::new(self.join(pair))),
            Rule::group => self.group(pair),
            Rule::keep => StageKind::Keep(exact(Children::of(pair).map(|kept| self.kept(kept)))),
            Rule::drop => StageKind::Drop(exact(Children::of(pair).map(|path| self.path(path)))),
            Rule::sort => StageKind::Sort(exact(Children::of(pair).map(|by| self.sort_by(by)))),
            Rule::take => self.take(pair),
            Rule::union => self.union(pair),
            Rule::unpivot => self.unpivot(pair),
            Rule::fill_gaps => StageKind::FillGaps(self.names(Children::of(pair))),
            Rule::key | Rule::no_gaps | Rule::fresh | Rule::expect | Rule::watch => {
                StageKind::Check(Box::new(self.clause(pair)))
            }
            other => unread(other),
        };
        Stage { kind, span }
    }

    fn join(&mut self, pair: Pair<'_, Rule>) -> Join {
        let mut children = Children::of(pair);
        let left = children.opt(Rule::left).is_some();
        let many = children.opt(Rule::many).is_some();
        let table = self.name(&children.child());
        let alias = children.opt(Rule::ident).map(|alias| self.name(&alias));
        let on = exact(children.all(Rule::join_key).into_iter().map(|key| self.join_key(key)));
        let latest = children.opt(Rule::latest).map(|latest| {
            let mut children = Children::of(latest);
            let right = self.path(children.child());
            children.opt(Rule::before);
            Latest { right, left: self.path(children.child()), within: self.arith(children.child()) }
        });
        let or_none = children.opt(Rule::or_none).map(|or_none| self.span(&or_none));
        Join { left, many, table, alias, on, latest, or_none }
    }

    fn join_key(&mut self, pair: Pair<'_, Rule>) -> JoinKey {
        let mut children = Children::of(pair);
        JoinKey { left: self.path(children.child()), right: children.next().map(|right| self.path(right)) }
    }

    fn group(&mut self, pair: Pair<'_, Rule>) -> StageKind {
        let mut children = Children::of(pair);
        let keys = exact(children.all(Rule::group_key).into_iter().map(|key| self.group_key(key)));
        let items: Vec<_> = children.collect();
        let spans: Vec<Span> = items.iter().map(|item| self.span(item)).collect();
        self.separated(&spans);
        StageKind::Group(keys, exact(items.into_iter().map(|item| self.group_item(item))))
    }

    fn group_key(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let inner = Children::of(pair).child();
        let kind = match inner.as_rule() {
            Rule::call => ExprKind::Call(Box::new(self.call(inner))),
            _ => ExprKind::Path(self.path(inner)),
        };
        Expr { kind, span }
    }

    fn group_item(&mut self, pair: Pair<'_, Rule>) -> GroupItem {
        let mut children = Children::of(pair);
        GroupItem { name: self.new_name(&children.child()), value: children.next().map(|value| self.expr(value)) }
    }

    fn kept(&mut self, pair: Pair<'_, Rule>) -> Kept {
        let mut children = Children::of(pair);
        Kept { path: self.path(children.child()), value: children.next().map(|value| self.expr(value)) }
    }

    fn sort_by(&mut self, pair: Pair<'_, Rule>) -> SortBy {
        let mut children = Children::of(pair);
        SortBy { path: self.path(children.child()), descending: children.opt(Rule::descending).is_some() }
    }

    fn take(&mut self, pair: Pair<'_, Rule>) -> StageKind {
        let mut children = Children::of(pair);
        let rows = self.whole(&children.child()).value;
        StageKind::Take(rows, self.names(children))
    }

    fn union(&mut self, pair: Pair<'_, Rule>) -> StageKind {
        let mut children = Children::of(pair);
        let tables = children.all(Rule::ident);
        let into = children.next().map(|into| self.new_name(&into));
        StageKind::Union(self.names(tables), into)
    }

    fn unpivot(&mut self, pair: Pair<'_, Rule>) -> StageKind {
        let mut children = Children::of(pair);
        let columns = children.all(Rule::unpivoted).into_iter().map(|each| {
            let mut children = Children::of(each);
            let column = self.path(children.child());
            let named = children.next().map(|text| self.plain_text(text));
            (column, named)
        });
        let columns = columns.collect();
        let name = self.new_name(&children.child());
        StageKind::Unpivot(columns, name, self.new_name(&children.child()))
    }
}
