//! Typed expressions: data that any engine may run.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cpl_syntax::{
    Span,
    tree::{ArithOp, CompareOp, Direction, Logic},
};
use rust_decimal::Decimal;

use super::{
    AggFunc, Constant, EstimateForm, Function, Judged, Length, PastWindow, PatternValue, ProvenanceId, SurelyValue,
    TableId,
};
use crate::{clock::Grain, types::Type};

/// The name under which an action's arguments find the new value.
pub const NEW: &str = "new";

/// An expression with its type.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// The type of its value.
    pub ty: Type,
    /// Its value may be unknown.
    pub unknown: bool,
    /// Where it is written.
    pub span: Span,
    /// Where its value is written, if it is known by the name of a `let` or a metric.
    pub defined: Option<Span>,
    /// Of a computed column whose parts the plan keeps: what their columns are found by.
    pub provenance: Option<ProvenanceId>,
}

/// The forms of a typed expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A value written out.
    Constant(Constant),
    /// A column of the row.
    Column(String),
    /// In an action's arguments: the value a column is changed to.
    New,
    /// Three-valued `not`.
    Not(Box<Expr>),
    /// A text with holes: unknown where one of them is.
    Text(Vec<Piece>),
    /// `-x`
    Negate(Box<Expr>),
    /// Three-valued `and`, `or`.
    Logic(Logic, Box<Expr>, Box<Expr>),
    /// `+ - * /`; the types of the sides and of the result say which arithmetic is meant.
    Arith(ArithOp, Box<Expr>, Box<Expr>),
    /// `x ?? y`
    OrElse(Box<Expr>, Box<Expr>),
    /// `x < y`
    Compare(CompareOp, Box<Expr>, Box<Expr>),
    /// `x exceeds y by …`
    Exceeds(Direction, Box<Expr>, Box<Expr>, Option<Box<Margin>>),
    /// `x is within … of y`; true first where it is not within.
    Within(bool, Box<Expr>, Box<Expr>, Box<Margin>),
    /// `x is known`
    Known(Box<Expr>),
    /// `x in (a, b)`
    OneOf(Box<Expr>, Vec<Expr>),
    /// `day in last 7 days`
    InWindow(Box<Expr>, PastWindow),
    /// `day in a to b`, both ends included
    InRange(Box<Expr>, Box<Expr>, Box<Expr>),
    /// A function of the row.
    Function(Function, Vec<Expr>),
    /// An amount in minor units of the currency that a text names, in whole ones; unknown where it names none. The
    /// plan writes it for a fetch.
    WholeUnits(Box<Expr>, Box<Expr>, crate::types::MinorDigits),
    /// `total(T.column)`: the only value of that table, which holds the sum.
    Total(TableId),
    /// An aggregate over the rows of a group.
    Aggregate(Box<Aggregate>),
    /// What other rows of its series, or other series, say of a row.
    Series(Box<Series>),
    /// `applied(RULE over 7 days)`: how often a rule acted on the row.
    Applied(Box<Applied>),
    /// `x is surely below y`
    Surely(Box<Surely>),
    /// An aggregate over the days of a group.
    ByDay(Box<ByDay>),
}

/// Rows that follow each other in time, or stand side by side at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What is looked at.
    pub of: SeriesOf,
    /// The columns that name a series.
    pub key: Vec<Expr>,
    /// The column of its days or moments; none where a share is of the whole table.
    pub time: Option<Expr>,
}

/// The forms of such a look.
#[derive(Clone, Debug, PartialEq)]
pub enum SeriesOf {
    /// `lag(x, 7 days)`: the value so long before, by date and not by row.
    Lag(Expr, Length),
    /// `sum(x over 7 days)`: (row − 7 days, row]; with `before`: [row − 7 days, row). Within is an aggregate.
    Over(Expr, Length, bool),
    /// `share(x)`: x ÷ its sum over all series at the same time.
    Share(Expr),
    /// `usual(x)`, `x breaks pattern`: what the values before it say of x.
    Pattern(Box<Pattern>),
}

/// A look at what a value of a series usually is, by the periods before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// What of it is asked for.
    pub gives: PatternValue,
    /// The value.
    pub of: Operand,
    /// How far it looks back; none for what fits the periods.
    pub over: Option<Length>,
    /// How many deviations break it; none for the usual number.
    pub deviations: Option<Decimal>,
    /// How long a period is.
    pub grain: Grain,
    /// Whether a row is neither judged nor a part of what is usual.
    pub except: Option<Expr>,
    /// Which rows are judged.
    pub judged: Judged,
}

