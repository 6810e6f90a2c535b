//! `test` blocks and their tables.

use pest::iterators::Pair;

use super::{Children, Reader, Rule, keyword, unread};
use crate::{
    codes::Code,
    diagnostic::Diagnostic,
    span::{Name, Spanned},
    tree::{Expectation, Given, GivenRows, RowState, Table, Test, TestClock},
};

impl Reader<'_> {
    pub(super) fn test(&mut self, pair: Pair<'_, Rule>) -> Test {
        let span = self.span(&pair);
        let mut children = Children::of(pair);
        let title = self.plain_text(children.child());
        let mut test = Test { title, clock: None, given: vec![], expect: vec![], span };
        for clause in children {
            let (rule, at) = (clause.as_rule(), self.span(&clause));
            match rule {
                Rule::test_today => {
                    let date = self.name(&Children::of(clause).child());
                    self.set_once(&mut test.clock, TestClock::Today(date), at);
                }
                Rule::test_now => {
                    let now = self.name(&Children::of(clause).child());
                    self.set_once(&mut test.clock, TestClock::Now(now), at);
                }
                Rule::given => {
                    let given = self.given(clause);
                    test.given.push(given);
                }
                _expectation => {
                    let expect = self.expectation(clause);
                    test.expect.push(expect);
                }
            }
        }
        test
    }

    fn given(&mut self, pair: Pair<'_, Rule>) -> Given {
        let mut children = Children::of(pair);
        let name = self.name(&children.child());
        let rows = children.child();
        let rows = match rows.as_rule() {
            Rule::table => GivenRows::Table(self.table(rows)),
            Rule::call => GivenRows::From(Box::new(self.call(rows))),
            other => unread(other),
        };
        Given { name, rows }
    }

    fn expectation(&mut self, pair: Pair<'_, Rule>) -> Expectation {
        let rule = pair.as_rule();
        let mut children = Children::of(pair);
        let state = children.opt(Rule::state).map(|state| keyword(&state, RowState::of_word));
        let name = self.name(&children.child());
        if rule == Rule::expect_table {
            return Expectation::Table(name, self.table(children.child()));
        }
        let key = children.opt(Rule::key_values).map(|values| self.key_values(values)).unwrap_or_default();
        match (rule, state) {
            (_, Some(state)) => Expectation::Is(state, name, key),
            (Rule::expect_no, None) => Expectation::Not(name, key),
            (Rule::expect_rule, None) => {
                let values = children.map(|value| {
                    let mut children = Children::of(value);
                    (self.name(&children.child()), self.arith(children.child()))
                });
                Expectation::Fires(name, key, values.collect())
            }
            (other, None) => unread(other),
        }
    }

    fn key_values(&mut self, pair: Pair<'_, Rule>) -> Vec<Name> {
        Children::of(pair)
            .map(|value| {
                let inner = Children::of(value).child();
                match inner.as_rule() {
                    Rule::text => self.plain_text(inner),
                    _ => self.name(&inner),
                }
            })
            .collect()
    }

    fn table(&mut self, pair: Pair<'_, Rule>) -> Table {
        let rows: Vec<_> = Children::of(pair).collect();
        let mut rows = rows.into_iter().map(|row| (self.span(&row), self.cells(row))).collect::<Vec<_>>().into_iter();
        let header: Vec<Name> = rows.next().map_or_else(Vec::new, |(_, cells)| {
            cells.into_iter().map(|cell| Spanned::new(cell.value.unwrap_or_default(), cell.span)).collect()
        });
        let rows: Vec<_> = rows.collect();
        let width = rows.first().map_or(header.len(), |(_, cells)| cells.len());
        if width != header.len() && rows.iter().all(|(_, cells)| cells.len() == width) {
            let message =
                format!("a heading with {}, and rows with {}", plural(header.len(), "column"), plural(width, "cell"));
            let at = header.first().zip(header.last()).map_or(rows[0].0, |(first, last)| first.span.to(last.span));
            self.report(Diagnostic::new(Code::E0102, message).at(at, "this heading"));
            return Table { header, rows: Vec::new() };
        }
        let mut body = Vec::new();
        for (span, cells) in rows {
            if cells.len() == header.len() {
                body.push(cells);
                continue;
            }
            // What its cells hold is not known: they may stand under other headings.
            let (cells, columns) = (plural(cells.len(), "cell"), plural(header.len(), "column"));
            let diagnostic = Diagnostic::new(Code::E0102, format!("a row with {cells}, and the table has {columns}"));
            self.report(diagnostic.at(span, "this row").help("an empty cell is `| |`"));
        }
        Table { header, rows: body }
    }

    fn cells(&mut self, row: Pair<'_, Rule>) -> Vec<Spanned<Option<String>>> {
        Children::of(row)
            .map(|cell| {
                let inner = Children::of(cell).child();
                let span = self.span(&inner);
                let value = match inner.as_rule() {
                    Rule::quoted_cell => Some(self.plain_text(Children::of(inner).child()).value),
                    _ => Some(inner.as_str().trim().to_owned()).filter(|text| !text.is_empty()),
                };
                Spanned::new(value, span)
            })
            .collect()
    }
}

/// `1 cell`, `2 cells`.
fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
