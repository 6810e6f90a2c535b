//! Where a column's values come from, and which values tell why a computed one is unknown.

use super::{ArithOp, Expr, ExprKind, Program, Stage, TableId, TableSource};

/// What gives a column its values.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'p> {
    /// An item of a stage: an expression over what is there before that place.
    Computed(Place, Item<'p>),
    /// An item of a group; what is there before is gone.
    Grouped(Place, Item<'p>),
    /// It names a group.
    Key,
    /// The right side of a join.
    Joined(TableId),
    /// The table that a transform begins with.
    Passed(TableId),
    /// A file.
    Fetched,
}

/// A computed column: its number among the items of its stage, and its value.
#[derive(Clone, Copy, Debug)]
pub struct Item<'p> {
    /// The number.
    pub at: usize,
    /// The value.
    pub value: &'p Expr,
}

/// A place among a table's stages: all before `stage`, and the first `item`s of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The table.
    pub table: TableId,
    /// The stage.
    pub stage: usize,
    /// The item of the stage.
    pub item: usize,
}

impl Program {
    /// The place after all stages of a table.
    #[must_use]
    pub fn end(&self, table: TableId) -> Place {
        let stage = match &self.table(table).source {
            TableSource::Fetch(_) => 0,
            TableSource::Transform { stages, .. } => stages.len(),
        };
        Place { table, stage, item: 0 }
    }

    /// What gave a column its values, as it is seen at `before`.
    #[must_use]
    pub fn origin<'p>(&'p self, mut column: &'p str, before: Place) -> Origin<'p> {
        let TableSource::Transform { from, stages } = &self.table(before.table).source else { return Origin::Fetched };
        for (at, stage) in stages.iter().enumerate().take(before.stage + 1).rev() {
            let items = if at == before.stage { before.item } else { usize::MAX };
            let computed = |list: &'_ [(String, Expr)]| list.iter().take(items).rposition(|(name, _)| name == column);
            let place = |item| Place { stage: at, item, ..before };
            match stage {
                Stage::Derive(list) => {
                    if let Some(item) = computed(list) {
                        return Origin::Computed(place(item), Item { at: item, value: &list[item].1 });
                    }
                }
                // The items of these see what stands before the stage, and not each other.
                Stage::Keep(list) if at < before.stage => {
                    match computed(list).map(|at| Item { at, value: &list[at].1 }) {
                        Some(Item { value: Expr { kind: ExprKind::Column(name), .. }, .. }) => column = name,
                        Some(item) => return Origin::Computed(place(0), item),
                        None => return Origin::Key,
                    }
                }
                Stage::Group { items: list, .. } if at < before.stage => {
                    let item = computed(list).map(|at| Item { at, value: &list[at].1 });
                    return item.map_or(Origin::Key, |item| Origin::Grouped(place(0), item));
                }
                Stage::Join(join) if at < before.stage && join.columns.iter().any(|(_, name)| name == column) => {
                    return Origin::Joined(join.table);
                }
                // Rows of several columns or tables: it is known no further back.
                Stage::Union(_) | Stage::Unpivot(_) if at < before.stage => return Origin::Key,
                _ => {}
            }
        }
        Origin::Passed(*from)
    }
}

impl Program {
    /// The column of a table that gives a column of another, made of it, its values as they are; none where they are
    /// computed on the way.
    #[must_use]
    pub fn passed_through(&self, column: &str, table: TableId, of: TableId) -> Option<String> {
        let stages = match &self.table(table).source {
            TableSource::Fetch(_) => 0,
            TableSource::Transform { stages, .. } => stages.len(),
        };
        self.passed_before(column, table, stages, of)
    }

    /// The same of the column as it is after the first so many stages.
    pub(super) fn passed_before(&self, column: &str, table: TableId, stages: usize, of: TableId) -> Option<String> {
        if table == of {
            return Some(column.to_owned());
        }
        let TableSource::Transform { from, stages: all } = &self.table(table).source else { return None };
        let Some(before) = stages.checked_sub(1) else { return self.passed_through(column, *from, of) };
        let earlier = |name: &str| self.passed_before(name, table, before, of);
        match &all[before] {
            Stage::Derive(made) => earlier(made.iter().rev().try_fold(column, |name, item| renamed(name, item))?),
            Stage::Keep(kept) => {
                let item = kept.iter().find(|(name, _)| name == column)?;
                earlier(renamed(column, item)?)
            }
            Stage::Group { keys, .. } => keys.iter().any(|key| key.name == column).then(|| earlier(column)).flatten(),
            Stage::Join(join) => match join.columns.iter().find(|(_, name)| name == column) {
                Some((right, _)) => self.passed_through(right, join.table, of),
                // Of equal columns either will do.
                None => earlier(column).or_else(|| {
                    let (_, right) = join.on.iter().find(|(left, _)| left == column)?;
                    self.passed_through(right, join.table, of)
                }),
            },
            Stage::Union(union) => earlier(column)
                .or_else(|| union.tables.iter().find_map(|other| self.passed_through(column, *other, of))),
            Stage::Unpivot(unpivot) if unpivot.name == column || unpivot.value.0 == column => None,
            Stage::Unpivot(_) | Stage::Where(_) | Stage::Sort(_) | Stage::Take(..) | Stage::FillGaps(_) => {
                earlier(column)
            }
        }
    }
}

/// What a column was called before an item that may have made it; none where that computes it.
fn renamed<'p>(column: &'p str, (name, value): &'p (String, Expr)) -> Option<&'p str> {
    match &value.kind {
        _ if name != column => Some(column),
        ExprKind::Column(before) => Some(before),
        _ => None,
    }
}

impl Expr {
    /// The direct parts whose values tell why the expression is unknown: those that may be, and what divides.
    /// An aggregate has none: it is unknown over nothing that is known.
    #[must_use]
    pub fn possibly_null_parts(&self) -> Vec<&Self> {
        let divisor = self.divisor();
        let suspect = |part: &&Self| part.unknown || divisor.is_some_and(|by| std::ptr::eq(by, *part));
        match &self.kind {
            ExprKind::Aggregate(_) | ExprKind::ByDay(_) | ExprKind::Series(_) => Vec::new(),
            // People know its sides, and not the columns that tell how sure they are.
            ExprKind::Surely(surely) => surely.operands().into_iter().map(|side| &side.value).filter(suspect).collect(),
            _ => self.parts().into_iter().filter(suspect).collect(),
        }
    }

    /// What divides, where that is not written out.
    #[must_use]
    pub fn divisor(&self) -> Option<&Self> {
        match &self.kind {
            ExprKind::Arith(ArithOp::Divide, _, by) if !matches!(by.kind, ExprKind::Constant(_)) => Some(by),
            _ => None,
        }
    }

    /// All parts that `suspects` leads to.
    #[must_use]
    pub fn provenance_parts(&self) -> Vec<&Self> {
        self.possibly_null_parts()
            .into_iter()
            .flat_map(|part| std::iter::once(part).chain(part.provenance_parts()))
            .collect()
    }
}
