//! The dashboard and the rules.

use cpl_syntax::{
    Span,
    tree::{Direction, Extreme, Level},
};

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{ActionCall, Credential, Expr, Grain, PastWindow, Piece, Request, TableId};
use crate::{clock::weekday, types::Type};

/// The constraint and its three drivers.
#[derive(Clone, Debug)]
pub struct Dashboard {
    /// The table.
    pub table: TableId,
    /// The constraint first, then the drivers.
    pub metrics: Vec<DashboardMetric>,
    /// The window looked at, on the table's time column.
    pub over: Option<PastWindow>,
    /// What the values are also shown by.
    pub by: Option<String>,
    /// Where it stands.
    pub span: Span,
}

/// One metric shown.
#[derive(Clone, Debug)]
pub struct DashboardMetric {
    /// The metric's name.
    pub name: String,
    /// The aggregate over the dashboard's table.
    pub value: Expr,
    /// What it should be.
    pub goal: Option<Goal>,
}

/// Which side of what is good.
#[derive(Clone, Debug)]
pub struct Goal {
    /// The good side.
    pub direction: Direction,
    /// A constant.
    pub bound: Expr,
}

/// The rows a rule looks at.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The table.
    pub table: TableId,
    /// The columns that name a row; none for a one-row table.
    pub key: Vec<String>,
    /// Of a series: the row of its newest complete period.
    pub newest: Option<Newest>,
    /// The periods that are left out.
    pub except: Option<Except>,
}

/// `except on TABLE`: periods that are neither judged nor a part of what is usual.
#[derive(Clone, Debug, PartialEq)]
pub struct Except {
    /// The table that names them.
    pub table: TableId,
    /// Its column of their starts.
    pub time: String,
    /// It names days, and the rule's rows are hours.
    pub by_day: bool,
    /// The columns of its key, and of the rule's, that name the rows of which they are left out; none for all.
    pub on: Vec<String>,
    /// Where it is written.
    pub span: Span,
}

/// The newest complete period of each series.
#[derive(Clone, Debug)]
pub struct Newest {
    /// The column of its starts.
    pub time: String,
    /// How long it is.
    pub grain: Grain,
    /// The days it may be; none for all.
    pub on: Vec<super::Day>,
}

/// A rule that acts.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Its name.
    pub name: String,
    /// Where it is named.
    pub span: Span,
    /// The rows it looks at.
    pub rows: Rows,
    /// All of them must be true: the conjuncts of `when`, then those of `require`.
    pub when: Vec<Expr>,
    /// The days it is looked at; none for all.
    pub on: Vec<super::Day>,
    /// What it does.
    pub actions: Vec<Action>,
    /// `keep COLUMN …`
    pub keep: Vec<KeepBound>,
    /// `keep total COLUMN …`
    pub totals: Vec<KeepTotal>,
    /// `at most N per run`
    pub at_most: Option<AtMost>,
    /// `cooldown DURATION`, in microseconds.
    pub cooldown: Option<i64>,
    /// `keep change within R per DURATION`
    pub keep_change: Option<KeepChange>,
    /// `no reversal within DURATION`, in microseconds.
    pub no_reversal: Option<i64>,
    /// `hands off for DURATION`, in microseconds.
    pub hands_off: Option<i64>,
    /// `approval required`
    pub approval: Option<Approval>,
}

/// `keep change within R per DURATION`: how far a value may move in that time, all changes of it together.
#[derive(Clone, Debug)]
pub struct KeepChange {
    /// The ratio: of the value at the time's start.
    pub within: Expr,
    /// The time, in microseconds.
    pub per: i64,
    /// Where it is written.
    pub span: Span,
}

/// `approval required [above AMOUNT|RATIO]`
#[derive(Clone, Debug)]
pub struct Approval {
    /// The largest change that needs none: an amount, or a share of the value before; none where each change needs it.
    pub above: Option<Step>,
}

/// One `then`.
#[derive(Clone, Debug)]
pub enum Action {
    /// A column gets a new value.
    Change {
        /// The column, which holds the current value.
        column: String,
        /// Its type.
        ty: Type,
        /// How the new value is found.
        step: Step,
        /// Where it goes.
        via: Via,
    },
    /// An amount goes from one column of the row to another.
    Move {
        /// How much: of that unit, or a share of `from`.
        amount: Step,
        /// The column that is lowered.
        from: String,
        /// The column that is raised.
        to: String,
        /// Their type.
        ty: Type,
        /// Where it goes.
        via: Via,
    },
    /// An amount of a column goes from one of the rows that fire to another.
    MoveRows {
        /// How much: of that unit, or a share of the column in the first row.
        amount: Step,
        /// The column.
        column: String,
        /// Its type.
        ty: Type,
        /// Which row it leaves.
        from: Box<(Extreme, Expr)>,
        /// Which row it goes to.
        to: Box<(Extreme, Expr)>,
        /// Where it goes.
        via: Via,
    },
    /// Something is called.
    Call {
        /// What.
        via: Via,
    },
}

