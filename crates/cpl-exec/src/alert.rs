//! Alerts: the rows for which a rule is true, gravest first.

use cpl_plan::{
    program::{Alert as Rule, Piece, Program, Rows},
    report::{Alert, State},
    value::Value,
};
use polars::prelude::{self as pl, LazyFrame};

use crate::{
    expr::Translate,
    rows::rows,
    rule::{self, Conditions, Verdict},
    slots::{Slot, Slots},
    trouble::Trouble,
};

/// An alert's rule, ready to be asked.
pub struct Asked {
    slots: Slots,
    conditions: Conditions,
    say: Vec<Said>,
}

enum Said {
    Letters(String),
    Hole(Slot),
}

impl Asked {
    pub fn of(rule: &Rule, program: &Program) -> Self {
        let mut slots = Slots::default();
        let conditions = Conditions::of(&rule.when, &rule.rows, program, &mut slots);
        let say = rule.say.iter().map(|piece| match piece {
            Piece::Letters(letters) => Said::Letters(letters.clone()),
            Piece::Hole(expr) => Said::Hole(slots.add(expr)),
        });
        let say = say.collect();
        Self { slots, conditions, say }
    }

    pub fn frame(&self, table: LazyFrame, rows: &Rows, translate: &Translate<'_>) -> Result<LazyFrame, Trouble> {
        self.slots.frame(table, rows, translate)
    }

    /// The rows that are told, and how many are quiet. `broken` is why the rule's data can't be trusted.
    pub fn told(
        &self,
        rule: &Rule,
        program: &Program,
        frame: &pl::DataFrame,
        broken: Option<&str>,
        tell_quiet: bool,
    ) -> Result<(Vec<Alert>, usize), Trouble> {
        let (mut alerts, mut quiet) = (Vec::new(), 0);
        for row in rows(frame, &self.slots.types(), &program.timezone)? {
            let (state, text) = match (self.conditions.verdict(&row), broken) {
                (Verdict::Quiet, _) => {
                    quiet += 1;
                    if !tell_quiet {
                        continue;
                    }
                    (State::Quiet, self.conditions.not_so(&row, program).join(", "))
                }
                (_, Some(why)) => (State::Suppressed, why.to_owned()),
                (Verdict::Undecided, None) => (State::Undecided, self.conditions.unknown(&row).join("; ")),
                (Verdict::Fires, None) => (State::Fires, self.text(&row, program)),
            };
            let key = self.conditions.key(&row);
            alerts.push(Alert { alert: rule.name.clone(), key, state, severity: rule.severity, text });
        }
        alerts.sort_by_cached_key(|alert| rule::order(&alert.key));
        Ok((alerts, quiet))
    }

    fn text(&self, row: &[Value], program: &Program) -> String {
        if self.say.is_empty() {
            let told = self.conditions.told(row, program).join(" and ");
            let key: Vec<String> = self.conditions.key(row).0.iter().map(|(_, value)| value.to_string()).collect();
            return if key.is_empty() { told } else { format!("{}: {told}", key.join(", ")) };
        }
        let pieces = self.say.iter().map(|piece| match piece {
            Said::Letters(letters) => letters.clone(),
            Said::Hole(slot) => row[slot.0].to_string(),
        });
        pieces.collect()
    }
}
