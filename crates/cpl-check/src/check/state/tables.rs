//! The tables of a pipeline, and how far each has been checked.

use std::{
    collections::HashMap,
    ops::{Index, IndexMut},
};

use cpl_model::program::{Table, TableId};
use cpl_syntax::{Name, tree};

use super::reporter::Checked;

/// The item that declares a table.
#[derive(Clone, Copy)]
pub enum TableItem<'a> {
    /// A `fetch`.
    Fetch(&'a tree::Fetch),
    /// A `transform`.
    Transform(&'a tree::Transform),
}

impl<'a> TableItem<'a> {
    /// The name it declares.
    pub fn name(self) -> &'a Name {
        match self {
            Self::Fetch(fetch) => &fetch.name,
            Self::Transform(transform) => &transform.name,
        }
    }
}

/// Tables are checked when they are first named, so each comes after its inputs.
pub struct Tables<'a> {
    /// The items by name; of several of one name the first fetch, else the first transform.
    items: HashMap<&'a str, TableItem<'a>>,
    /// The tables that were checked.
    pub ids: HashMap<&'a str, Checked<TableId>>,
    /// The tables being checked, outermost first: for cycles.
    pub in_progress: Vec<&'a Name>,
    checked: Vec<Table>,
}

impl<'a> Tables<'a> {
    /// The tables of a file, of which none is checked yet.
    pub fn of(file: &'a tree::File) -> Self {
        let transforms = file.transforms.iter().rev().map(TableItem::Transform);
        let items = transforms.chain(file.fetches.iter().rev().map(TableItem::Fetch));
        Self {
            items: items.map(|item| (item.name().as_str(), item)).collect(),
            ids: HashMap::new(),
            in_progress: Vec::new(),
            checked: Vec::with_capacity(file.fetches.len() + file.transforms.len()),
        }
    }

    /// The item that declares a table.
    pub fn item(&self, name: &str) -> Option<TableItem<'a>> {
        self.items.get(name).copied()
    }

    /// Adds a checked table.
    pub fn push(&mut self, table: Table) -> TableId {
        self.checked.push(table);
        TableId(self.checked.len() - 1)
    }

    /// The checked tables, each after its inputs.
    pub fn iter(&self) -> std::slice::Iter<'_, Table> {
        self.checked.iter()
    }

    /// The checked tables, each after its inputs.
    pub fn into_checked(self) -> Vec<Table> {
        self.checked
    }
}

impl Index<TableId> for Tables<'_> {
    type Output = Table;

    fn index(&self, id: TableId) -> &Table {
        &self.checked[id.0]
    }
}

impl IndexMut<TableId> for Tables<'_> {
    fn index_mut(&mut self, id: TableId) -> &mut Table {
        &mut self.checked[id.0]
    }
}