/// How a new value is found.
#[derive(Clone, Debug)]
pub enum Step {
    /// By a share of the current value.
    Share(Expr),
    /// By an amount.
    Amount(Expr),
    /// To a value.
    To(Expr),
}

/// Where an effect goes.
#[derive(Clone, Debug)]
pub struct Via {
    /// The target's place in `Program::targets`.
    pub target: usize,
    /// What is passed on.
    pub arguments: Vec<(String, Expr)>,
    /// Where it stands.
    pub span: Span,
}

/// A bound of a column.
#[derive(Clone, Debug)]
pub struct KeepBound {
    /// The column.
    pub column: String,
    /// Floor or cap.
    pub bound: Bound,
    /// Where it stands.
    pub span: Span,
}

/// Floor or cap.
#[derive(Clone, Debug)]
pub enum Bound {
    /// At least.
    Floor(Expr),
    /// At most.
    Cap(Expr),
}

/// A bound of a column's total over all rows of the table.
#[derive(Clone, Debug)]
pub struct KeepTotal {
    /// The column.
    pub column: String,
    /// The cap, the same for all rows; none for `unchanged`.
    pub cap: Option<Expr>,
    /// Where it stands.
    pub span: Span,
}

/// How many rows may act in one run.
#[derive(Clone, Debug)]
pub struct AtMost {
    /// How many.
    pub limit: u32,
    /// Which first; else by key.
    pub first: Option<(Extreme, Expr)>,
}

/// A rule that sends a message.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Its name.
    pub name: String,
    /// Where it is named.
    pub span: Span,
    /// The rows it looks at.
    pub rows: Rows,
    /// All of them must be true.
    pub when: Vec<Expr>,
    /// The days it is looked at; none for all.
    pub on: Vec<super::Day>,
    /// How grave it is.
    pub severity: Level,
    /// The message.
    pub say: Vec<Piece>,
    /// `to TARGET`, by its place in `Program::targets`; none where `alerts to` says it.
    pub to: Option<usize>,
    /// `repeat after DURATION`, in microseconds.
    pub repeat_after: Option<i64>,
}

/// `alerts to TARGET at most N per week`: where the messages of alerts go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageBudget {
    /// The target's place in `Program::targets`.
    pub target: usize,
    /// How many messages a week are sent at most, where it says so.
    pub per_week: Option<u32>,
}

/// Where effects go.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Where it is named.
    pub span: Span,
    /// What it is.
    pub kind: TargetKind,
    /// What it takes; without any, whatever it is given.
    pub parameters: Vec<Parameter>,
    /// The arguments that it gives by itself and that name the thing changed, with their raw values.
    pub given_keys: Vec<(String, String)>,
}

/// What a target takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// It names the thing changed.
    pub key: bool,
    /// It may be left out.
    pub optional: bool,
}

impl Target {
    /// Whether arguments name the thing changed, and not the row.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        !self.given_keys.is_empty() || self.parameters.iter().any(|parameter| parameter.key)
    }

    /// The smallest step of the value that it takes, where its connector says so.
    #[must_use]
    pub fn unit(&self) -> Option<Decimal> {
        match &self.kind {
            TargetKind::Action(call) => call.action.unit,
            _ => None,
        }
    }
}

/// What a target is.
#[derive(Clone, Debug, PartialEq)]
pub enum TargetKind {
    /// The report itself.
    Print,
    /// A file of one JSON line an effect, at a path relative to the pipeline's file.
    File(FilePath),
    /// A channel of Slack, by the address of its webhook.
    Slack(Credential),
    /// A mailbox. No version sends to it yet.
    Email(Credential),
    /// An address that takes any JSON.
    Webhook {
        /// The address.
        address: Credential,
        /// What requests are signed with.
        key: Option<Credential>,
    },
    /// A request.
    Http(Box<Request>),
    /// An action of a connector, with the arguments that the target gives.
    Action(Box<ActionCall>),
}

/// The path of a file target, which may hold the window's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePath(pub Vec<PathPiece>);

/// A piece of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPiece {
    /// Letters.
    Letters(String),
    /// `{window}`
    Window,
}

