//! `fetch`, its columns and types, and the checks that transforms share.

use pest::iterators::Pair;

use super::{Children, Reader, Rule, keyword, unread};
use crate::{
    span::{Name, Spanned},
    tree::{
        Clause, Coarse, Column, ColumnFrom, ColumnType, Currency, Fetch, FetchClause, MoneyOf, MoneyScale, Plain,
        TimeIn,
    },
};

impl Reader<'_> {
    pub(super) fn fetch(&mut self, pair: Pair<'_, Rule>) -> Fetch {
        let mut children = Children::of(pair);
        let name = self.new_name(&children.child());
        let source = children.child();
        let source_span = self.span(&source);
        let mut fetch =
            Fetch { name, source: self.source(source), source_span, columns: Vec::new(), clauses: Vec::new() };
        for clause in children {
            match clause.as_rule() {
                Rule::columns => {
                    let columns = self.columns(clause);
                    fetch.columns.extend(columns);
                }
                _ => fetch.clauses.push(self.fetch_clause(clause)),
            }
        }
        fetch
    }

    fn fetch_clause(&mut self, pair: Pair<'_, Rule>) -> FetchClause {
        let span = self.span(&pair);
        match pair.as_rule() {
            Rule::skip_bad => FetchClause::SkipBadRows(self.arith(Children::of(pair).child())),
            Rule::future => FetchClause::KeepFuture(span),
            Rule::time_column => FetchClause::Time(self.name(&Children::of(pair).child())),
            Rule::settles => FetchClause::Settles(self.arith(Children::of(pair).child()), span),
            Rule::request => FetchClause::Request(self.setting(pair)),
            Rule::missing => FetchClause::Missing(Children::of(pair).map(|text| self.plain_text(text)).collect()),
            Rule::rows_until => FetchClause::RowsUntil(self.plain_text(Children::of(pair).child())),
            Rule::records => {
                let mut children = Children::of(pair);
                let path = self.plain_text(children.child());
                FetchClause::Records(path, children.next().map(|each| self.plain_text(each)))
            }
            Rule::key | Rule::no_gaps | Rule::fresh | Rule::expect | Rule::watch => {
                FetchClause::Check(self.clause(pair))
            }
            other => unread(other),
        }
    }

    /// A check, in a fetch or a transform.
    pub(super) fn clause(&mut self, pair: Pair<'_, Rule>) -> Clause {
        let (rule, span) = (pair.as_rule(), self.span(&pair));
        let mut children = Children::of(pair);
        match rule {
            Rule::key => Clause::Key(self.names(children)),
            Rule::no_gaps => Clause::NoGaps(self.series(children), span),
            Rule::fresh => {
                let column = children.opt(Rule::ident).map(|column| self.name(&column));
                Clause::Fresh(column, self.arith(children.child()), self.series(children), span)
            }
            Rule::expect => Clause::Expect(self.expr(children.child()), self.series(children)),
            Rule::watch => Clause::Watch(self.expr(children.child()), self.series(children)),
            other => unread(other),
        }
    }

    /// `for A, B`; none where it is not written.
    fn series(&mut self, mut children: Children<'_>) -> Vec<Name> {
        children.opt(Rule::for_series).map(|series| self.names(Children::of(series))).unwrap_or_default()
    }

    fn columns(&mut self, pair: Pair<'_, Rule>) -> Vec<Column> {
        let columns: Vec<_> = Children::of(pair).map(|column| self.column(column)).collect();
        let spans: Vec<_> = columns.iter().map(|column| column.span).collect();
        self.separated(&spans);
        columns
    }

    fn column(&mut self, pair: Pair<'_, Rule>) -> Column {
        let span = self.span(&pair);
        let mut children = Children::of(pair);
        Column {
            name: self.new_name(&children.child()),
            kind: self.column_type(children.child()),
            nullable: children.opt(Rule::nullable).is_some(),
            optional: children.opt(Rule::optional).is_some(),
            personal: children.opt(Rule::personal).map(|personal| self.span(&personal)),
            from: children.opt(Rule::column_from).map(|from| self.column_from(from)),
            span,
        }
    }

    pub(super) fn column_from(&mut self, pair: Pair<'_, Rule>) -> ColumnFrom {
        let mut children = Children::of(pair);
        let first = children.child();
        if first.as_rule() == Rule::from_file {
            return ColumnFrom::File(self.span(&first));
        }
        if first.as_rule() == Rule::from_outer {
            return ColumnFrom::Outer(self.plain_text(Children::of(first).child()));
        }
        let name = self.plain_text(first);
        match children.next() {
            Some(path) => ColumnFrom::At(name, self.plain_text(path)),
            None => ColumnFrom::Named(name),
        }
    }

    pub(super) fn column_type(&mut self, pair: Pair<'_, Rule>) -> Spanned<ColumnType> {
        let span = self.span(&pair);
        let form = Children::of(pair).child();
        let kind = match form.as_rule() {
            Rule::money_type => self.money_type(form),
            Rule::date_type => {
                let mut children = Children::of(form);
                let format = children.opt(Rule::text).map(|format| self.plain_text(format));
                ColumnType::Date(format, self.coarse(&mut children))
            }
            Rule::datetime_type => self.datetime_type(form),
            Rule::plain_type => ColumnType::Plain(keyword(&form, Plain::of_word)),
            other => unread(other),
        };
        Spanned::new(kind, span)
    }

    fn money_type(&mut self, pair: Pair<'_, Rule>) -> ColumnType {
        let mut children = Children::of(pair);
        let scale = children.opt(Rule::money_scale).map_or(MoneyScale::Units, |scale| {
            match Children::of(scale).child().as_rule() {
                Rule::micros => MoneyScale::Micros,
                Rule::minor_units => MoneyScale::Minor,
                other => unread(other),
            }
        });
        let of = match children.next() {
            None => MoneyOf::Pipeline,
            Some(of) if of.as_rule() == Rule::ident => MoneyOf::Column(self.name(&of)),
            Some(of) => Currency::of_code(of.as_str()).map_or(MoneyOf::Pipeline, MoneyOf::Fixed),
        };
        ColumnType::Money(scale, of)
    }

    fn datetime_type(&mut self, pair: Pair<'_, Rule>) -> ColumnType {
        let mut children = Children::of(pair);
        let format = children.opt(Rule::text).map(|text| self.plain_text(text));
        let mut stored = TimeIn::Pipeline;
        if let Some(zone) = children.opt(Rule::zone) {
            stored = TimeIn::Zone(self.plain_text(Children::of(zone).child()));
        }
        if let Some(unix) = children.opt(Rule::unix) {
            stored = match Children::of(unix).child().as_str() {
                "seconds" => TimeIn::UnixSeconds,
                _ => TimeIn::UnixMilliseconds,
            };
        }
        ColumnType::Datetime(format, stored, self.coarse(&mut children))
    }

    fn coarse(&mut self, children: &mut Children<'_>) -> Option<Spanned<Coarse>> {
        children.opt(Rule::coarse).map(|coarse| Spanned::new(keyword(&coarse, Coarse::of_word), self.span(&coarse)))
    }
}
