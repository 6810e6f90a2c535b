//! `+ - * / ??`: units must fit.

use cpl_syntax::{Code, Diagnostic, Span, Spanned, tree::ArithOp};
use rust_decimal::Decimal;

use super::{
    Checker, PERSONAL,
    currency::has_currency,
    state::reporter::{Checked, Reported},
};
use cpl_model::{
    program::{Constant, Expr, ExprKind},
    types::{self, Denomination, Operand, Type},
};

impl Checker<'_> {
    pub(super) fn arith(&mut self, op: Spanned<ArithOp>, left: Expr, right: Expr, span: Span) -> Checked<Expr> {
        if op.value == ArithOp::OrElse {
            return self.or_else(op.value, left, right, span);
        }
        let (left, right) = match op.value {
            ArithOp::Add | ArithOp::Subtract => coerce_zero(left, right),
            _ => (left, right),
        };
        // A month may be taken from a day; it is no length of time by itself.
        let moves = left.ty.is_time() && matches!(op.value, ArithOp::Add | ArithOp::Subtract);
        self.no_months(&left)?;
        if !moves {
            self.no_months(&right)?;
        }
        let Some(ty) = types::arith(op.value, operand(&left), operand(&right)) else {
            return self.no_arith(op.value, &left, &right);
        };
        let divides = op.value == ArithOp::Divide;
        let unknown = left.unknown || right.unknown || (divides && !is_nonzero(&right));
        let kind = ExprKind::Arith(op.value, Box::new(left), Box::new(right));
        Ok(Expr::new(kind, ty, unknown, span))
    }

    /// Refuses calendar months where a length of time is wanted.
    pub(super) fn no_months(&mut self, expr: &Expr) -> Checked<()> {
        if !matches!(expr.kind, ExprKind::Constant(Constant::Months(_))) {
            return Ok(());
        }
        self.fail(
            Diagnostic::new(Code::E0301, "months are of no fixed length")
                .at(expr.span, "28 to 31 days")
                .help("say it in days; only a date plus or minus months is a date"),
        )
    }

    fn no_arith(&mut self, op: ArithOp, left: &Expr, right: &Expr) -> Checked<Expr> {
        if let Some(other) = two_currencies(left, right) {
            self.two_currencies(other);
            return Err(Reported::earlier());
        }
        let verb = match op {
            ArithOp::Add => "added to",
            ArithOp::Subtract => "taken from",
            ArithOp::Multiply => "multiplied by",
            _ => "divided by",
        };
        let (first, second) = if op == ArithOp::Subtract { (right.ty, left.ty) } else { (left.ty, right.ty) };
        let diagnostic = Diagnostic::new(Code::E0301, format!("{first} can't be {verb} {second}"))
            .at(left.span, format!("this is {}", left.ty))
            .at(right.span, format!("this is {}", right.ty));
        let texts = left.ty == Type::Text && right.ty == Type::Text;
        let help = match right.amount() {
            _ if texts => Some("put texts together with holes: `\"{a} {b}\"`".to_owned()),
            Some(days) if left.ty.is_time() && days.is_integer() && matches!(op, ArithOp::Add | ArithOp::Subtract) => {
                Some(format!("is it a length of time? write `{days} days`"))
            }
            _ => None,
        };
        self.fail(Diagnostic { help, ..diagnostic })
    }

    /// Two values that had to be of one unit.
    pub(super) fn mismatch<T>(&mut self, verb: &str, left: &Expr, right: &Expr) -> Checked<T> {
        if let Some(other) = two_currencies(left, right) {
            self.two_currencies(other);
            return Err(Reported::earlier());
        }
        let message = match verb {
            "and" => format!("these must be of one type: {} and {} are not", left.ty, right.ty),
            verb => format!("{} {verb} {}", left.ty, right.ty),
        };
        let diagnostic = Diagnostic::new(Code::E0301, message)
            .at(left.span, format!("this is {}", left.ty))
            .at(right.span, format!("this is {}", right.ty));
        let date = [(left, right), (right, left)].into_iter().find_map(|(time, text)| match &text.kind {
            ExprKind::Constant(Constant::Text(written)) if time.ty.is_time() => Some((text.span, written.clone())),
            _ => None,
        });
        let diagnostic = match (self.as_money(left, right).or_else(|| self.as_money(right, left)), date) {
            (Some((span, amount)), _) => {
                diagnostic.help(format!("is it an amount? write `{amount}`")).offer(span, amount)
            }
            (None, Some((span, date))) if date.parse::<jiff::civil::Date>().is_ok() => {
                diagnostic.help(format!("a date has no quotes: write `{date}`")).offer(span, date)
            }
            (None, Some(_)) => diagnostic.help("a date is written `2026-11-20`, without quotes"),
            (None, None) if [left.ty, right.ty].contains(&Type::Personal) => diagnostic.help(PERSONAL),
            (None, None) => diagnostic,
        };
        self.fail(diagnostic)
    }

    /// Reports it, if the pipeline's own currency is known.
    fn two_currencies(&mut self, diagnostic: Diagnostic) {
        if has_currency(self.input.file) {
            self.report(diagnostic);
        }
    }

    /// A bare number next to money, as an amount of its currency.
    fn as_money(&self, number: &Expr, money: &Expr) -> Option<(Span, String)> {
        let Type::Money(Denomination::One(currency)) = money.ty else { return None };
        if !matches!(number.kind, ExprKind::Constant(_)) || !number.is_bare_number() {
            return None;
        }
        let written = self.written(number.span);
        // The name of a `let` takes no sign.
        if !written.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let amount = match currency.sign() {
            Some(sign) => format!("{sign}{written}"),
            None => format!("{written} {}", currency.code()),
        };
        Some((number.span, amount))
    }
}