/// How often a rule acted on a row, in the windows that began in a time before this one.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The rule, by its name.
    pub rule: String,
    /// In how long a time.
    pub over: Length,
    /// The columns that name the row, as the rule names its rows; by their names.
    pub key: Vec<Expr>,
    /// What the past says; none before the plan is bound.
    pub counts: Option<Arc<AppliedCounts>>,
}

/// How often a rule acted on each row, by the raw values of the row's key in the order of their names. The others: never.
pub type AppliedCounts = BTreeMap<Vec<String>, i64>;

/// `A is surely below B at P`
#[derive(Clone, Debug, PartialEq)]
pub struct Surely {
    /// On which side of the second the first lies.
    pub direction: Direction,
    /// The first.
    pub left: Operand,
    /// The second.
    pub right: Operand,
    /// The least chance.
    pub least: Decimal,
    /// What of it is asked for.
    pub gives: SurelyValue,
}

/// A value that may tell how sure it is: a side of such a condition, or what is looked at for a pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    /// As it is written: what people are shown.
    pub value: Expr,
    /// What tells how sure it is, once the plan has found it; none of a value that is known exactly.
    pub estimate: Option<EstimateParts>,
}

/// The columns that tell how sure a value is.
#[derive(Clone, Debug, PartialEq)]
pub struct EstimateParts {
    /// What they are.
    pub form: EstimateForm,
    /// How many times the value is taken.
    pub factor: Decimal,
    /// Those of the form, and, of a count where the rows have days, four that tell how far the days scatter: the sum of each day's count,
    /// squared, divided by what it was counted in; the sums of both; how many days.
    pub parts: Vec<Expr>,
    /// What is counted, as people know it: `customers`.
    pub counted: String,
    /// What it is a share of.
    pub of: Option<String>,
}

/// Aggregates over the days of a group, each of which is aggregated first. The plan writes it; it becomes two operators.
#[derive(Clone, Debug, PartialEq)]
pub struct ByDay {
    /// The day of a row.
    pub day: Expr,
    /// What is computed of each day, by name.
    pub of_days: Vec<(String, Expr)>,
    /// An aggregate of those.
    pub value: Expr,
}

/// How far: a share of the other side, or an amount of its unit.
#[derive(Clone, Debug, PartialEq)]
pub enum Margin {
    /// `15%`
    Share(Expr),
    /// `$5`, `2 points`
    Absolute(Expr),
}

/// An aggregate: unknown values are skipped.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Which.
    pub func: AggFunc,
    /// Of what, in each row; none for `count()`.
    pub of: Option<Expr>,
    /// Which rows.
    pub filter: Option<Expr>,
    /// What orders the rows of `first` and `last`.
    pub by: Option<Expr>,
    /// Which share of the values a `quantile` leaves below it.
    pub share: Option<f64>,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Letters.
    Letters(String),
    /// A value, shown as the report shows it.
    Hole(Expr),
}

impl Piece {
    /// The expression of a hole.
    #[must_use]
    pub fn hole(&self) -> Option<&Expr> {
        match self {
            Self::Letters(_) => None,
            Self::Hole(hole) => Some(hole),
        }
    }
}

impl Expr {
    /// An expression that has no name of its own.
    #[must_use]
    pub fn new(kind: ExprKind, ty: Type, unknown: bool, span: Span) -> Self {
        Self { kind, ty, unknown, span, defined: None, provenance: None }
    }

    /// A column of that name and type.
    #[must_use]
    pub fn column(name: &str, ty: Type, unknown: bool, span: Span) -> Self {
        Self::new(ExprKind::Column(name.to_owned()), ty, unknown, span)
    }

    /// An aggregate that orders nothing and has no share.
    #[must_use]
    pub fn aggregate(func: AggFunc, of: Option<Self>, filter: Option<Self>, ty: Type, span: Span) -> Self {
        let kind = ExprKind::Aggregate(Box::new(Aggregate { func, of, filter, by: None, share: None }));
        Self::new(kind, ty, true, span)
    }

