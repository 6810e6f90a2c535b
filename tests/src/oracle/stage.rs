//! Stages: rows → rows.

use std::cmp::Ordering;

use cpl_model::program::{Expr, Grain, Join, Periods, Stage, TableId};
use jiff::{Timestamp, ToSpan, tz::TimeZone};

use super::{
    Alone, MadeJoin, Oracle, Row, Val,
    expr::Seen,
    surely::{carried, evidence_of},
};

impl Oracle<'_> {
    pub(super) fn stage(&self, stage: &Stage, rows: &[Row]) -> Vec<Row> {
        match stage {
            Stage::Where(filter) => {
                rows.iter().filter(|row| self.value(filter, row, rows) == Val::Bool(true)).cloned().collect()
            }
            Stage::Derive(columns) => columns.iter().fold(rows.to_vec(), |rows, (name, value)| {
                let with = |row: &Row| {
                    let mut made = row.clone();
                    made.insert(name.clone(), self.value(value, row, &rows));
                    made.remove(&evidence_of(name));
                    made.extend(carried(row, (name, value)));
                    made
                };
                rows.iter().map(with).collect()
            }),
            Stage::Keep(columns) => {
                let kept = |row: &Row| {
                    let value = |(name, value): &(String, Expr)| (name.clone(), self.value(value, row, rows));
                    let evidence = columns.iter().filter_map(|(name, value)| carried(row, (name, value)));
                    columns.iter().map(value).chain(evidence).collect()
                };
                rows.iter().map(kept).collect()
            }
            Stage::Join(join) => self.join(join, rows),
            Stage::Group { keys, items, days, .. } => {
                let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
                self.group(&names, (items, days.as_ref().map(|days| &days.of_row)), rows)
            }
            Stage::Sort(order) => {
                let mut rows = rows.to_vec();
                sort(&mut rows, order.iter().map(|(name, down)| (name.as_str(), *down)));
                rows
            }
            Stage::Take(n, per) => take(rows, *n as usize, per),
            Stage::Union(union) => {
                let tables = union.tables.iter().map(|id| self.tables[id.0].as_slice());
                let named = std::iter::once(rows).chain(tables).enumerate();
                let all = named.flat_map(|(at, rows)| rows.iter().map(move |row| (at, row)));
                let one = |(at, row): (usize, &Row)| {
                    let value = |name: &String| row.get(name).cloned().unwrap_or(Val::Unknown);
                    let mut made: Row = union.columns.iter().map(|c| (c.name.clone(), value(&c.name))).collect();
                    if let Some((into, names)) = &union.into {
                        made.insert(into.clone(), Val::Text(names[at].clone()));
                    }
                    made
                };
                all.map(one).collect()
            }
            Stage::Unpivot(unpivot) => {
                let of = |(column, called): &(String, String)| {
                    let one = |row: &Row| {
                        let mut made = row.clone();
                        for (column, _) in &unpivot.columns {
                            made.remove(column);
                        }
                        made.insert(unpivot.name.clone(), Val::Text(called.clone()));
                        made.insert(unpivot.value.0.clone(), row[column].clone());
                        made
                    };
                    rows.iter().map(one).collect::<Vec<Row>>()
                };
                unpivot.columns.iter().flat_map(of).collect()
            }
            Stage::FillGaps(periods) => filled(rows, periods, &self.program.timezone),
        }
    }

    fn join(&self, join: &Join, rows: &[Row]) -> Vec<Row> {
        let right = &self.tables[join.table.0];
        let (mut made, mut left_unmatched) = (Vec::new(), 0);
        let mut met = vec![false; right.len()];
        for row in rows {
            let fits =
                |other: &&Row| join.on.iter().all(|(left, right)| !row[left].is_unknown() && row[left] == other[right]);
            let mut partners: Vec<&Row> = right.iter().filter(fits).collect();
            if let Some(latest) = &join.latest {
                let micros = |value: &Val| match value {
                    Val::Moment(moment) => Some(moment.as_microsecond()),
                    Val::Date(date) => {
                        date.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp().as_microsecond())
                    }
                    _ => None,
                };
                let now = micros(&row[&latest.left]);
                let near = |at: i64| now.is_some_and(|now| at <= now && at > now - latest.within);
                partners.retain(|other| micros(&other[&latest.right]).is_some_and(near));
                let newest = partners.into_iter().max_by(|a, b| {
                    let by = std::iter::once(&latest.right).chain(&latest.order);
                    by.map(|name| nulls_last(&a[name], &b[name], false)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
                });
                partners = newest.into_iter().collect();
            }
            left_unmatched += usize::from(partners.is_empty());
            for other in &partners {
                met.iter_mut()
                    .zip(right)
                    .filter(|(_, row)| std::ptr::eq(*row, *other))
                    .for_each(|(met, _)| *met = true);
                let mut both = row.clone();
                both.extend(join.columns.iter().map(|(from, name)| (name.clone(), other[from].clone())));
                let evidence =
                    |(from, name): &(String, String)| Some((evidence_of(name), other.get(&evidence_of(from))?.clone()));
                both.extend(join.columns.iter().filter_map(evidence));
                made.push(both);
            }
            if partners.is_empty() && join.left {
                let mut alone = row.clone();
                alone.extend(join.columns.iter().map(|(_, name)| (name.clone(), Val::Unknown)));
                made.push(alone);
            }
        }
        // The table under way is the next one.
        let id = TableId(self.tables.len());
        let name = |id: TableId| self.program.table(id).name.clone();
        let nobody = left_unmatched > 0 && !met.contains(&true) && !join.or_none;
        let unmet = nobody.then(|| self.program.written(join.span));
        let rows = (left_unmatched, met.iter().filter(|met| !**met).count());
        let alone = Alone { table: name(id), with: name(join.table), kept: join.left, rows };
        self.made_joins.borrow_mut().push(MadeJoin { of: id, alone, unmet });
        made
    }

    fn group(&self, keys: &[&str], (items, day): (&[(String, Expr)], Option<&Expr>), rows: &[Row]) -> Vec<Row> {
        let mut groups: Vec<(Row, Vec<&Row>)> = Vec::new();
        for row in rows {
            let key: Row = keys.iter().map(|name| ((*name).to_owned(), row[*name].clone())).collect();
            match groups.iter_mut().find(|(before, _)| *before == key) {
                Some((_, rows)) => rows.push(row),
                None => groups.push((key, vec![row])),
            }
        }
        if keys.is_empty() {
            groups = vec![(Row::new(), rows.iter().collect())];
        }
        let one = |(key, group): (Row, Vec<&Row>)| {
            let mut made = key.clone();
            for (name, value) in items {
                made.insert(name.clone(), self.eval(value, &Seen { row: &key, rows: &[], group: Some(&group) }));
                made.extend(self.evidence(value, day, &group).map(|evidence| (evidence_of(name), evidence)));
            }
            made
        };
        let mut made: Vec<Row> = groups.into_iter().map(one).collect();
        sort(&mut made, keys.iter().map(|name| (*name, false)));
        made
    }

    pub(super) fn value(&self, expr: &Expr, row: &Row, rows: &[Row]) -> Val {
        self.eval(expr, &Seen { row, rows, group: None })
    }
}

