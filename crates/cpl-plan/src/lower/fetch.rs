//! A fetch: its rows as they are read, then as the pipeline means them.

use cpl_model::{
    program::{
        AggFunc, CallArgument, Column, CompareOp, Constant, Expr, ExprKind, Fetch, FetchColumn, Function, Grain, Logic,
        PastWindow, SourceKind, Table, TableId, Window,
    },
    types::Type,
};

use super::{Chain, Lowering};
use crate::{
    plan::{NodeId, Op, Scan},
    query::{FUTURE_ROWS, NEWEST, OUTSIDE_ROWS, QueryKind, ROWS, Requester, WEEK_STARTS},
};

impl Lowering<'_> {
    pub(super) fn fetch(&mut self, id: TableId, fetch: &Fetch, required: &[String]) -> NodeId {
        let table = self.program().table(id).clone();
        let scan = Scan { columns: required.to_vec(), partitionable: false, dictionary_columns: Vec::new() };
        let at = self.plan.add(Op::Scan(scan), Vec::new(), id, table.span);
        let mut chain = Chain { table: id, span: table.span, at };
        let future = is_future(&table, fetch);
        if self.given.is_none() {
            let items = statistics(&table, fetch, required, future.clone());
            self.add_query(
                at,
                QueryKind::Aggregate { filter: None, keys: Vec::new(), items },
                Requester::Source(id),
                table.span,
            );
        }
        // A row is dated by what it says, and not by the start of its week: this comes before the starts of periods.
        if let Some(future) = future {
            self.push(&mut chain, Op::Filter(is_past(future, &table)));
        }
        // A test gives amounts as they are shown, not in minor units.
        let normalized = normalized(&table, fetch, required, self.given.is_none());
        if !normalized.is_empty() {
            self.push(&mut chain, Op::Derive(normalized));
        }
        if self.joined.contains(&id) {
            self.plan.node_mut(chain.at).materialized = true;
        }
        chain.at
    }
}

/// What the report shows of a fetch: its rows, those dated after `now` or outside the window that was requested, the newest
/// of its past times.
fn statistics(table: &Table, fetch: &Fetch, required: &[String], future: Option<Expr>) -> Vec<(String, Expr)> {
    let past = future.clone().map(|future| condition(ExprKind::Not(Box::new(future)), table));
    let aggregate = |func, of, filter, ty| Expr::aggregate(func, of, filter, ty, table.span);
    let mut items = vec![(ROWS.to_owned(), aggregate(AggFunc::Count, None, None, Type::Count))];
    let future = future.map(|future| aggregate(AggFunc::Count, None, Some(future), Type::Count));
    items.extend(future.map(|future| (FUTURE_ROWS.to_owned(), future)));
    let outside = is_outside_window(table, fetch).map(|outside| match &past {
        Some(past) => condition(ExprKind::Logic(Logic::And, Box::new(past.clone()), Box::new(outside)), table),
        None => outside,
    });
    let outside = outside.map(|outside| aggregate(AggFunc::Count, None, Some(outside), Type::Count));
    items.extend(outside.map(|outside| (OUTSIDE_ROWS.to_owned(), outside)));
    for column in
        fetch.columns.iter().filter(|column| column.by == Some(Grain::Week) && required.contains(&column.name))
    {
        let Some(of) = table.column(&column.name) else { continue };
        let kind = ExprKind::Function(Function::WeekStart, vec![read(of)]);
        let start = Expr { kind, ..read(of) };
        let begins = condition(ExprKind::Compare(CompareOp::Equal, Box::new(read(of)), Box::new(start)), table);
        let starts = aggregate(AggFunc::Count, None, Some(begins), Type::Count);
        items.push((format!("{WEEK_STARTS}{}", column.name), starts));
    }
    if let Some(time) = time(table) {
        let newest = aggregate(AggFunc::Max, Some(read(time)), past, time.ty);
        items.push((NEWEST.to_owned(), newest));
    }
    items
}

