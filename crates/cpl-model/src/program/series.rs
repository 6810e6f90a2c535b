//! Whether the rows of a series take something from other series, on the way from the table that names them.

use super::{Expr, ExprKind, Join, Program, SeriesOf, Stage, TableId, TableSource};

/// Series of a table: it, and the columns that name them.
#[derive(Clone, Copy)]
struct Named<'p> {
    of: TableId,
    columns: &'p [String],
}

impl Program {
    /// Whether expressions over a table, or what it is made of, take something from other series of the table `of` than
    /// the row's own, which `columns` name: a total of them all, a share, a place among them.
    #[must_use]
    pub fn mixes_series(&self, table: TableId, exprs: &[&Expr], of: TableId, columns: &[String]) -> bool {
        let series = Named { of, columns };
        self.is_mixed(exprs, series) || self.made_of_several(table, series)
    }

    /// Whether a table's rows are made of several series.
    fn made_of_several(&self, table: TableId, series: Named<'_>) -> bool {
        let TableSource::Transform { from, stages } = &self.table(table).source else { return false };
        if table == series.of || !self.reads(table, series) {
            return false;
        }
        let takes = |(at, stage): (usize, &Stage)| {
            self.is_mixed(&stage.exprs(), series)
                || match stage {
                    Stage::Join(join) => self.joins_several(join, series),
                    Stage::Union(union) => union.tables.iter().any(|other| self.made_of_several(*other, series)),
                    // Which rows are left depends on the others, unless each series is taken by itself.
                    Stage::Take(_, per) => {
                        !per.iter().any(|name| series.has(self.passed_before(name, table, at, series.of)))
                    }
                    _ => false,
                }
        };
        self.made_of_several(*from, series) || stages.iter().enumerate().any(takes)
    }

    /// Whether a join brings values of other series: the right side is made of the table too, and not joined by its name.
    fn joins_several(&self, join: &Join, series: Named<'_>) -> bool {
        let by_name = |right: &String| series.has(self.passed_through(right, join.table, series.of));
        self.reads(join.table, series)
            && (self.made_of_several(join.table, series) || !join.on.iter().any(|(_, right)| by_name(right)))
    }

    /// Whether expressions look at other series.
    fn is_mixed(&self, exprs: &[&Expr], series: Named<'_>) -> bool {
        let looks = |kind: &ExprKind| match kind {
            ExprKind::Total(table) => self.reads(*table, series),
            ExprKind::Series(of) => matches!(of.of, SeriesOf::Share(_)),
            _ => false,
        };
        exprs.iter().any(|expr| expr.any(looks))
    }

    fn reads(&self, table: TableId, series: Named<'_>) -> bool {
        self.upstream(table).contains(&series.of)
    }
}

impl Named<'_> {
    fn has(self, column: Option<String>) -> bool {
        column.is_some_and(|column| self.columns.contains(&column))
    }
}