/// Unknown comes last, whichever way.
fn nulls_last(a: &Val, b: &Val, down: bool) -> Ordering {
    match (a.is_unknown(), b.is_unknown()) {
        (false, false) if down => b.order(a),
        (false, false) => a.order(b),
        (a, b) => a.cmp(&b),
    }
}

/// Stable.
pub fn sort<'n>(rows: &mut [Row], by: impl Iterator<Item = (&'n str, bool)>) {
    let by: Vec<(&str, bool)> = by.collect();
    rows.sort_by(|a, b| {
        let order = by.iter().map(|(name, down)| nulls_last(&a[*name], &b[*name], *down));
        order.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
}

fn take(rows: &[Row], n: usize, per: &[String]) -> Vec<Row> {
    let same = |row: &Row, other: &&Row| per.iter().all(|name| other[name] == row[name]);
    let before = |at: usize, row: &Row| rows[..at].iter().filter(|other| same(row, other)).count();
    rows.iter().enumerate().filter(|(at, row)| before(*at, row) < n).map(|(_, row)| row.clone()).collect()
}

fn filled(rows: &[Row], periods: &Periods, zone: &TimeZone) -> Vec<Row> {
    let names = periods.names();
    let mut all = rows.to_vec();
    for row in rows {
        // Row by row up to the next of its series, or its end.
        let same = |other: &&Row| periods.series.iter().all(|name| other[name] == row[name]);
        let times: Vec<&Val> = rows.iter().filter(same).map(|other| &other[&periods.time]).collect();
        let mut at = row[&periods.time].clone();
        while let Some(next) = following(&at, periods.grain, zone) {
            let later = times.iter().any(|time| !time.is_unknown() && time.order(&next).is_gt());
            if !later || times.contains(&&next) {
                break;
            }
            let mut made: Row = row.keys().map(|name| (name.clone(), Val::Unknown)).collect();
            for name in &names {
                made.insert(name.clone(), row[name].clone());
            }
            made.insert(periods.time.clone(), next.clone());
            // Several rows of one period come before the same gap.
            if !all.iter().any(|other| names.iter().all(|name| other[name] == made[name])) {
                all.push(made);
            }
            at = next;
        }
    }
    sort(&mut all, periods.order.iter().map(|name| (name.as_str(), false)));
    all
}

fn following(at: &Val, grain: Grain, zone: &TimeZone) -> Option<Val> {
    match (at, grain) {
        (Val::Date(date), Grain::Day) => date.checked_add(1.day()).ok().map(Val::Date),
        (Val::Date(date), Grain::Week) => date.checked_add(1.week()).ok().map(Val::Date),
        (Val::Date(date), Grain::Month) => date.checked_add(1.month()).ok().map(Val::Date),
        (Val::Moment(moment), Grain::Hour) => {
            // Where the clock is moved by half an hour, the hour before or after the change is a short one.
            let hour = |at: &Timestamp| {
                let clock = zone.to_datetime(*at);
                (clock.date(), clock.hour(), zone.to_offset(*at))
            };
            let quarters = (1..=4).filter_map(|quarters| moment.checked_add((15 * quarters).minutes()).ok());
            quarters.into_iter().find(|at| hour(at) != hour(moment)).map(Val::Moment)
        }
        _ => None,
    }
}
