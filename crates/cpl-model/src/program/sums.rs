//! Sums in quotients, which pass over unknown values.

use super::{AggFunc, ArithOp, Expr, ExprKind};

impl Expr {
    /// The sums in its quotients over values that may be unknown: they pass over rows that the other side counts. Those that
    /// ask for known values do not.
    #[must_use]
    pub fn sums_passing_over(&self) -> Vec<&Self> {
        let mut found: Vec<&Self> = Vec::new();
        self.walk(&mut |part| {
            if let ExprKind::Arith(ArithOp::Divide, ..) = &part.kind {
                part.walk(&mut |inner| {
                    let is_known = !found.iter().any(|before| std::ptr::eq(*before, inner));
                    if is_known && inner.summed().is_some_and(|of| of.unknown) {
                        found.push(inner);
                    }
                });
            }
        });
        found
    }

    /// What a `sum` sums, of whatever rows; none of one that asks for known values only.
    #[must_use]
    pub fn summed(&self) -> Option<&Self> {
        let ExprKind::Aggregate(aggregate) = &self.kind else { return None };
        let asks =
            aggregate.filter.as_ref().is_some_and(|filter| filter.any(|kind| matches!(kind, ExprKind::Known(_))));
        aggregate.of.as_ref().filter(|_| aggregate.func == AggFunc::Sum && !asks)
    }
}
