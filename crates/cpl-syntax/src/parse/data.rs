//! `fetch`, its columns and types, and the checks that transforms share.

use pest::iterators::Pair;

use super::{Parts, Reader, Rule};
use crate::{
    span::Spanned,
    tree::{
        Clause, Coarse, Column, ColumnFrom, ColumnType, Currency, Fetch, FetchClause, MoneyOf, MoneyScale, Plain,
        TimeIn,
    },
};

impl Reader<'_> {
    pub(super) fn fetch(&mut self, pair: Pair<'_, Rule>) -> Fetch {
        let mut parts = Parts::of(pair);
        let name = self.new_name(&parts.child());
        let source = parts.child();
        let source_span = self.span(&source);
        let mut fetch =
            Fetch { name, source: self.source(source), source_span, columns: Vec::new(), clauses: Vec::new() };
        for clause in parts {
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
            Rule::skip_bad => FetchClause::SkipBadRows(self.arith(Parts::of(pair).child())),
            Rule::future => FetchClause::KeepFuture(span),
            Rule::time_column => FetchClause::Time(self.name(&Parts::of(pair).child())),
            Rule::request => FetchClause::Request(self.setting(pair)),
            Rule::records => FetchClause::Records(self.plain_text(Parts::of(pair).child())),
            _ => FetchClause::Check(self.clause(pair)),
        }
    }

    /// A check, in a fetch or a transform.
    pub(super) fn clause(&mut self, pair: Pair<'_, Rule>) -> Clause {
        let (rule, span) = (pair.as_rule(), self.span(&pair));
        let mut parts = Parts::of(pair);
        match rule {
            Rule::key => Clause::Key(self.names(parts)),
            Rule::no_gaps => Clause::NoGaps(self.names(parts), span),
            Rule::fresh => {
                let column = parts.opt(Rule::ident).map(|column| self.name(&column));
                Clause::Fresh(column, self.arith(parts.child()), span)
            }
            _ => Clause::Expect(self.expr(parts.child())),
        }
    }

    fn columns(&mut self, pair: Pair<'_, Rule>) -> Vec<Column> {
        let columns: Vec<_> = Parts::of(pair).map(|column| self.column(column)).collect();
        let spans: Vec<_> = columns.iter().map(|column| column.span).collect();
        self.separated(&spans);
        columns
    }

    fn column(&mut self, pair: Pair<'_, Rule>) -> Column {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        Column {
            name: self.new_name(&parts.child()),
            kind: self.column_type(parts.child()),
            optional: parts.opt(Rule::optional).is_some(),
            personal: parts.opt(Rule::personal).map(|personal| self.span(&personal)),
            from: parts.opt(Rule::column_from).map(|from| self.column_from(from)),
            span,
        }
    }

    pub(super) fn column_from(&mut self, pair: Pair<'_, Rule>) -> ColumnFrom {
        let mut parts = Parts::of(pair);
        let first = parts.child();
        if first.as_rule() == Rule::from_file {
            return ColumnFrom::File(self.span(&first));
        }
        let name = self.plain_text(first);
        match parts.next() {
            Some(path) => ColumnFrom::At(name, self.plain_text(path)),
            None => ColumnFrom::Named(name),
        }
    }

    pub(super) fn column_type(&mut self, pair: Pair<'_, Rule>) -> Spanned<ColumnType> {
        let span = self.span(&pair);
        let form = Parts::of(pair).child();
        let kind = match form.as_rule() {
            Rule::money_type => self.money_type(form),
            Rule::date_type => {
                let mut parts = Parts::of(form);
                let format = parts.opt(Rule::text).map(|format| self.plain_text(format));
                ColumnType::Date(format, self.coarse(&mut parts))
            }
            Rule::datetime_type => self.datetime_type(form),
            _ => ColumnType::Plain(plain(&form)),
        };
        Spanned::new(kind, span)
    }

    fn money_type(&mut self, pair: Pair<'_, Rule>) -> ColumnType {
        let mut parts = Parts::of(pair);
        let scale =
            parts.opt(Rule::money_scale).map_or(MoneyScale::Units, |scale| match Parts::of(scale).child().as_rule() {
                Rule::micros => MoneyScale::Micros,
                _ => MoneyScale::Minor,
            });
        let of = match parts.next() {
            None => MoneyOf::Pipeline,
            Some(of) if of.as_rule() == Rule::ident => MoneyOf::Column(self.name(&of)),
            Some(of) => Currency::of_code(of.as_str()).map_or(MoneyOf::Pipeline, MoneyOf::Fixed),
        };
        ColumnType::Money(scale, of)
    }

    fn datetime_type(&mut self, pair: Pair<'_, Rule>) -> ColumnType {
        let mut parts = Parts::of(pair);
        let format = parts.opt(Rule::text).map(|text| self.plain_text(text));
        let mut stored = TimeIn::Pipeline;
        if let Some(zone) = parts.opt(Rule::zone) {
            stored = TimeIn::Zone(self.plain_text(Parts::of(zone).child()));
        }
        if let Some(unix) = parts.opt(Rule::unix) {
            stored = match Parts::of(unix).child().as_str() {
                "seconds" => TimeIn::UnixSeconds,
                _ => TimeIn::UnixMilliseconds,
            };
        }
        ColumnType::Datetime(format, stored, self.coarse(&mut parts))
    }

    fn coarse(&mut self, parts: &mut Parts<'_>) -> Option<Spanned<Coarse>> {
        parts.opt(Rule::coarse).map(|coarse| {
            let period = match coarse.as_str() {
                "week" => Coarse::Week,
                "month" => Coarse::Month,
                _ => Coarse::Hour,
            };
            Spanned::new(period, self.span(&coarse))
        })
    }
}

fn plain(pair: &Pair<'_, Rule>) -> Plain {
    match pair.as_str() {
        "text" => Plain::Text,
        "bool" => Plain::Bool,
        "count" => Plain::Count,
        "integer" => Plain::Integer,
        "number" => Plain::Number,
        "ratio" => Plain::Ratio,
        "percent" => Plain::Percent,
        _ => Plain::Weekday,
    }
}
