//! Comparisons and questions: both sides need one unit.

use cpl_syntax::{
    Code, Diagnostic, Span, Spanned,
    tree::{self, CompareOp, Relation, Unit, WindowKind},
};
use rust_decimal::Decimal;

use super::{
    Checker,
    arith::{coerce_zero, zero_as},
    limits::MAX_DEPTH,
    scope::Scope,
    state::reporter::Checked,
};
use cpl_model::{
    clock::Grain,
    program::{Constant, Expr, ExprKind, Margin, PastWindow},
    types::Type,
};

impl Checker<'_> {
    pub(super) fn relation(
        &mut self,
        written: &tree::Expr,
        relation: &Relation,
        span: Span,
        scope: &Scope<'_>,
    ) -> Checked<Expr> {
        let compares = matches!(relation, Relation::Compare(..));
        let left = if compares { self.difference(written, scope) } else { self.expr(written, scope) };
        match relation {
            Relation::Compare(op, right) => {
                let points = [self.points(right), self.points(written)].into_iter().flatten().next();
                let right = self.difference(right, scope);
                self.compare(*op, left?, right?, points, span)
            }
            Relation::Exceeds { direction, than, by } => {
                let than = self.expr(than, scope);
                let (left, than) = self.comparable(left?, than?, true)?;
                let margin = match by {
                    Some(by) => {
                        let margin = self.margin(by, left.ty, scope)?;
                        self.whole_days(&left, &than, &margin)?;
                        Some(Box::new(margin))
                    }
                    None => None,
                };
                let unknown = left.unknown || than.unknown || margin.as_ref().is_some_and(|m| m.amount().unknown);
                let kind = ExprKind::Exceeds(*direction, Box::new(left), Box::new(than), margin);
                Ok(boolean(kind, unknown, span))
            }
            Relation::Within { inverted, margin, of } => {
                let of = self.expr(of, scope);
                let (left, of) = self.comparable(left?, of?, true)?;
                let margin = self.margin(margin, left.ty, scope)?;
                self.whole_days(&left, &of, &margin)?;
                let unknown = left.unknown || of.unknown || margin.amount().unknown;
                let kind = ExprKind::Within(*inverted, Box::new(left), Box::new(of), Box::new(margin));
                Ok(boolean(kind, unknown, span))
            }
            Relation::Surely { direction, than, at } => {
                self.surely(left?, (*direction, than, at.as_deref()), span, scope)
            }
            Relation::Known(known) => {
                let known_test = boolean(ExprKind::Known(Box::new(left?)), false, span);
                Ok(inverted_if(!known, known_test))
            }
            Relation::BreaksPattern { over, by } => self.breaks_pattern(left?, *over, by.as_ref(), span, scope),
            Relation::InTuple { inverted, values } => self.in_tuple(*inverted, left, values, span, scope),
            Relation::InWindow { inverted, window } => self.in_window(*inverted, left?, *window, span, scope),
            Relation::InRange { inverted, from, to } => {
                let (from, to) = (self.expr(from, scope), self.expr(to, scope));
                let (left, from) = self.comparable(left?, from?, true)?;
                let (left, to) = self.comparable(left, to?, true)?;
                if let (ExprKind::Constant(Constant::Date(first)), ExprKind::Constant(Constant::Date(last))) =
                    (&from.kind, &to.kind)
                    && first > last
                {
                    return self.refuse(Code::E0103, "no day lies between these", to.span, "ends before it begins");
                }
                let unknown = left.unknown || from.unknown || to.unknown;
                let kind = ExprKind::InRange(Box::new(left), Box::new(from), Box::new(to));
                Ok(inverted_if(*inverted, boolean(kind, unknown, span)))
            }
        }
    }

    fn compare(
        &mut self,
        op: Spanned<CompareOp>,
        left: Expr,
        right: Expr,
        points: Option<Span>,
        span: Span,
    ) -> Checked<Expr> {
        let difference =
            [&left, &right].iter().any(|side| matches!(side.kind, ExprKind::Arith(tree::ArithOp::Subtract, ..)));
        if let Some(points) = points
            && !difference
        {
            let help = "compare with a ratio (`3%`), or a difference of ratios with points";
            return self.fail(
                Diagnostic::new(Code::E0301, "points tell how far two ratios are apart")
                    .at(points, "nothing is subtracted on the other side")
                    .help(help),
            );
        }
        let ordered = !matches!(op.value, CompareOp::Equal | CompareOp::Unequal);
        let (left, right) = self.comparable(left, right, ordered)?;
        let unknown = left.unknown || right.unknown;
        Ok(boolean(ExprKind::Compare(op.value, Box::new(left), Box::new(right)), unknown, span))
    }

    /// A moment and a day are compared by day: the margin must be in whole days.
    fn whole_days(&mut self, left: &Expr, right: &Expr, margin: &Margin) -> Checked<()> {
        const DAY: i64 = 86_400_000_000;
        let mixed = left.ty != right.ty && left.ty.is_time() && right.ty.is_time();
        let days = matches!(margin.amount().kind, ExprKind::Constant(Constant::Duration(micros)) if micros % DAY == 0);
        if !mixed || days {
            return Ok(());
        }
        self.fail(
            Diagnostic::new(Code::E0301, "a moment and a day are whole days apart")
                .at(margin.amount().span, "wanted: days, such as `2 days`")
                .at(left.span, format!("this is {}", left.ty))
                .at(right.span, format!("this is {}", right.ty))
                .help("or hold two moments against each other"),
        )
    }

    /// Two sides of one unit; 0 and bare numbers take the other's.
    pub(super) fn comparable(&mut self, left: Expr, right: Expr, ordered: bool) -> Checked<(Expr, Expr)> {
        self.no_months(&left)?;
        self.no_months(&right)?;
        let (left, right) = coerce_zero(left, right);
        let (left, right) = (self.bare_as_ratio(left, &right)?, right);
        let right = self.bare_as_ratio(right, &left)?;
        if !left.ty.compares_with(right.ty) {
            return self.mismatch("is compared with", &left, &right);
        }
        if ordered && matches!(left.ty, Type::Bool | Type::Weekday | Type::Personal) {
            return self.refuse(
                Code::E0301,
                format!("{} has no order", left.ty),
                left.span.to(right.span),
                "only `=` and `!=` fit here",
            );
        }
        Ok((left, right))
    }

    /// A bare number compared with a ratio. Up to 1 it is a ratio; above 1 it must be written `3.2%` or `4x`.
    fn bare_as_ratio(&mut self, expr: Expr, other: &Expr) -> Checked<Expr> {
        if other.ty != Type::Ratio || !expr.is_bare_number() {
            return Ok(expr);
        }
        let amount = match &expr.kind {
            ExprKind::Constant(Constant::Integer(value)) => Decimal::from(*value),
            ExprKind::Constant(Constant::Decimal(value) | Constant::Multiple(value)) => *value,
            _ => Decimal::ZERO,
        };
        if amount <= Decimal::ONE {
            return Ok(Expr { ty: Type::Ratio, kind: as_decimal(expr.kind), ..expr });
        }
        let written = self.written(expr.span);
        self.fail(
            Diagnostic::new(Code::E0304, format!("a ratio is compared with the bare number {written}"))
                .at(expr.span, "percent, or times?")
                .at(other.span, "this is a ratio")
                .help(format!("write `{written}%` for percent, or `{written}x` for times"))
                .offer(expr.span, format!("{written}%"))
                .offer(expr.span, format!("{written}x")),
        )
    }

    /// An expression that may be in points, because it is a difference of two ratios.
    pub(super) fn difference(&mut self, written: &tree::Expr, scope: &Scope<'_>) -> Checked<Expr> {
        let fits = self.points(written).map(|_| written.span);
        let outer = std::mem::replace(&mut self.position.points, fits);
        let typed = self.expr(written, scope);
        self.position.points = outer;
        typed
    }

    /// The span of points, with or without a sign, or of a `let` whose value is points.
    pub(super) fn points(&self, expr: &tree::Expr) -> Option<Span> {
        let mut value = expr;
        // One that is defined by itself is reported elsewhere.
        for _ in 0..MAX_DEPTH {
            value = match &value.kind {
                tree::ExprKind::Literal(tree::Literal::Points(_)) => return Some(expr.span),
                tree::ExprKind::Negate(inner) => inner,
                tree::ExprKind::Path(path) if path.table.is_none() => &self.lets.item(path.name.as_str())?.value,
                _ => return None,
            };
        }
        None
    }

    /// Reports points where no difference is expected.
    pub(super) fn no_points(&mut self, written: &tree::Expr) -> Checked<()> {
        let Some(points) = self.points(written) else { return Ok(()) };
        if self.position.points.is_some_and(|fits| fits.start <= points.start && points.end <= fits.end) {
            return Ok(());
        }
        let diagnostic = Diagnostic::new(Code::E0301, "points tell how far two ratios are apart");
        let diagnostic = diagnostic.at(points, "nothing is held against another here");
        self.fail(
            diagnostic
                .help("write a ratio: `2%`; points stand behind `by`, `within`, `+`, `-`, and next to a difference"),
        )
    }

    /// `by 15%` of the other side, or by an amount of its unit.
    fn margin(&mut self, written: &tree::Expr, ty: Type, scope: &Scope<'_>) -> Checked<Margin> {
        let margin = self.difference(written, scope)?;
        let margin = zero_as(margin, ty);
        if self.points(written).is_some() {
            if ty == Type::Ratio {
                return Ok(Margin::Absolute(margin));
            }
            return self.refuse(
                Code::E0301,
                format!("points tell how far ratios are apart, and this is {ty}"),
                written.span,
                "wanted: a share such as `15%`, or an amount",
            );
        }
        if margin.ty == Type::Ratio && ty.is_amount() {
            return Ok(Margin::Share(margin));
        }
        if ty != Type::Ratio && margin.ty.compares_with(ty) {
            return Ok(Margin::Absolute(margin));
        }
        if ty.is_time() && margin.ty == Type::Duration {
            self.no_months(&margin)?;
            return Ok(Margin::Absolute(margin));
        }
        if ty.is_time() {
            let label = "wanted: a length of time such as `2 days`";
            return self.refuse(Code::E0301, format!("{} can't be a margin for {ty}", margin.ty), written.span, label);
        }
        self.refuse(
            Code::E0301,
            format!("{} can't be a margin for {ty}", margin.ty),
            written.span,
            "wanted: a share such as `15%`, or an amount of that unit",
        )
    }

    fn in_tuple(
        &mut self,
        inverted: bool,
        left: Checked<Expr>,
        values: &[tree::Expr],
        span: Span,
        scope: &Scope<'_>,
    ) -> Checked<Expr> {
        let values: Vec<_> = values.iter().map(|value| self.expr(value, scope)).collect();
        let mut left = left?;
        let mut fitting = Vec::new();
        for value in values {
            let (same, value) = self.comparable(left, value?, false)?;
            left = same;
            fitting.push(value);
        }
        let unknown = left.unknown || fitting.iter().any(|value| value.unknown);
        Ok(inverted_if(inverted, boolean(ExprKind::OneOf(Box::new(left), fitting), unknown, span)))
    }

    fn in_window(
        &mut self,
        inverted: bool,
        left: Expr,
        window: tree::Window,
        span: Span,
        scope: &Scope<'_>,
    ) -> Checked<Expr> {
        if !left.ty.is_time() {
            return self.refuse(
                Code::E0301,
                format!("a window holds days, and this is {}", left.ty),
                left.span,
                "wanted: a date or a datetime",
            );
        }
        if let WindowKind::Last(length, unit) = window.kind {
            if length == 0 {
                return self.refuse(Code::E0103, "a window of no length holds nothing", window.span, "at least 1");
            }
            if matches!(unit, Unit::Second | Unit::Minute) {
                return self.refuse(Code::E0103, "windows are of hours or longer", window.span, "too short");
            }
            if unit == Unit::Hour && left.ty == Type::Date {
                return self.refuse(Code::E0301, "a date has no hours", left.span, "wanted: a datetime");
            }
        }
        let grain = match &left.kind {
            ExprKind::Column(name) => scope.column(name).and_then(|column| column.grain),
            _ => None,
        };
        let (unknown, window) = (left.unknown, self.past_window(window, scope.settles, grain)?);
        let kind = ExprKind::InWindow(Box::new(left), window);
        Ok(inverted_if(inverted, boolean(kind, unknown, span)))
    }

    /// A window over a table whose figures move for so long, in microseconds, by a date that stands for such a period.
    pub(super) fn past_window(
        &mut self,
        window: tree::Window,
        settles: Option<i64>,
        grain: Option<Grain>,
    ) -> Checked<PastWindow> {
        let tree::Window { kind, settled, span } = window;
        let Some(word) = settled else { return Ok(PastWindow { kind, settles: 0, span }) };
        if !matches!(kind, WindowKind::Last(_, Unit::Day | Unit::Week | Unit::Month)) {
            return self.refuse(
                Code::E0103,
                "only days, weeks and months can be settled",
                span,
                "wanted: `last 7 settled days`",
            );
        }
        // A day of a week says nothing of whether all of the week has settled.
        if let (Some(Grain::Week), WindowKind::Last(_, Unit::Day | Unit::Month))
        | (Some(Grain::Month), WindowKind::Last(_, Unit::Day | Unit::Week)) = (grain, kind)
        {
            let one = grain.map_or("", Grain::word);
            let label = format!("wanted: `last 2 settled {one}s`");
            return self.refuse(
                Code::E0103,
                format!("a row stands for a whole {one}, which settles as one"),
                span,
                label,
            );
        }
        match settles {
            Some(settles) => Ok(PastWindow { kind, settles, span }),
            None => self.fail(
                Diagnostic::new(Code::E0406, "nothing says how long these figures still move")
                    .at(word, "settled after how long?")
                    .help(
                        "add `settles within 3 days` to the fetch: how long a day's figures still move once it is over; or `restated` to the endpoint of a connector",
                    ),
            ),
        }
    }
}

fn boolean(kind: ExprKind, unknown: bool, span: Span) -> Expr {
    Expr::new(kind, Type::Bool, unknown, span)
}

fn inverted_if(inverted: bool, expr: Expr) -> Expr {
    if !inverted {
        return expr;
    }
    let (unknown, span) = (expr.unknown, expr.span);
    boolean(ExprKind::Not(Box::new(expr)), unknown, span)
}

fn as_decimal(kind: ExprKind) -> ExprKind {
    match kind {
        ExprKind::Constant(Constant::Integer(value)) => ExprKind::Constant(Constant::Decimal(Decimal::from(value))),
        other => other,
    }
}