    /// An action's argument that takes the new value.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.kind == ExprKind::New
    }

    /// A number written without a unit, its sign included.
    #[must_use]
    pub fn is_bare_number(&self) -> bool {
        match &self.kind {
            ExprKind::Constant(_) => self.ty.is_quantity(),
            ExprKind::Negate(inner) => inner.is_bare_number(),
            _ => false,
        }
    }

    /// The amount, where it is written out.
    #[must_use]
    pub fn amount(&self) -> Option<Decimal> {
        match &self.kind {
            ExprKind::Constant(Constant::Integer(value)) => Some(Decimal::from(*value)),
            ExprKind::Constant(Constant::Decimal(value) | Constant::Multiple(value)) => Some(*value),
            ExprKind::Negate(inner) => inner.amount().map(|amount| -amount),
            _ => None,
        }
    }

    /// The literal `0`, which fits every unit.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        match &self.kind {
            ExprKind::Constant(Constant::Integer(0)) => true,
            ExprKind::Constant(Constant::Decimal(amount)) => self.ty == Type::Number && amount.is_zero(),
            _ => false,
        }
    }

    /// Its direct parts, those inside aggregates included.
    #[must_use]
    pub fn parts(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::Constant(_) | ExprKind::Column(_) | ExprKind::New | ExprKind::Total(_) => Vec::new(),
            ExprKind::Applied(applied) => applied.key.iter().collect(),
            ExprKind::Surely(surely) => surely.parts(),
            ExprKind::ByDay(by_day) => by_day.parts(),
            ExprKind::Not(a) | ExprKind::Negate(a) | ExprKind::Known(a) | ExprKind::InWindow(a, _) => vec![a],
            ExprKind::Logic(_, a, b)
            | ExprKind::Arith(_, a, b)
            | ExprKind::OrElse(a, b)
            | ExprKind::Compare(_, a, b)
            | ExprKind::WholeUnits(a, b, _) => vec![a, b],
            ExprKind::Exceeds(_, a, b, margin) => {
                let mut parts: Vec<&Self> = vec![a, b];
                parts.extend(margin.as_ref().map(|margin| margin.amount()));
                parts
            }
            ExprKind::Within(_, a, b, margin) => vec![a, b, margin.amount()],
            ExprKind::InRange(a, b, c) => vec![a, b, c],
            ExprKind::OneOf(a, values) => std::iter::once(&**a).chain(values).collect(),
            ExprKind::Function(_, args) => args.iter().collect(),
            ExprKind::Text(pieces) => pieces.iter().filter_map(Piece::hole).collect(),
            ExprKind::Aggregate(agg) => agg.of.iter().chain(&agg.filter).chain(&agg.by).collect(),
            ExprKind::Series(series) => series.of.values().into_iter().chain(&series.key).chain(&series.time).collect(),
        }
    }

    /// The same expression with each direct part replaced.
    #[must_use]
    pub fn map_parts(mut self, change: &mut impl FnMut(Self) -> Self) -> Self {
        let mut each = |part: &mut Self| {
            let taken = std::mem::replace(part, Self::column("", part.ty, false, part.span));
            *part = change(taken);
        };
        match &mut self.kind {
            ExprKind::Constant(_)
            | ExprKind::Column(_)
            | ExprKind::New
            | ExprKind::Total(_)
            | ExprKind::Aggregate(_)
            | ExprKind::Series(_)
            | ExprKind::ByDay(_) => {}
            ExprKind::Not(a) | ExprKind::Negate(a) | ExprKind::Known(a) | ExprKind::InWindow(a, _) => each(a),
            ExprKind::Logic(_, a, b)
            | ExprKind::Arith(_, a, b)
            | ExprKind::OrElse(a, b)
            | ExprKind::Compare(_, a, b)
            | ExprKind::WholeUnits(a, b, _) => [a, b].into_iter().for_each(|part| each(part)),
            ExprKind::Exceeds(_, a, b, margin) => {
                each(a);
                each(b);
                if let Some(margin) = margin {
                    each(margin.amount_mut());
                }
            }
            ExprKind::Within(_, a, b, margin) => {
                each(a);
                each(b);
                each(margin.amount_mut());
            }
            ExprKind::InRange(a, b, c) => [a, b, c].into_iter().for_each(|part| each(part)),
            ExprKind::OneOf(a, values) => {
                each(a);
                values.iter_mut().for_each(each);
            }
            ExprKind::Function(_, args) => args.iter_mut().for_each(each),
            ExprKind::Applied(applied) => applied.key.iter_mut().for_each(each),
            ExprKind::Surely(surely) => surely.parts_mut().for_each(each),
            ExprKind::Text(pieces) => {
                for piece in pieces {
                    if let Piece::Hole(hole) = piece {
                        each(hole);
                    }
                }
            }
        }
        self
    }

    /// Whether both compute the same, wherever they are written.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.clone().unplaced() == other.clone().unplaced()
    }

    /// The expression without its places.
    fn unplaced(mut self) -> Self {
        self.span = Span::default();
        self.defined = None;
        if let ExprKind::InWindow(_, window) = &mut self.kind {
            window.span = Span::default();
        }
        self.map_parts(&mut Self::unplaced)
    }

    /// A value that stands there.
    #[must_use]
    pub fn constant(value: Constant, ty: Type, span: Span) -> Self {
        Self::new(ExprKind::Constant(value), ty, false, span)
    }

    /// How many levels it has: one for itself, and those of its deepest part.
    #[must_use]
    pub fn depth(&self) -> usize {
        1 + self.parts().into_iter().map(Self::depth).max().unwrap_or(0)
    }

    /// Calls `visit` with it and everything in it.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        for part in self.parts() {
            part.walk(visit);
        }
    }

    /// Adds the names of the columns that it looks at.
    pub fn columns_into(&self, names: &mut BTreeSet<String>) {
        self.walk(&mut |part| {
            if let ExprKind::Column(name) = &part.kind {
                names.insert(name.clone());
            }
        });
    }

    /// Whether something is true of it, or of anything in it.
    #[must_use]
    pub fn any(&self, test: impl Fn(&ExprKind) -> bool) -> bool {
        let mut found = false;
        self.walk(&mut |part| found |= test(&part.kind));
        found
    }

    /// Whether it is a ratio that is written as `4x`, here or in the `let` that it comes from.
    #[must_use]
    pub fn is_multiple(&self) -> bool {
        match &self.kind {
            ExprKind::Constant(Constant::Multiple(_)) => true,
            ExprKind::Negate(inner) => inner.is_multiple(),
            _ => false,
        }
    }

    /// Whether it aggregates.
    #[must_use]
    pub fn has_aggregate(&self) -> bool {
        self.any(|kind| matches!(kind, ExprKind::Aggregate(_)))
    }

    /// Whether it looks at other rows of a series.
    #[must_use]
    pub fn has_window(&self) -> bool {
        self.any(|kind| matches!(kind, ExprKind::Series(_)))
    }

    /// The tables whose one value it reads.
    #[must_use]
    pub fn totals(&self) -> Vec<TableId> {
        let mut totals = Vec::new();
        self.walk(&mut |expr| {
            if let ExprKind::Total(table) = &expr.kind {
                totals.push(*table);
            }
        });
        totals
    }

    /// The columns it reads.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let mut columns = Vec::new();
        self.walk(&mut |expr| {
            if let ExprKind::Column(name) = &expr.kind {
                columns.push(name.as_str());
            }
        });
        columns
    }
}

