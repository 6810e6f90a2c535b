//! How much a row lacks for a rule to fire: 0 where nothing, at most 1 for each condition.

use cpl_model::{
    program::{ArithOp, CompareOp, Constant, Expr, ExprKind, Function, Logic, Surely, SurelyValue},
    types::Type,
};
use cpl_syntax::Span;

/// The sum over all conditions: 0 of one that is true, 1 of one that is unknown; of one that is false how far its sides are apart,
/// as a share of both.
pub fn of(conditions: &[Expr]) -> Expr {
    let all = conditions.iter().map(|condition| choose(condition, whole(0), gap(condition)));
    all.reduce(|sum, one| arith(ArithOp::Add, sum, one)).unwrap_or_else(|| whole(0))
}

/// How far a false condition is from true, from 0 to 1.
fn gap(condition: &Expr) -> Expr {
    let gap = match &condition.kind {
        ExprKind::Compare(_, a, b) | ExprKind::Exceeds(_, a, b, _) | ExprKind::Within(_, a, b, _)
            if a.ty.is_amount() && b.ty.is_amount() =>
        {
            apart(a, b)
        }
        ExprKind::Surely(surely) => {
            let doubt = Surely { gives: SurelyValue::Doubt, ..(**surely).clone() };
            Expr::new(ExprKind::Surely(Box::new(doubt)), Type::Number, true, condition.span)
        }
        ExprKind::Logic(Logic::Or, a, b) => function(Function::Least, vec![known(gap(a)), known(gap(b))]),
        ExprKind::Logic(Logic::And, a, b) => {
            let each = [a, b].map(|part| known(choose(part, whole(0), gap(part))));
            function(Function::Greatest, each.into())
        }
        _ => whole(1),
    };
    known(gap)
}

/// 1 less the smaller side as a share of the larger; 1 where they are of different signs. Nothing here grows beyond a number.
fn apart(a: &Expr, b: &Expr) -> Expr {
    let [a, b] = [a, b].map(|side| function(Function::Number, vec![side.clone()]));
    let is_negative = |value: &Expr| {
        let compared = ExprKind::Compare(CompareOp::Less, Box::new(value.clone()), Box::new(whole(0)));
        Box::new(Expr::new(compared, Type::Bool, true, Span::default()))
    };
    let alike = ExprKind::Compare(CompareOp::Equal, is_negative(&a), is_negative(&b));
    let alike = Expr::new(alike, Type::Bool, true, Span::default());
    let [smaller, larger] = [Function::Least, Function::Greatest].map(|which| {
        let sizes = [&a, &b].map(|side| function(Function::Abs, vec![side.clone()]));
        function(which, sizes.into())
    });
    let share = arith(ArithOp::Divide, smaller, larger);
    function(Function::If, vec![alike, arith(ArithOp::Subtract, whole(1), share), whole(1)])
}

/// The first where a condition is true, the second where it is false, 1 where it is unknown.
fn choose(condition: &Expr, so: Expr, not: Expr) -> Expr {
    known(function(Function::If, vec![condition.clone(), so, not]))
}

/// 1 in the place of an unknown value.
fn known(value: Expr) -> Expr {
    let span = value.span;
    Expr::new(ExprKind::OrElse(Box::new(value), Box::new(whole(1))), Type::Number, false, span)
}

fn function(function: Function, args: Vec<Expr>) -> Expr {
    Expr::new(ExprKind::Function(function, args), Type::Number, true, Span::default())
}

fn arith(op: ArithOp, a: Expr, b: Expr) -> Expr {
    Expr::new(ExprKind::Arith(op, Box::new(a), Box::new(b)), Type::Number, true, Span::default())
}

fn whole(value: i64) -> Expr {
    Expr::constant(Constant::Integer(value), Type::Count, Span::default())
}
