//! Aggregates and metrics: what many rows become.

use cpl_syntax::{
    Code, Diagnostic, Name, Span,
    tree::{self, Arg, Logic},
};

use rust_decimal::prelude::ToPrimitive;

use super::{
    Checker,
    scope::{Place, Scope},
    state::reporter::Checked,
};
use cpl_model::{
    program::{AggFunc, Aggregate, Constant, Expr, ExprKind},
    types::Type,
};

impl Checker<'_> {
    /// Reports metrics that are only a column, used or not.
    pub(super) fn check_metrics(&mut self) {
        for metric in &self.input.file.metrics {
            if let tree::ExprKind::Path(path) = &metric.value.kind
                && path.table.is_none()
                && !self.metrics.contains_key(path.name.as_str())
            {
                self.report(
                    Diagnostic::new(Code::E0305, format!("the metric `{}` is no aggregate", metric.name.as_str()))
                        .at(metric.value.span, "one value a row")
                        .help(format!("say what many rows become: `sum({})`", path.name.as_str())),
                );
            }
        }
    }

    /// A metric's value at this place: its aggregates over the rows in reach.
    pub(super) fn metric(&mut self, name: &Name, filter: Option<Expr>, scope: &Scope<'_>) -> Checked<Expr> {
        let Some(metric) = self.metrics.get(name.as_str()).copied() else {
            let metrics: Vec<&str> = self.input.file.metrics.iter().map(|metric| metric.name.as_str()).collect();
            return self.unknown_name("metric", name, metrics);
        };
        self.analysis.record_use(name.span, metric.name.span);
        if scope.metrics.contains(&name.value) {
            return self.refuse(
                Code::E0203,
                format!("the metric `{}` is defined by itself", name.as_str()),
                metric.name.span,
                "needs its own value",
            );
        }
        if !matches!(scope.place, Place::Group(_)) {
            return self.aggregate_in_row(name.as_str(), name.span, scope);
        }
        self.check_name_depth(scope.metrics.len(), name.span)?;
        let mut inner = scope.clone();
        inner.metrics.push(name.value.clone());
        inner.filters.extend(filter);
        let mark = self.reporter.mark();
        let value = self.expr(&metric.value, &inner);
        // An error inside a metric also says who uses it.
        for diagnostic in self.reporter.since(mark) {
            diagnostic.labels.push(cpl_syntax::Label { span: name.span, text: "used here".to_owned() });
        }
        value.map(|value| Expr { span: name.span, defined: Some(metric.value.span), ..value })
    }

    fn aggregate_in_row<T>(&mut self, what: &str, span: Span, scope: &Scope<'_>) -> Checked<T> {
        let (message, help) = match scope.place {
            Place::Constant => (format!("`{what}` needs rows, and a constant has none"), "write a value"),
            _ => (
                format!("`{what}` is made of many rows, and this is an expression of one"),
                "compute it in a `group by` before, and use its column",
            ),
        };
        self.fail(Diagnostic::new(Code::E0305, message).at(span, "of which rows?").help(help))
    }

    pub(super) fn aggregate(
        &mut self,
        func: AggFunc,
        call: &tree::Call,
        span: Span,
        scope: &Scope<'_>,
    ) -> Checked<Expr> {
        if !matches!(scope.place, Place::Group(_)) {
            return self.aggregate_in_row(func.word(), span, scope);
        }
        let inside = scope.inside();
        let (of, by, share) = self.aggregated(func, call, span, &inside)?;
        let filter = match &call.filter {
            Some(filter) => Some(self.condition(filter, &inside)?),
            None => None,
        };
        let filter = scope.filters.iter().cloned().chain(filter).reduce(both);
        let by =
            if matches!(func, AggFunc::First | AggFunc::Last) { Some(self.ordered_by(by, span, &inside)?) } else { by };
        if let (Some(of), Place::Group(keys)) = (&of, scope.place)
            && func != AggFunc::Count
        {
            self.one_currency(of, keys)?;
        }
        if let (AggFunc::Count, Some(of)) = (func, &of)
            && of.ty == Type::Bool
            && !matches!(of.kind, ExprKind::Column(_))
        {
            let diagnostic = Diagnostic::new(Code::E0308, "`count` of a condition counts its rows, be it true or not");
            let diagnostic = diagnostic.at(of.span, "this is true or false");
            return self.fail(diagnostic.help(format!("write `count(where {})`", self.written(of.span))));
        }
        let ty = self.aggregate_type(func, of.as_ref(), span)?;
        let unknown = match func {
            AggFunc::Count | AggFunc::CountDistinct => false,
            AggFunc::Sum => of.as_ref().is_some_and(|of| of.unknown),
            _ => true,
        };
        let kind = ExprKind::Aggregate(Box::new(Aggregate { func, of, filter, by, share }));
        Ok(Expr::new(kind, ty, unknown, span))
    }

    /// The aggregated expression, its order, and the quantile's share.
    fn aggregated(&mut self, func: AggFunc, call: &tree::Call, span: Span, inside: &Scope<'_>) -> Checked<Aggregated> {
        match (func, call.args.as_slice()) {
            (AggFunc::Count, []) => Ok((None, None, None)),
            (AggFunc::Quantile, [Arg::Plain(of), Arg::Plain(share)]) => {
                let (of, share) = (self.expr(of, inside), self.share(share));
                Ok((Some(of?), None, Some(share?)))
            }
            (AggFunc::First | AggFunc::Last, [Arg::By(of, by)]) => {
                let by = tree::Expr { kind: tree::ExprKind::Path(by.as_ref().clone()), span: by.name.span };
                let (of, by) = (self.expr(of, inside), self.expr(&by, inside));
                Ok((Some(of?), Some(by?), None))
            }
            (func, [Arg::Plain(of)]) if func != AggFunc::Quantile => Ok((Some(self.expr(of, inside)?), None, None)),
            _ => {
                let usage = if func == AggFunc::Quantile { "(column, 90%)" } else { "(column)" };
                let message = format!("`{}` can't be called with these", func.word());
                self.refuse(Code::E0308, message, span, format!("wanted: `{}{usage}`", func.word()))
            }
        }
    }

    /// A share from 0% to 100%, written out.
    fn share(&mut self, written: &tree::Expr) -> Checked<f64> {
        let share = self.expr(written, &Scope::CONSTANT)?;
        let value = match &share.kind {
            ExprKind::Constant(Constant::Decimal(value) | Constant::Multiple(value)) if share.ty == Type::Ratio => {
                value.to_f64()
            }
            _ => None,
        };
        match value.filter(|value| (0.0..=1.0).contains(value)) {
            Some(value) => Ok(value),
            None => self.refuse(Code::E0308, "that is no share of the values", written.span, "wanted: 0% to 100%"),
        }
    }

    fn ordered_by(&mut self, by: Option<Expr>, span: Span, inside: &Scope<'_>) -> Checked<Expr> {
        let by = match (by, inside.time.and_then(|time| inside.column(time))) {
            (Some(by), _) => by,
            (None, Some(time)) => Expr::column(&time.name, time.ty?, time.unknown, span),
            (None, None) => {
                return self.fail(
                    Diagnostic::new(Code::E0404, "first and last by what? The table has no one date")
                        .at(span, "no time column to go by")
                        .help("say it: `last(x by closed_on)`, or `time COLUMN` in the fetch"),
                );
            }
        };
        if by.ty.is_time() || by.ty.is_quantity() {
            return Ok(by);
        }
        self.refuse(Code::E0308, format!("{} gives no order in time", by.ty), by.span, "wanted: a date or a datetime")
    }

    /// Amounts with a currency column are only aggregated within one currency.
    pub(super) fn one_currency(&mut self, of: &Expr, keys: &[String]) -> Checked<()> {
        let Some(column) = of.ty.currency_column().filter(|column| !keys.iter().any(|key| key == column)) else {
            return Ok(());
        };
        self.fail(
            Diagnostic::new(Code::E0302, format!("these amounts are of several currencies, as `{column}` names them"))
                .at(of.span, format!("this is {}", of.ty))
                .help(format!("group by `{column}` too, or bring them to one: `convert(amount, rate)`")),
        )
    }

    pub(super) fn aggregate_type(&mut self, func: AggFunc, of: Option<&Expr>, span: Span) -> Checked<Type> {
        let Some(of) = of else { return Ok(Type::Count) };
        let amount = of.ty.is_amount() || of.ty == Type::Duration;
        match func {
            AggFunc::Count | AggFunc::CountDistinct => Ok(Type::Count),
            AggFunc::Min | AggFunc::Max | AggFunc::First | AggFunc::Last => Ok(of.ty),
            AggFunc::Sum if of.ty == Type::Ratio => self.fail(
                Diagnostic::new(Code::E0306, "ratios do not add up")
                    .at(of.span, "this is a ratio")
                    .help("make a metric of what it is a ratio of: `metric rate = sum(a) / sum(b)`"),
            ),
            AggFunc::Sum if amount => Ok(of.ty),
            AggFunc::Mean | AggFunc::Median | AggFunc::Quantile | AggFunc::Std if of.ty.is_quantity() => {
                Ok(Type::Number)
            }
            AggFunc::Mean | AggFunc::Median | AggFunc::Quantile | AggFunc::Std if amount => Ok(of.ty),
            _ => self.refuse(
                Code::E0308,
                format!("`{}` of {}", func.word(), of.ty),
                span,
                "wanted: numbers, ratios or money",
            ),
        }
    }
}

/// The aggregated expression, its order, and the quantile's share.
type Aggregated = (Option<Expr>, Option<Expr>, Option<f64>);

/// Both must be true.
fn both(left: Expr, right: Expr) -> Expr {
    let (unknown, span) = (left.unknown || right.unknown, right.span);
    Expr::new(ExprKind::Logic(Logic::And, Box::new(left), Box::new(right)), Type::Bool, unknown, span)
}
