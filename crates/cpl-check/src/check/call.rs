//! Calls: aggregates, metrics with their own filter, and functions of a row.

use cpl_syntax::{
    Code, Diagnostic, Span,
    tree::{self, Arg},
};

use super::{
    Checker, PERSONAL,
    arith::coerce_zero,
    scope::Scope,
    state::reporter::{Checked, Reported},
};
use cpl_model::{
    program::{AggFunc, Expr, ExprKind, Function},
    types::{Denomination, Type},
};
use cpl_syntax::keywords;

keywords! {
    /// Window functions and functions of past runs. Not all of them run yet.
    SeriesFunction {
        Total "total",
        Lag "lag",
        Change "change",
        Share "share",
        Usual "usual",
        Applied "applied",
    }
}

impl Checker<'_> {
    pub(super) fn call(&mut self, call: &tree::Call, span: Span, scope: &Scope<'_>) -> Checked<Expr> {
        let name = &call.callee.name;
        if let Some(over) = call.over
            && (AggFunc::of_word(name.as_str()).is_some() || self.metrics.contains_key(name.as_str()))
        {
            return self.over(call, over, span, scope);
        }
        if let Some(func) = AggFunc::of_word(name.as_str()) {
            return self.aggregate(func, call, span, scope);
        }
        if self.metrics.contains_key(name.as_str()) {
            return self.filtered_metric(call, span, scope);
        }
        if name.as_str() == "secret" {
            return self.refuse(Code::E0504, "a secret can't be a value", span, "stands only where a credential goes");
        }
        if let Some(series_function) = SeriesFunction::of_word(name.as_str()) {
            return self.series(series_function, call, span, scope);
        }
        let Some(function) = Function::of_word(name.as_str()) else {
            let known = AggFunc::WORDS.iter().chain(Function::WORDS).chain(SeriesFunction::WORDS).copied();
            let metrics = self.input.file.metrics.iter().map(|metric| metric.name.as_str());
            let known: Vec<&str> = known.chain(metrics).collect();
            return self.unknown_name("function", name, known);
        };
        if call.filter.is_some() || call.over.is_some() {
            return self.refuse(
                Code::E0308,
                format!("`{}` looks at one row: it takes no `where` and no `over`", name.as_str()),
                span,
                "wanted: an aggregate or a metric",
            );
        }
        let mut args = Vec::new();
        for arg in &call.args {
            match arg {
                Arg::Plain(arg) => args.push(self.expr(arg, scope)),
                _ => return self.arguments(function, &[], span),
            }
        }
        let args = args.into_iter().collect::<Checked<Vec<_>>>()?;
        self.function(function, args, span)
    }

    /// `cac(where …)`.
    fn filtered_metric(&mut self, call: &tree::Call, span: Span, scope: &Scope<'_>) -> Checked<Expr> {
        if !call.args.is_empty() {
            let help = "wanted: nothing, or `where …`";
            return self.refuse(Code::E0308, "a metric takes no arguments", span, help);
        }
        let filter = match &call.filter {
            Some(filter) => Some(self.condition(filter, &scope.inside())?),
            None => None,
        };
        self.metric(&call.callee.name, filter, scope).map(|metric| Expr { span, ..metric })
    }

    fn function(&mut self, function: Function, args: Vec<Expr>, span: Span) -> Checked<Expr> {
        use Function as F;
        let types: Vec<Type> = args.iter().map(|arg| arg.ty).collect();
        let unknown = args.iter().any(|arg| arg.unknown);
        let ty = match (function, types.as_slice()) {
            (F::Abs, [a]) if a.is_amount() => *a,
            (F::Round, [a]) if a.is_amount() => *a,
            (F::Round, [a, b]) if a.is_amount() && *b == Type::Count && args[1].is_bare_number() => *a,
            (F::Floor | F::Ceil, [a]) if a.is_amount() => *a,
            (F::Sqrt, [a]) if a.is_quantity() || *a == Type::Ratio => Type::Number,
            (F::Number, [a]) if a.is_amount() => Type::Number,
            (F::Lower | F::Upper | F::Trim, [Type::Text]) => Type::Text,
            (F::Contains | F::StartsWith | F::EndsWith, [Type::Text, Type::Text]) => Type::Bool,
            (F::DateOf | F::WeekStart | F::MonthStart, [a]) if a.is_time() => Type::Date,
            (F::QuarterStart, [a]) if a.is_time() => Type::Date,
            (F::HourStart, [Type::Datetime]) => Type::Datetime,
            (F::HourOf | F::UnixSeconds, [Type::Datetime]) => Type::Integer,
            (F::DaysInMonth, [a]) if a.is_time() => Type::Integer,
            (F::HoursBetween, [Type::Datetime, Type::Datetime]) => Type::Number,
            (F::Replace, [Type::Text, Type::Text, Type::Text]) => Type::Text,
            (F::Cents, [Type::Money(Denomination::One(_))]) | (F::Micros, [Type::Money(_)]) => Type::Integer,
            (F::Convert, [Type::Money(_), rate]) if rate.is_quantity() || *rate == Type::Ratio => {
                Type::Money(self.currency.into())
            }
            (F::WeekdayOf, [a]) if a.is_time() => Type::Weekday,
            (F::Year | F::MonthOf | F::DayOfMonth, [a]) if a.is_time() => Type::Integer,
            (F::DaysBetween, [a, b]) if a.is_time() && b.is_time() => Type::Integer,
            (F::Least | F::Greatest, [_, _, ..]) => return self.same_type(function, args, span),
            (F::If, [Type::Bool, _]) => args[1].ty,
            (F::If, [Type::Bool, _, _]) => return self.choice(args, span),
            _ => return self.arguments(function, &types, span),
        };
        let unknown = unknown || (function == F::If) || function == F::Sqrt;
        Ok(Expr::new(ExprKind::Function(function, args), ty, unknown, span))
    }

    fn choice(&mut self, mut args: Vec<Expr>, span: Span) -> Checked<Expr> {
        let (Some(no), Some(yes), Some(condition)) = (args.pop(), args.pop(), args.pop()) else {
            return Err(Reported::earlier());
        };
        let (yes, no) = coerce_zero(yes, no);
        let Some(ty) = yes.ty.common(no.ty) else { return self.mismatch("and", &yes, &no) };
        let unknown = condition.unknown || yes.unknown || no.unknown;
        Ok(Expr::new(ExprKind::Function(Function::If, vec![condition, yes, no]), ty, unknown, span))
    }

    fn same_type(&mut self, function: Function, args: Vec<Expr>, span: Span) -> Checked<Expr> {
        let wanted = args.iter().find(|arg| !arg.is_zero()).map_or(args[0].ty, |arg| arg.ty);
        let args: Vec<Expr> = args.into_iter().map(|arg| super::arith::zero_as(arg, wanted)).collect();
        let mut ty = args[0].ty;
        for arg in &args[1..] {
            match ty.common(arg.ty) {
                Some(common) if common.is_amount() || common.is_time() => ty = common,
                _ if ty == arg.ty => {
                    let message = format!("`{}` takes amounts or times", function.word());
                    return self.refuse(Code::E0301, message, arg.span, format!("this is {}", arg.ty));
                }
                _ => return self.mismatch("and", &args[0], arg),
            }
        }
        let unknown = args.iter().any(|arg| arg.unknown);
        Ok(Expr::new(ExprKind::Function(function, args), ty, unknown, span))
    }

    fn arguments<T>(&mut self, function: Function, types: &[Type], span: Span) -> Checked<T> {
        let help =
            if types.contains(&Type::Personal) { PERSONAL.to_owned() } else { format!("write `{}`", usage(function)) };
        self.fail(
            Diagnostic::new(Code::E0308, format!("`{}` can't be called with these", function.word()))
                .at(span, "these arguments do not fit")
                .help(help),
        )
    }
}