impl FilePath {
    /// The path in a window of that name.
    #[must_use]
    pub fn at(&self, window: &str) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            PathPiece::Letters(letters) => letters.as_str(),
            PathPiece::Window => window,
        });
        pieces.collect()
    }
}

impl Dashboard {
    /// The expressions it computes.
    #[must_use]
    pub fn exprs(&self) -> Vec<&Expr> {
        self.metrics.iter().map(|metric| &metric.value).collect()
    }

    /// The tables it looks at, its own first.
    #[must_use]
    pub fn inputs(&self) -> Vec<TableId> {
        with_totals(self.table, &self.exprs())
    }
}

impl Decision {
    /// The expressions that are computed of each row.
    #[must_use]
    pub fn exprs(&self) -> Vec<&Expr> {
        let bounds = self.keep.iter().map(|keep| match &keep.bound {
            Bound::Floor(bound) | Bound::Cap(bound) => bound,
        });
        let first = self.at_most.iter().filter_map(|at_most| at_most.first.as_ref()).map(|(_, first)| first);
        let caps = self.totals.iter().filter_map(|total| total.cap.as_ref());
        let within = self.keep_change.iter().map(|keep| &keep.within);
        let above = self.approval.iter().filter_map(|approval| approval.above.as_ref()).map(Step::expr);
        let when = self.when.iter().chain(self.actions.iter().flat_map(Action::exprs));
        when.chain(bounds).chain(caps).chain(first).chain(within).chain(above).collect()
    }

    /// The tables it looks at, its own first.
    #[must_use]
    pub fn inputs(&self) -> Vec<TableId> {
        self.rows.inputs(&self.exprs())
    }
}

impl Action {
    /// Where it goes.
    #[must_use]
    pub fn via(&self) -> &Via {
        match self {
            Self::Change { via, .. } | Self::Move { via, .. } | Self::MoveRows { via, .. } | Self::Call { via } => via,
        }
    }

    /// The type of what it changes; none for a call.
    #[must_use]
    pub fn ty(&self) -> Option<Type> {
        match self {
            Self::Change { ty, .. } | Self::Move { ty, .. } | Self::MoveRows { ty, .. } => Some(*ty),
            Self::Call { .. } => None,
        }
    }

    /// The columns it changes.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::Change { column, .. } | Self::MoveRows { column, .. } => vec![column],
            Self::Move { from, to, .. } => vec![from, to],
            Self::Call { .. } => Vec::new(),
        }
    }

    fn exprs(&self) -> Vec<&Expr> {
        let step = match self {
            Self::Change { step, .. } | Self::Move { amount: step, .. } | Self::MoveRows { amount: step, .. } => {
                Some(step.expr())
            }
            Self::Call { .. } => None,
        };
        let rows = match self {
            Self::MoveRows { from, to, .. } => vec![&from.1, &to.1],
            _ => Vec::new(),
        };
        let arguments = self.via().arguments.iter().map(|(_, value)| value).filter(|value| !value.is_new());
        step.into_iter().chain(rows).chain(arguments).collect()
    }
}

impl Step {
    /// The share, the amount or the value.
    #[must_use]
    pub fn expr(&self) -> &Expr {
        match self {
            Self::Share(expr) | Self::Amount(expr) | Self::To(expr) => expr,
        }
    }
}

impl Alert {
    /// The expressions that are computed of each row.
    #[must_use]
    pub fn exprs(&self) -> Vec<&Expr> {
        self.when.iter().chain(self.say.iter().filter_map(Piece::hole)).collect()
    }

    /// The tables it looks at, its own first.
    #[must_use]
    pub fn inputs(&self) -> Vec<TableId> {
        self.rows.inputs(&self.exprs())
    }
}

impl Rows {
    /// Whether a rule of some days of the week, or of all, looks at them in a window of that day. On a series of days they are the days of
    /// its rows, and it looks at them in each window.
    #[must_use]
    pub fn is_looked_at(&self, on: &[super::Day], window: Date) -> bool {
        let of_rows = self.newest.as_ref().is_some_and(|newest| newest.grain == Grain::Day);
        on.is_empty() || of_rows || on.contains(&weekday(window))
    }

    /// The tables that a rule on them looks at, which computes those expressions; its own first.
    #[must_use]
    pub fn inputs(&self, exprs: &[&Expr]) -> Vec<TableId> {
        let mut inputs = with_totals(self.table, exprs);
        inputs.extend(self.except.as_ref().map(|except| except.table));
        inputs
    }
}

fn with_totals(table: TableId, exprs: &[&Expr]) -> Vec<TableId> {
    std::iter::once(table).chain(exprs.iter().flat_map(|expr| expr.totals())).collect()
}