fn two_currencies(left: &Expr, right: &Expr) -> Option<Diagnostic> {
    let (Type::Money(a), Type::Money(b)) = (left.ty, right.ty) else { return None };
    (a != b).then(|| {
        let fixed = |of: Denomination| if let Denomination::One(currency) = of { Some(currency) } else { None };
        let (message, help) = match (fixed(a), fixed(b)) {
            (Some(a), Some(b)) => {
                let help = "bring both to one currency before they meet: `convert(amount, rate)`";
                (format!("{} and {} do not mix", a.code(), b.code()), help)
            }
            _ => (
                format!("money {a} and money {b} do not mix"),
                "rows differ in their currency: bring them to the pipeline's by `convert(amount, rate)`",
            ),
        };
        Diagnostic::new(Code::E0302, message)
            .at(left.span, format!("this is money {a}"))
            .at(right.span, format!("this is money {b}"))
            .help(help)
    })
}

/// 0 takes the unit of the other side.
pub fn coerce_zero(left: Expr, right: Expr) -> (Expr, Expr) {
    let (of_left, of_right) = (left.ty, right.ty);
    (zero_as(left, of_right), zero_as(right, of_left))
}

/// The literal 0 as a value of that type; anything else as it is.
pub fn zero_as(expr: Expr, ty: Type) -> Expr {
    if !expr.is_zero() || ty.is_quantity() {
        return expr;
    }
    match ty {
        Type::Money(_) | Type::Ratio => Expr { kind: ExprKind::Constant(Constant::Decimal(Decimal::ZERO)), ty, ..expr },
        Type::Duration => Expr { kind: ExprKind::Constant(Constant::Duration(0)), ty, ..expr },
        _ => expr,
    }
}

fn operand(expr: &Expr) -> Operand {
    Operand { ty: expr.ty, bare: expr.is_bare_number() }
}

fn is_nonzero(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Constant(Constant::Integer(value)) => *value != 0,
        ExprKind::Constant(Constant::Decimal(value) | Constant::Multiple(value)) => !value.is_zero(),
        _ => false,
    }
}
