//! Token roles from the parse tree: where entries begin, which sign is an operator.

use std::collections::{BTreeMap, HashMap, HashSet};

use pest::iterators::{Pair, Pairs};

use crate::parse::Rule;

/// Byte offsets of tokens, by their role.
#[derive(Default)]
pub struct TokenRoles {
    /// Where items, clauses and items of lists begin, and what they are.
    pub entries: HashMap<usize, Rule>,
    /// Operators with a blank on both sides, and where they end.
    pub infix: HashMap<usize, usize>,
    /// Prefix operators: no space after them.
    pub prefix: HashSet<usize>,
    /// `:` after the name of a column or a parameter.
    pub colons: HashSet<usize>,
    /// `=` after the name of an option.
    pub options: HashSet<usize>,
    /// Units and currencies: a space precedes them.
    pub units: HashSet<usize>,
    /// Rows of tables and their cells.
    pub rows: BTreeMap<usize, (usize, Vec<String>)>,
    /// Opening brackets of calls: no space before them.
    pub calls: HashSet<usize>,
    /// A text literal spans lines. The parser reports that.
    pub broken_text: bool,
}

impl TokenRoles {
    /// Adds those of an item that begins at `base`.
    pub fn add(&mut self, pairs: Pairs<'_, Rule>, base: usize, text: &str) {
        for pair in pairs.flatten() {
            self.record(&pair, base, text);
        }
    }

    fn record(&mut self, pair: &Pair<'_, Rule>, base: usize, text: &str) {
        let (rule, start) = (pair.as_rule(), base + pair.as_span().start());
        match rule {
            Rule::infix | Rule::compare => drop(self.infix.insert(start, base + pair.as_span().end())),
            Rule::prefix => drop(self.prefix.insert(start)),
            Rule::unit | Rule::currency | Rule::w_points => drop(self.units.insert(start)),
            Rule::named_arg => self.after_name(pair, base, '=', text, |roles, at| {
                roles.options.insert(at);
            }),
            Rule::call | Rule::source => self.after_name(pair, base, '(', text, |roles, at| {
                roles.calls.insert(at);
            }),
            Rule::text => self.broken_text |= pair.as_str().contains('\n'),
            Rule::parameters => drop(self.calls.insert(start)),
            Rule::row => {
                let cells = pair.clone().into_inner().map(|cell| cell.as_str().trim().to_owned()).collect();
                let end = start + pair.as_str().trim_end().len();
                self.rows.insert(start, (end, cells));
            }
            _ => {}
        }
        if matches!(rule, Rule::column | Rule::parameter) {
            self.after_name(pair, base, ':', text, |roles, at| {
                roles.colons.insert(at);
            });
        }
        if matches!(
            rule,
            Rule::let_item
                | Rule::metric
                | Rule::assignment
                | Rule::kept
                | Rule::group_item
                | Rule::argument
                | Rule::test_value
                | Rule::target
                | Rule::join_key
        ) {
            self.after_name(pair, base, '=', text, |roles, at| {
                roles.infix.insert(at, at + 1);
            });
        }
        if is_entry(rule) {
            // Of several that begin at one place, the outermost comes first.
            self.entries.entry(start).or_insert(rule);
        }
    }

    /// The sign after the first name of a pair, if it follows directly.
    fn after_name(
        &mut self,
        pair: &Pair<'_, Rule>,
        base: usize,
        sign: char,
        text: &str,
        record: impl Fn(&mut Self, usize),
    ) {
        let is_name = |inner: &Pair<'_, Rule>| {
            matches!(inner.as_rule(), Rule::name | Rule::ident | Rule::quoted_name | Rule::path | Rule::parameters)
        };
        let mut names = pair.clone().into_inner().filter(is_name);
        let Some(name) = names.next() else { return };
        // `NAME`, or `NAME(parameters)`.
        let name = names.next().filter(|next| next.as_rule() == Rule::parameters).unwrap_or(name);
        let end = base + name.as_span().end();
        // A byte order mark is white space to the grammar.
        if let Some(at) = text[end..].find(|c: char| !(c.is_whitespace() || c == '\u{FEFF}'))
            && text[end + at..].starts_with(sign)
        {
            record(self, end + at);
        }
    }
}

fn is_entry(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::pipeline
            | Rule::let_item
            | Rule::metric
            | Rule::fetch
            | Rule::transform
            | Rule::dashboard
            | Rule::decide
            | Rule::alert
            | Rule::target
            | Rule::test
            | Rule::question
            | Rule::owner
            | Rule::every
            | Rule::timezone
            | Rule::currency_is
            | Rule::weeks_start
            | Rule::retire
            | Rule::alerts_to
            | Rule::columns
            | Rule::column
            | Rule::key
            | Rule::no_gaps
            | Rule::fresh
            | Rule::settles
            | Rule::expect
            | Rule::watch
            | Rule::skip_bad
            | Rule::future
            | Rule::time_column
            | Rule::records
            | Rule::request
            | Rule::where_stage
            | Rule::derive
            | Rule::keep
            | Rule::drop
            | Rule::sort
            | Rule::take
            | Rule::join
            | Rule::group
            | Rule::group_item
            | Rule::union
            | Rule::unpivot
            | Rule::fill_gaps
            | Rule::constraint
            | Rule::driver
            | Rule::over
            | Rule::by_column
            | Rule::when
            | Rule::require
            | Rule::on_days
            | Rule::except_on
            | Rule::then
            | Rule::argument
            | Rule::keep_bound
            | Rule::keep_total
            | Rule::keep_change
            | Rule::at_most
            | Rule::cooldown
            | Rule::no_reversal
            | Rule::hands_off
            | Rule::approval
            | Rule::severity
            | Rule::say
            | Rule::alert_to
            | Rule::repeat_after
            | Rule::test_today
            | Rule::test_now
            | Rule::given
            | Rule::row
            | Rule::expect_no
            | Rule::expect_state
            | Rule::expect_table
            | Rule::expect_rule
    )
}

/// Whether items of that kind are separated by commas when they are on one line.
pub fn takes_commas(rule: Rule) -> bool {
    matches!(rule, Rule::column | Rule::group_item | Rule::argument)
}
