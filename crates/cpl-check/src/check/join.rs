//! `join`: the right side is unique on the keys, and no column name occurs on both sides.

use cpl_syntax::{
    Code, Diagnostic, Span,
    tree::{self, JoinKey},
};

use super::{
    Checker,
    scope::{Scope, ScopeColumn},
    state::reporter::Checked,
    transform::Relation,
};
use cpl_model::{
    program::{Constant, ExprKind, Join, Latest, Stage, Table},
    types::{Denomination, Type},
};

impl Checker<'_> {
    pub(super) fn join(&mut self, join: &tree::Join, span: Span, relation: &mut Relation) -> Checked<Stage> {
        let id = self.table_id(&join.table)?;
        let right = self.tables[id].clone();
        let on = self.join_keys(&join.on, &right, relation)?;
        relation.settles = relation.settles.max(right.settles);
        let latest = match &join.latest {
            None => None,
            Some(latest) => Some(self.latest(latest, &on, &right, relation)?),
        };
        let check_unique = latest.is_none() && !join.many && self.uniqueness(join, &on, &right, span)?;
        let columns = self.joined_columns(join, &on, &right, relation)?;
        for (from, name) in &columns {
            let Some(column) = right.column(from) else { continue };
            relation.columns.push(ScopeColumn {
                name: name.clone(),
                ty: Ok(renamed(column.ty, &columns, &on)),
                unknown: column.unknown || join.left,
                span: column.span,
                grain: column.grain,
            });
        }
        if join.many {
            relation.key = None;
        }
        // An inner join may find no partner.
        if join.many || !(join.left || (on.is_empty() && right.singleton)) {
            relation.singleton = false;
        }
        let or_none = self.or_none(join)?;
        let (left, many) = (join.left, join.many);
        Ok(Stage::Join(Join { table: id, left, on, columns, many, latest, check_unique, or_none, span }))
    }

    /// `or none`: only of a left join, whose rows stay.
    fn or_none(&mut self, join: &tree::Join) -> Checked<bool> {
        let Some(span) = join.or_none else { return Ok(false) };
        if join.left && !join.on.is_empty() {
            return Ok(true);
        }
        let why = if join.left { "a table of one row has a match for each" } else { "without a match it has no rows" };
        self.fail(
            Diagnostic::new(Code::E0107, "`or none` is for a `left join … on …`").at(span, why).help(if join.left {
                "drop `or none`"
            } else {
                "write `left join`, or drop `or none`"
            }),
        )
    }

    /// The columns of the right side and their new names. No name may occur on both sides.
    fn joined_columns(
        &mut self,
        join: &tree::Join,
        on: &[(String, String)],
        right: &Table,
        relation: &Relation,
    ) -> Checked<Vec<(String, String)>> {
        let mut columns = Vec::new();
        for column in right.columns.iter().filter(|column| !on.iter().any(|(_, key)| *key == column.name)) {
            let name = match &join.alias {
                Some(alias) => format!("{}.{}", alias.as_str(), column.name),
                None => column.name.clone(),
            };
            if let Some(left) = relation.column(&name) {
                let label = (left.span, format!("`{name}` of the left side"));
                let help = match &join.alias {
                    Some(_) => "call the table otherwise behind `as`".to_owned(),
                    None => format!("join on it, or call the table otherwise: `join {} as t …`", right.name),
                };
                return self.fail(
                    Diagnostic::new(Code::E0403, format!("both sides have a column `{name}`"))
                        .at(join.table.span, format!("`{}` has it too", right.name))
                        .at(label.0, label.1)
                        .help(help),
                );
            }
            columns.push((column.name.clone(), name));
        }
        Ok(columns)
    }

    fn join_keys(&mut self, keys: &[JoinKey], right: &Table, relation: &Relation) -> Checked<Vec<(String, String)>> {
        let mut on: Vec<(String, String)> = Vec::new();
        for key in keys {
            let name = key.left.column();
            let left = self.find_column(&name, &relation.columns)?;
            let other = key.right.as_ref().map_or(&key.left.name, |path| &path.name);
            let Some(column) = right.column(other.as_str()) else {
                let message = format!("`{}` has no column named `{}`", right.name, other.as_str());
                let label = if key.right.is_some() { "not found there" } else { "only the left side has it" };
                return self.refuse(Code::E0201, message, other.span, label);
            };
            self.analysis.record_use(other.span, column.span);
            let left_type = left.ty?;
            if left_type != column.ty && !(left_type.is_whole() && column.ty.is_whole()) {
                return self.fail(
                    Diagnostic::new(
                        Code::E0301,
                        format!("`{}` is {} on the left and {} on the right", name.as_str(), left_type, column.ty),
                    )
                    .at(name.span, "these never match")
                    .at(left.span, format!("this is {left_type}"))
                    .at(column.span, format!("this is {}", column.ty)),
                );
            }
            if on.iter().any(|(before, other)| *before == name.value || *other == column.name) {
                let message = format!("`{}` is joined on twice", name.as_str());
                return self.refuse(Code::E0202, message, name.span, "the second one");
            }
            on.push((name.value.clone(), column.name.clone()));
        }
        Ok(on)
    }

    /// `latest T_TIME before TIME within 7 days`.
    fn latest(
        &mut self,
        latest: &tree::Latest,
        on: &[(String, String)],
        right: &Table,
        relation: &Relation,
    ) -> Checked<Latest> {
        let (theirs, ours) = (&latest.right.name, latest.left.column());
        let right_time = self.column_of(theirs, right)?;
        let left_time = self.find_column(&ours, &relation.columns)?;
        let left_type = left_time.ty?;
        if !right_time.ty.is_time() || left_type != right_time.ty {
            let message =
                format!("`latest` compares two times of one type, and not {} with {left_type}", right_time.ty);
            return self.refuse(Code::E0301, message, theirs.span, "wanted: two dates, or two datetimes");
        }
        let within = self.expr(&latest.within, &Scope::CONSTANT)?;
        let micros = match &within.kind {
            ExprKind::Constant(Constant::Duration(micros)) if *micros > 0 => *micros,
            _ => {
                let label = "wanted: a length such as `7 days`; a month has no fixed one";
                return self.refuse(Code::E0301, "how long before?", within.span, label);
            }
        };
        let Some(key) = &right.key else {
            return self.fail(
                Diagnostic::new(
                    Code::E0402,
                    format!("of several rows of `{}` at one moment, which is the latest?", right.name),
                )
                .at(theirs.span, "the table has no key to tell")
                .at(right.span, "this table")
                .help("give it a `key`"),
            );
        };
        let joined = |part: &&String| **part != theirs.value && !on.iter().any(|(_, key)| key == *part);
        let order = key.iter().filter(joined).cloned().collect();
        Ok(Latest { right: theirs.value.clone(), left: ours.value, within: micros, order })
    }

    /// Whether uniqueness must be checked at run time; an error if the key rules it out.
    fn uniqueness(&mut self, join: &tree::Join, on: &[(String, String)], right: &Table, span: Span) -> Checked<bool> {
        if right.singleton {
            return Ok(false);
        }
        let names = on.iter().map(|(_, right)| right.as_str()).collect::<Vec<_>>();
        if on.is_empty() {
            return self.fail(
                Diagnostic::new(Code::E0402, format!("`{}` has many rows: joined on what?", right.name))
                    .at(join.table.span, "not a table of one row")
                    .help("add `on COLUMN`, or make it one row with `group { … }`"),
            );
        }
        let Some(key) = &right.key else { return Ok(true) };
        let missing: Vec<&str> = key.iter().map(String::as_str).filter(|part| !names.contains(part)).collect();
        if missing.is_empty() {
            return Ok(false);
        }
        let (missing, names) = (missing.join(", "), names.join(", "));
        self.fail(
            Diagnostic::new(
                Code::E0402,
                format!("this join fans out: `{}` has many rows for each {names}", right.name),
            )
            .at(span, format!("one row of the left would become several, one for each {missing}"))
            .at(right.span, format!("its key is {}", key.join(", ")))
            .help(format!(
                "join on {missing} too, or group `{}` by {names} before; if it is meant: `join many`",
                right.name
            )),
        )
    }
}

/// Money whose currency column has another name on this side.
fn renamed(ty: Type, columns: &[(String, String)], on: &[(String, String)]) -> Type {
    let Some(of) = ty.currency_column() else { return ty };
    let joined = columns.iter().find(|(from, _)| from == of).map(|(_, name)| name);
    let here = joined.or(on.iter().find(|(_, right)| right == of).map(|(left, _)| left));
    here.map_or(ty, |name| Type::Money(Denomination::of_column(name)))
}
