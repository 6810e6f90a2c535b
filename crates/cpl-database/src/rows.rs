//! Rows of a database → batches.

use cpl_batch::{Batch, Cell, DatabaseProblem, Field, Place, Problem};

/// Rows that are handed out together.
const BATCH_ROWS: usize = 1 << 13;
/// Fewer of them where they have so many bytes.
const BATCH_BYTES: usize = 4 << 20;

/// A column of a result.
pub struct ResultColumn {
    /// Its name.
    pub name: String,
    /// The type of which no text is made; none where one is.
    pub refused: Option<String>,
}

/// The wanted columns of rows.
pub struct Rows<'f> {
    fields: &'f [Field],
    skip_bad: bool,
    /// The place of each wanted column in a row; none where the result lacks it, and may.
    places: Vec<Option<usize>>,
    batch: Batch,
    bytes: usize,
    count: u64,
}

impl<'f> Rows<'f> {
    /// Finds the wanted columns of a result.
    ///
    /// # Errors
    /// Where one is not there, or twice, or of a type of which no text is made.
    pub fn of(fields: &'f [Field], skip_bad: bool, columns: &[ResultColumn]) -> Result<Self, Problem> {
        if columns.is_empty() {
            return Err(Problem::Database(DatabaseProblem::NoQuery));
        }
        let places = fields.iter().map(|field| place(field, columns)).collect::<Result<_, _>>()?;
        Ok(Self { fields, skip_bad, places, batch: Batch::empty(fields), bytes: 0, count: 0 })
    }

    /// Adds a row, whose value in each place `cell` gives; a batch where one is full.
    ///
    /// # Errors
    /// A value that does not fit, where its row is not rejected.
    pub fn add<'v>(&mut self, mut cell: impl FnMut(usize) -> Cell<'v>) -> Result<Option<Batch>, Problem> {
        self.count += 1;
        let cells: Vec<Cell<'v>> = self.places.iter().map(|place| place.map_or(Cell::Absent, &mut cell)).collect();
        let place = Place { row: self.count, line: 0 };
        self.batch.take(&cells, self.fields, place, self.skip_bad)?;
        self.bytes += cells.iter().map(size).sum::<usize>();
        let is_full = self.batch.rows + self.batch.bad.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES;
        if is_full {
            self.bytes = 0;
        }
        Ok(is_full.then(|| std::mem::replace(&mut self.batch, Batch::empty(self.fields))))
    }

    /// The last rows, and of each wanted column whether it is there.
    pub fn end(self) -> (Batch, Vec<bool>) {
        (self.batch, self.places.iter().map(Option::is_some).collect())
    }
}

fn size(cell: &Cell<'_>) -> usize {
    match cell {
        Cell::Text(text) | Cell::Number(text) => text.len(),
        Cell::Bad(text) | Cell::NoText(text) => text.len(),
        Cell::Absent => 0,
    }
}

fn place(field: &Field, columns: &[ResultColumn]) -> Result<Option<usize>, Problem> {
    let mut found = columns.iter().enumerate().filter(|(_, column)| column.name == field.header);
    match (found.next(), found.next()) {
        (None, _) if field.may_lack => Ok(None),
        (None, _) => {
            let found = columns.iter().map(|column| column.name.clone()).collect();
            Err(Problem::NoColumn { header: field.header.clone(), found, line: None })
        }
        (Some(_), Some(_)) => Err(Problem::ColumnTwice { header: field.header.clone() }),
        (Some((_, ResultColumn { refused: Some(stored), .. })), None) => {
            let wanted =
                format!("{0}; write `cast({1} as …) as {1}` in the query", field.format.wanted(), field.header);
            Err(Problem::StoredAs { header: field.header.clone(), stored: stored.clone(), inside: None, wanted })
        }
        (Some((at, _)), None) => Ok(Some(at)),
    }
}