/// Whether a row is dated after `now` (a date: after `today`); none where nothing dates it, or all rows are kept.
fn is_future(table: &Table, fetch: &Fetch) -> Option<Expr> {
    let time = time(table).filter(|_| !fetch.future)?;
    let now = if time.ty == Type::Date { Constant::Today(0) } else { Constant::Now };
    let now = Expr::constant(now, time.ty, time.span);
    Some(condition(ExprKind::Compare(CompareOp::Greater, Box::new(read(time)), Box::new(now)), table))
}

/// Whether a row is of a day outside the window that is requested; none where there is no window, or no single day dates a row.
/// Of which day a moment is depends on the server's zone.
fn is_outside_window(table: &Table, fetch: &Fetch) -> Option<Expr> {
    let time = time(table).filter(|time| time.ty == Type::Date)?;
    let is_day = |column: &FetchColumn| column.name == time.name && column.by.is_none();
    let window = requested_window(fetch).filter(|_| fetch.columns.iter().any(is_day))?;
    let inside = condition(ExprKind::InWindow(Box::new(read(time)), window), table);
    Some(condition(ExprKind::Not(Box::new(inside)), table))
}

fn requested_window(fetch: &Fetch) -> Option<PastWindow> {
    let SourceKind::Endpoint(of) = &fetch.kind else { return None };
    of.call.arguments.iter().find_map(|(_, argument)| match argument {
        CallArgument::Window(Window { kind, span, .. }) => Some(PastWindow { kind: *kind, settles: 0, span: *span }),
        CallArgument::Value(_) => None,
    })
}

/// A row without a time stays.
fn is_past(future: Expr, table: &Table) -> Expr {
    let undated = condition(ExprKind::Known(Box::new(future.clone())), table);
    let undated = condition(ExprKind::Not(Box::new(undated)), table);
    let past = condition(ExprKind::Not(Box::new(future)), table);
    condition(ExprKind::Logic(Logic::Or, Box::new(undated), Box::new(past)), table)
}

fn condition(kind: ExprKind, table: &Table) -> Expr {
    Expr::new(kind, Type::Bool, true, table.span)
}

/// What dates a row.
fn time(table: &Table) -> Option<&Column> {
    table.column(table.time.as_deref()?)
}

fn read(column: &Column) -> Expr {
    Expr::column(&column.name, column.ty, column.unknown, column.span)
}

/// Columns to normalize: times of a longer period are truncated to its start, currencies are put in capitals, and
/// amounts in minor units of their row's currency are converted.
fn normalized(table: &Table, fetch: &Fetch, required: &[String], minor: bool) -> Vec<(String, Expr)> {
    let mut columns = Vec::new();
    for column in fetch.columns.iter().filter(|column| required.contains(&column.name)) {
        let Some(of) = table.column(&column.name) else { continue };
        let units = whole_units(column, of, table).filter(|_| minor);
        columns.extend(start_of_period(column, of).or_else(|| in_capitals(column, of)).or(units));
    }
    // Amounts read their currency as it is stored, in whatever letters: all of them come first.
    columns.sort_by_key(|(_, value)| !matches!(value.kind, ExprKind::WholeUnits(..)));
    columns
}

fn start_of_period(column: &FetchColumn, of: &Column) -> Option<(String, Expr)> {
    let start = column.by.map(Function::start_of)?;
    let kind = ExprKind::Function(start, vec![read(of)]);
    Some((of.name.clone(), Expr { kind, ..read(of) }))
}

fn in_capitals(column: &FetchColumn, of: &Column) -> Option<(String, Expr)> {
    column.is_currency.then(|| (of.name.clone(), capitals(of)))
}

fn capitals(of: &Column) -> Expr {
    let trimmed = Expr { kind: ExprKind::Function(Function::Trim, vec![read(of)]), ..read(of) };
    Expr { kind: ExprKind::Function(Function::Upper, vec![trimmed]), ..read(of) }
}

fn whole_units(column: &FetchColumn, of: &Column, table: &Table) -> Option<(String, Expr)> {
    let currency = table.column(column.minor_of.as_ref()?)?;
    let kind = ExprKind::WholeUnits(Box::new(read(of)), Box::new(capitals(currency)), column.minor_digits.clone());
    Some((of.name.clone(), Expr { kind, unknown: true, ..read(of) }))
}