impl SeriesOf {
    /// What is looked at, to be changed.
    pub fn values_mut(&mut self) -> Vec<&mut Expr> {
        match self {
            Self::Lag(value, _) | Self::Over(value, ..) | Self::Share(value) => vec![value],
            Self::Pattern(pattern) => pattern.of.parts_mut().chain(&mut pattern.except).collect(),
        }
    }

    /// What is looked at: the value first, then what else is read of a row.
    #[must_use]
    pub fn values(&self) -> Vec<&Expr> {
        match self {
            Self::Lag(value, _) | Self::Over(value, ..) | Self::Share(value) => vec![value],
            Self::Pattern(pattern) => pattern.of.parts().chain(&pattern.except).collect(),
        }
    }
}

impl Margin {
    fn amount_mut(&mut self) -> &mut Expr {
        match self {
            Self::Share(expr) | Self::Absolute(expr) => expr,
        }
    }

    /// The expression in it.
    #[must_use]
    pub fn amount(&self) -> &Expr {
        match self {
            Self::Share(expr) | Self::Absolute(expr) => expr,
        }
    }
}

impl Surely {
    /// Both sides.
    #[must_use]
    pub fn operands(&self) -> [&Operand; 2] {
        [&self.left, &self.right]
    }

    /// The columns by which it is judged: of each side those that tell how sure it is, or its value.
    #[must_use]
    pub fn columns(&self) -> Vec<&Expr> {
        [self.left.columns(), self.right.columns()].concat()
    }

    /// The expressions in it.
    fn parts(&self) -> Vec<&Expr> {
        self.operands().into_iter().flat_map(Operand::parts).collect()
    }

    /// The same, to be changed.
    pub fn parts_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        [&mut self.left, &mut self.right].into_iter().flat_map(Operand::parts_mut)
    }
}

impl Operand {
    /// A value of which nothing tells yet how sure it is.
    #[must_use]
    pub fn of(value: Expr) -> Self {
        Self { value, estimate: None }
    }

    /// The expressions in it.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Expr> {
        std::iter::once(&self.value).chain(self.estimate.iter().flat_map(|of| &of.parts))
    }

    pub(super) fn parts_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        std::iter::once(&mut self.value).chain(self.estimate.iter_mut().flat_map(|of| &mut of.parts))
    }

    fn columns(&self) -> Vec<&Expr> {
        self.estimate.as_ref().map_or_else(|| vec![&self.value], |estimate| estimate.parts.iter().collect())
    }
}

impl ByDay {
    /// The expressions in it that see the rows.
    fn parts(&self) -> Vec<&Expr> {
        std::iter::once(&self.day).chain(self.of_days.iter().map(|(_, value)| value)).collect()
    }
}
