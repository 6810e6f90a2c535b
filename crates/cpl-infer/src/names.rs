//! Names of the language for the names of files and columns.

use std::{collections::BTreeSet, path::Path};

use cpl_syntax::is_name;

use crate::sample::{Column, Located};

/// A name of the language for a name of a file.
fn name(of: &str) -> String {
    let mut name = String::new();
    // `Straße` is `strasse`, `Дата` is `data`.
    for letter in any_ascii::any_ascii(of.trim()).chars() {
        if letter.is_ascii_alphanumeric() {
            name.push(letter.to_ascii_lowercase());
        } else if !name.ends_with('_') && !name.is_empty() {
            name.push('_');
        }
    }
    let name = name.trim_end_matches('_');
    let name = if name.is_empty() { "column" } else { name };
    let named = if name.starts_with(|c: char| c.is_ascii_digit()) { format!("n_{name}") } else { name.to_owned() };
    if is_name(&named) { named } else { format!("{named}_") }
}

/// The name of a file's table.
pub fn of_table(path: &str) -> String {
    let stem = Path::new(path.trim_end_matches(".gz")).file_stem().unwrap_or_default();
    name(&stem.to_string_lossy())
}

/// A name for each column, each once. One that is a name of the language stays as it is.
pub fn of(columns: &[Column]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let own: Vec<Option<String>> = columns
        .iter()
        .map(|column| {
            let plain = is_name(&column.name) && column.place == Located::Named;
            (plain && taken.insert(column.name.clone())).then(|| column.name.clone())
        })
        .collect();
    let mut names = Vec::new();
    for (column, own) in columns.iter().zip(own) {
        names.push(own.unwrap_or_else(|| {
            let first = name(&column.name);
            let mut unique = first.clone();
            let mut number = 2;
            while !taken.insert(unique.clone()) {
                unique = format!("{first}_{number}");
                number += 1;
            }
            unique
        }));
    }
    names
}
