//! Window functions: `lag`, `change`, `share`, aggregates `over` a window.

use cpl_syntax::{
    Code, Diagnostic, Span,
    tree::{self, Arg, ArithOp, Unit, WindowKind, WindowOver},
};

use super::{
    Checker,
    call::SeriesFunction,
    scope::{Place, Scope},
    state::reporter::Checked,
};
use cpl_model::{
    program::{Constant, Expr, ExprKind, Grain, Length, Series, SeriesOf},
    types::Type,
};

impl Checker<'_> {
    /// A metric or an aggregate with `over`: each aggregate in it looks over the window.
    pub(super) fn over(&mut self, call: &tree::Call, over: WindowOver, span: Span, scope: &Scope<'_>) -> Checked<Expr> {
        if matches!(scope.place, Place::Group(_)) {
            let help = "take `over` out, or compute it in a `derive` behind the group";
            return self.refuse(Code::E0305, "a group has no series to look back over", over.window.span, help);
        }
        let (key, time) = self.series_of(span, scope)?;
        let Some(time) = time else {
            return self.no_series(span);
        };
        let length = self.length(over.window)?;
        self.fits(length, &time, over.window.span, scope)?;
        let inner = Scope { place: Place::Group(&[]), ..scope.clone() };
        let plain = tree::Call { over: None, ..call.clone() };
        let value = self.call(&plain, span, &inner)?;
        Ok(Expr { span, ..each_over(value, length, over.before, &key, &time) })
    }

    /// `lag(x, 7 days)`, `change(x, 7 days)`, `share(x)`.
    pub(super) fn series(
        &mut self,
        which: SeriesFunction,
        call: &tree::Call,
        span: Span,
        scope: &Scope<'_>,
    ) -> Checked<Expr> {
        match which {
            SeriesFunction::Usual => return self.usual(call, span, scope),
            SeriesFunction::Applied => return self.applied(call, span, scope),
            _ => {}
        }
        if call.filter.is_some() || call.over.is_some() {
            let message = format!("`{}` takes no `where` and no `over`", which.word());
            return self.refuse(Code::E0308, message, span, "wanted: a column");
        }
        match (which, call.args.as_slice()) {
            (SeriesFunction::Lag, [Arg::Plain(value), Arg::Plain(back)]) => self.lag(value, back, span, scope),
            (SeriesFunction::Change, [Arg::Plain(value), Arg::Plain(back)]) => {
                let value_now = self.expr(value, scope)?;
                if !value_now.ty.is_amount() {
                    let message = format!("a change of {}", value_now.ty);
                    return self.refuse(Code::E0308, message, value_now.span, "wanted: money, numbers or ratios");
                }
                let before = self.lag(value, back, span, scope)?;
                let ratio = arith(ArithOp::Divide, value_now, before, span);
                let one =
                    Expr { kind: ExprKind::Constant(Constant::Decimal(rust_decimal::Decimal::ONE)), ..ratio.clone() };
                Ok(arith(ArithOp::Subtract, ratio, one, span))
            }
            (SeriesFunction::Share, [Arg::Plain(value)]) => {
                let value = self.expr(value, scope)?;
                self.one_currency(&value, &[])?;
                if !value.ty.is_amount() || value.ty == Type::Ratio {
                    let message = format!("a share of {}", value.ty);
                    return self.refuse(Code::E0308, message, value.span, "wanted: money or numbers");
                }
                let (key, time) = self.series_of(span, scope)?;
                let series = Series { of: SeriesOf::Share(value), key, time };
                Ok(Expr::new(ExprKind::Series(Box::new(series)), Type::Ratio, true, span))
            }
            (SeriesFunction::Lag | SeriesFunction::Change, _) => {
                let usage = format!("wanted: `{}(column, 7 days)`", which.word());
                self.refuse(Code::E0308, format!("`{}` can't be called with these", which.word()), span, usage)
            }
            (SeriesFunction::Share, _) => {
                self.refuse(Code::E0308, "`share` can't be called with these", span, "wanted: `share(column)`")
            }
            (SeriesFunction::Total, _) if matches!(scope.place, Place::Constant) => {
                self.refuse(Code::E0305, "`total` needs rows, and a constant has none", span, "write a value")
            }
            (SeriesFunction::Total, [Arg::Plain(tree::Expr { kind: tree::ExprKind::Path(path), .. })])
                if let Some(table) = &path.table =>
            {
                self.total(table, &path.name, span)
            }
            (SeriesFunction::Total, _) => {
                self.refuse(Code::E0308, "`total` can't be called with these", span, "wanted: `total(table.column)`")
            }
            (SeriesFunction::Usual | SeriesFunction::Applied, _) => unreachable!("these have their own ways"),
        }
    }

    fn lag(&mut self, value: &tree::Expr, back: &tree::Expr, span: Span, scope: &Scope<'_>) -> Checked<Expr> {
        let value = self.expr(value, scope)?;
        self.one_currency(&value, scope.key.unwrap_or_default())?;
        let tree::ExprKind::Literal(tree::Literal::Duration(length, unit)) = &back.kind else {
            return self.refuse(Code::E0307, "how long before?", back.span, "wanted: a length such as `7 days`");
        };
        let (key, time) = self.series_of(span, scope)?;
        let Some(of) = &time else { return self.no_series(span) };
        let ty = value.ty;
        let length = Length { length: *length, unit: *unit };
        self.fits(length, of, back.span, scope)?;
        let series = Series { of: SeriesOf::Lag(value, length), key, time };
        Ok(Expr::new(ExprKind::Series(Box::new(series)), ty, true, span))
    }

    /// The columns that name a series, and the one that dates its rows.
    pub(super) fn series_of(&mut self, span: Span, scope: &Scope<'_>) -> Checked<(Vec<Expr>, Option<Expr>)> {
        if matches!(scope.place, Place::Constant) {
            return self.refuse(Code::E0305, "a constant has no rows", span, "wanted: a value");
        }
        let Some(key) = scope.key else {
            return self.fail(
                Diagnostic::new(Code::E0401, "which rows belong together? The table has no key here")
                    .at(span, "looks at other rows")
                    .help("`derive` it in a transform of a table with a key"),
            );
        };
        let key = key.iter().filter_map(|name| scope.column(name));
        let (mut names, mut time) = (Vec::new(), None);
        for column in key {
            let expr = Expr::column(&column.name, column.ty?, column.unknown, span);
            if expr.ty.is_time() { time = Some(expr) } else { names.push(expr) }
        }
        Ok((names, time))
    }

    /// A length counts whole periods of the series: else it would meet a row by chance, or never.
    pub(super) fn fits(&mut self, length: Length, time: &Expr, at: Span, scope: &Scope<'_>) -> Checked<()> {
        let grain = match &time.kind {
            ExprKind::Column(name) => scope.column(name).and_then(|column| column.grain),
            _ => None,
        };
        let weeks = matches!(length.unit, Unit::Day) && length.length.is_multiple_of(7);
        let (fits, wanted) = match (grain, time.ty) {
            _ if length.length == 0 => (false, "`1 day`"),
            (Some(Grain::Month), _) => (length.unit == Unit::Month, "`1 month`"),
            (Some(Grain::Week), _) => (length.unit == Unit::Week || weeks, "`1 week`"),
            (_, Type::Date) => (matches!(length.unit, Unit::Day | Unit::Week | Unit::Month), "`7 days`"),
            (Some(Grain::Hour), _) => (!matches!(length.unit, Unit::Minute | Unit::Second), "`1 hour`"),
            _ => (true, ""),
        };
        if fits {
            return Ok(());
        }
        if length.length == 0 {
            return self.refuse(
                Code::E0307,
                "no time lies between a row and itself",
                at,
                "wanted: a length such as `7 days`",
            );
        }
        let by = grain.map_or("moment", Grain::word);
        self.refuse(Code::E0307, format!("the series is by {by}"), at, format!("wanted: a length such as {wanted}"))
    }

    pub(super) fn no_series<T>(&mut self, span: Span) -> Checked<T> {
        self.fail(
            Diagnostic::new(Code::E0401, "only a series has rows before a row")
                .at(span, "the table's key holds no date")
                .help("`group by` the date too, or declare a `key` that holds it"),
        )
    }

    pub(super) fn length(&mut self, window: tree::Window) -> Checked<Length> {
        if let Some(settled) = window.settled {
            let label = "wanted: a length such as `7 days`";
            return self.refuse(Code::E0307, "`over` counts back from each row, and can't be settled", settled, label);
        }
        match window.kind {
            WindowKind::Last(length, unit) if length > 0 && !matches!(unit, Unit::Second) => {
                Ok(Length { length, unit })
            }
            _ => self.refuse(Code::E0307, "over how long?", window.span, "wanted: a length such as `7 days`"),
        }
    }
}

/// The expression with each of its aggregates over the window.
fn each_over(expr: Expr, length: Length, before: bool, key: &[Expr], time: &Expr) -> Expr {
    if matches!(expr.kind, ExprKind::Aggregate(_)) {
        let (ty, span) = (expr.ty, expr.span);
        let series = Series { of: SeriesOf::Over(expr, length, before), key: key.to_vec(), time: Some(time.clone()) };
        return Expr::new(ExprKind::Series(Box::new(series)), ty, true, span);
    }
    expr.map_parts(&mut |part| each_over(part, length, before, key, time))
}

fn arith(op: ArithOp, left: Expr, right: Expr, span: Span) -> Expr {
    let kind = ExprKind::Arith(op, Box::new(left), Box::new(right));
    Expr::new(kind, Type::Ratio, true, span)
}