fn usage(function: Function) -> &'static str {
    match function {
        Function::Abs => "abs(amount)",
        Function::Round => "round(amount) or round(amount, 2)",
        Function::Floor => "floor(amount)",
        Function::Ceil => "ceil(amount)",
        Function::Least => "least(a, b)",
        Function::Greatest => "greatest(a, b)",
        Function::Sqrt => "sqrt(number)",
        Function::Number => "number(amount)",
        Function::If => "if(condition, a, b)",
        Function::Lower => "lower(text)",
        Function::Upper => "upper(text)",
        Function::Trim => "trim(text)",
        Function::Contains => "contains(text, \"part\")",
        Function::StartsWith => "starts_with(text, \"part\")",
        Function::EndsWith => "ends_with(text, \"part\")",
        Function::DateOf => "date_of(datetime)",
        Function::WeekdayOf => "weekday(date)",
        Function::Year => "year(date)",
        Function::MonthOf => "month(date)",
        Function::DayOfMonth => "day_of_month(date)",
        Function::WeekStart => "week_start(date)",
        Function::MonthStart => "month_start(date)",
        Function::DaysBetween => "days_between(earlier, later)",
        Function::DaysInMonth => "days_in_month(date)",
        Function::HourOf => "hour_of(datetime)",
        Function::HourStart => "hour_start(datetime)",
        Function::QuarterStart => "quarter_start(date)",
        Function::HoursBetween => "hours_between(earlier, later)",
        Function::UnixSeconds => "unix_seconds(datetime)",
        Function::Replace => "replace(text, \"from\", \"to\")",
        Function::Micros => "micros(money)",
        Function::Cents => "cents(money)",
        Function::Convert => "convert(money, rate)",
    }
}
