//! Looks at other rows of a series become columns, made by a `Window` operator before the expressions that read them.

use cpl_model::program::{Expr, ExprKind, Series, SeriesOf};

use super::{Chain, Lowering};
use crate::plan::Op;

/// The columns that were added for looks.
pub(super) type Added = Vec<String>;

impl Lowering<'_> {
    /// The expressions with columns in the places of their looks at other rows.
    pub(super) fn windowed(&mut self, chain: &mut Chain, exprs: &[&Expr]) -> (Vec<Expr>, Added) {
        let mut found = Found::default();
        let exprs = exprs.iter().map(|expr| found.replace((*expr).clone())).collect();
        if found.0.is_empty() {
            return (exprs, Vec::new());
        }
        let added = found.0.iter().map(|(_, name, _)| name.clone()).collect();
        let windows = found.0.into_iter().map(|(_, name, series)| (name, series)).collect();
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

    /// New columns, each seeing those before it. Where none looks at other rows, that is one operator.
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
    let again = |at: usize| columns[..at].iter().any(|(name, _)| *name == columns[at].0);
    let dependent = (1..columns.len()).find(|at| again(*at) || reads(&columns[*at].1, &columns[..*at]));
    dependent.unwrap_or(columns.len())
}

/// The looks of some expressions, each once: as it is written, its column, and as it is computed.
#[derive(Default)]
struct Found(Vec<(Series, String, Series)>);

impl Found {
    fn replace(&mut self, expr: Expr) -> Expr {
        let ExprKind::Series(series) = &expr.kind else {
            return expr.map_parts(&mut |part| self.replace(part));
        };
        let known = self.0.iter().find(|(before, ..)| before == &**series).map(|(_, name, _)| name.clone());
        let name = known.unwrap_or_else(|| self.add(series));
        Expr { kind: ExprKind::Column(name), ..expr }
    }

    /// What is looked at may be a look itself; its column comes first.
    fn add(&mut self, series: &Series) -> String {
        let mut computed = series.clone();
        if let SeriesOf::Lag(value, _) | SeriesOf::Share(value) = &mut computed.of {
            *value = self.replace(value.clone());
        }
        // No column of a pipeline is named so.
        let name = format!("·window{}", self.0.len());
        self.0.push((series.clone(), name.clone(), computed));
        name
    }
}
