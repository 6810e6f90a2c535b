//! `x breaks pattern`, `usual(x)`: what the values of a series before it say of a value.

use cpl_model::{
    program::{Expr, ExprKind, Grain, Judged, Length, Operand, Pattern, PatternValue, Series, SeriesOf},
    types::Type,
};
use cpl_syntax::{
    Code, Diagnostic, Span,
    tree::{self, Arg, WindowOver},
};
use rust_decimal::Decimal;

use super::{Checker, scope::Scope, state::reporter::Checked};

/// How many periods are looked back on at most: each verdict reads twice as many.
const MOST_PERIODS: u32 = 1_500;

impl Checker<'_> {
    /// `x breaks pattern over 28 days by 3`.
    pub(super) fn breaks_pattern(
        &mut self,
        value: Expr,
        over: Option<WindowOver>,
        by: Option<&tree::Expr>,
        span: Span,
        scope: &Scope<'_>,
    ) -> Checked<Expr> {
        let deviations = by.map(|by| self.deviations(by)).transpose();
        let series = self.pattern(value, over, PatternValue::IsBroken, span, scope)?;
        let SeriesOf::Pattern(pattern) = series.of else { unreachable!("a pattern was made") };
        let pattern = Pattern { deviations: deviations?, ..*pattern };
        let series = Series { of: SeriesOf::Pattern(Box::new(pattern)), ..series };
        Ok(Expr::new(ExprKind::Series(Box::new(series)), Type::Bool, true, span))
    }

    /// How many deviations from what is usual break a pattern.
    fn deviations(&mut self, by: &tree::Expr) -> Checked<Decimal> {
        let deviations = self.expr(by, &Scope::CONSTANT)?;
        if !deviations.ty.is_quantity() {
            let message = format!("{} counts no deviations", deviations.ty);
            return self.refuse(Code::E0301, message, by.span, "wanted: a number such as `3.5`");
        }
        match deviations.amount() {
            Some(number) if number > Decimal::ZERO => Ok(number),
            Some(_) => {
                self.refuse(Code::E0103, "every value breaks it", by.span, "wanted: a number above 0, such as `3.5`")
            }
            None => {
                self.refuse(Code::E0301, "how many deviations that is is written out", by.span, "wanted: such as `3.5`")
            }
        }
    }

    /// `usual(x)`, `usual(x over 28 days)`.
    pub(super) fn usual(&mut self, call: &tree::Call, span: Span, scope: &Scope<'_>) -> Checked<Expr> {
        let ([Arg::Plain(value)], None) = (call.args.as_slice(), &call.filter) else {
            return self.refuse(Code::E0308, "`usual` can't be called with these", span, "wanted: `usual(column)`");
        };
        let value = self.expr(value, scope)?;
        let ty = PatternValue::Usual.ty(value.ty);
        let series = self.pattern(value, call.over, PatternValue::Usual, span, scope)?;
        Ok(Expr::new(ExprKind::Series(Box::new(series)), ty, true, span))
    }

    /// What is usual of a value; a pattern is one of amounts in a series.
    fn pattern(
        &mut self,
        value: Expr,
        over: Option<WindowOver>,
        gives: PatternValue,
        span: Span,
        scope: &Scope<'_>,
    ) -> Checked<Series> {
        if !value.ty.is_amount() {
            let message = format!("{} has no pattern", value.ty);
            return self.refuse(Code::E0301, message, value.span, "wanted: money, a number or a ratio");
        }
        self.one_currency(&value, scope.key.unwrap_or_default())?;
        let (key, time) = self.series_of(span, scope)?;
        let Some(time) = time else { return self.no_series(span) };
        let column = match &time.kind {
            ExprKind::Column(name) => scope.column(name),
            _ => None,
        };
        let Some(grain) = column.and_then(|column| column.grain) else {
            return self.fail(
                Diagnostic::new(Code::E0401, "moments follow no pattern: which hour, which day?")
                    .at(span, "looks at other rows")
                    .help("group by `hour_start(…)` or `date_of(…)` first, or declare the column `by hour`"),
            );
        };
        let over = over.map(|over| self.looked_back_on(over, grain, &time, scope)).transpose()?;
        let pattern =
            Pattern { gives, of: Operand::of(value), over, deviations: None, grain, except: None, judged: Judged::All };
        Ok(Series { of: SeriesOf::Pattern(Box::new(pattern)), key, time: Some(time) })
    }

    /// How far a pattern looks back.
    fn looked_back_on(&mut self, over: WindowOver, grain: Grain, time: &Expr, scope: &Scope<'_>) -> Checked<Length> {
        let span = over.window.span;
        if over.before {
            let label = "leave `before` out: what is usual is always told by the periods before";
            return self.refuse(Code::E0307, "a pattern ends before the row anyhow", span, label);
        }
        let length = self.length(over.window)?;
        self.fits(length, time, span, scope)?;
        // Two seasons, so that each weekday, or each hour, is seen twice.
        let least = if grain == Grain::Hour { 48 } else { 14 };
        match length.periods(grain).map(|periods| (least..=MOST_PERIODS).contains(&periods)) {
            Some(true) => Ok(length),
            Some(false) => {
                let message = format!("a pattern is learnt from {least} to {MOST_PERIODS} {}s", grain.word());
                self.refuse(Code::E0307, message, span, "wanted: such as `56 days`; leave it out for what fits")
            }
            None => {
                let label = format!("wanted: a number of {}s", grain.word());
                self.refuse(Code::E0307, format!("how many {}s are that?", grain.word()), span, label)
            }
        }
    }
}
