//! Window expressions become columns, computed by a `Window` operator before the expressions that read them.

use cpl_model::program::{Expr, ExprKind, InternalColumn, Series, SeriesOf};

use super::{Chain, Lowering};
use crate::plan::Op;

/// The columns that were added for window expressions.
pub(super) type Added = Vec<String>;

impl Lowering<'_> {
    /// Replaces the window expressions inside some expressions by columns.
    pub(super) fn windowed(&mut self, chain: &mut Chain, exprs: &[&Expr]) -> (Vec<Expr>, Added) {
        let mut window_exprs = WindowExprs::default();
        let exprs = exprs.iter().map(|expr| window_exprs.replace((*expr).clone())).collect();
        if window_exprs.0.is_empty() {
            return (exprs, Vec::new());
        }
        let added = window_exprs.0.iter().map(|(_, name, _)| name.clone()).collect();
        let windows = window_exprs.0.into_iter().map(|(_, name, series)| (name, series)).collect();
        self.push(chain, Op::Window(windows));
        (exprs, added)
    }

    pub(super) fn windowed_one(&mut self, chain: &mut Chain, expr: &Expr) -> (Expr, Added) {
        let (mut exprs, added) = self.windowed(chain, &[expr]);
        (exprs.remove(0), added)
    }

    pub(super) fn drop(&mut self, chain: &mut Chain, added: Added) {
        if !added.is_empty() {
            self.push(chain, Op::Drop(added));
        }
    }

    /// New columns, each of which may read those before it. Without window expressions that is one operator.
    pub(super) fn derive(&mut self, chain: &mut Chain, mut columns: &[(String, Expr)]) {
        if !columns.iter().any(|(_, value)| value.has_window()) {
            self.push(chain, Op::Derive(columns.to_vec()));
            return;
        }
        while !columns.is_empty() {
            let (together, rest) = columns.split_at(independent(columns));
            let values: Vec<&Expr> = together.iter().map(|(_, value)| value).collect();
            let (values, added) = self.windowed(chain, &values);
            let names = together.iter().map(|(name, _)| name.clone());
            self.push(chain, Op::Derive(names.zip(values).collect()));
            self.drop(chain, added);
            columns = rest;
        }
    }
}

/// How many of the first columns read none of those before them.
#[must_use]
pub fn independent(columns: &[(String, Expr)]) -> usize {
    let reads = |value: &Expr, names: &[(String, Expr)]| {
        value.columns().iter().any(|read| names.iter().any(|(name, _)| name == read))
    };
    let repeated = |at: usize| columns[..at].iter().any(|(name, _)| *name == columns[at].0);
    let dependent = (1..columns.len()).find(|at| repeated(*at) || reads(&columns[*at].1, &columns[..*at]));
    dependent.unwrap_or(columns.len())
}

/// Distinct window expressions: as written, the column's name, and as computed.
#[derive(Default)]
struct WindowExprs(Vec<(Series, String, Series)>);

impl WindowExprs {
    fn replace(&mut self, expr: Expr) -> Expr {
        let ExprKind::Series(series) = &expr.kind else {
            return expr.map_parts(&mut |part| self.replace(part));
        };
        let known = self.0.iter().find(|(before, ..)| before == &**series).map(|(_, name, _)| name.clone());
        let name = known.unwrap_or_else(|| self.add(series));
        Expr { kind: ExprKind::Column(name), ..expr }
    }

    /// The argument may contain a window expression itself; its column comes first.
    fn add(&mut self, series: &Series) -> String {
        let mut computed = series.clone();
        if !matches!(computed.of, SeriesOf::Over(..)) {
            for value in computed.of.values_mut() {
                *value = self.replace(value.clone());
            }
        }
        let name = InternalColumn::Window(self.0.len()).to_string();
        self.0.push((series.clone(), name.clone(), computed));
        name
    }
}
