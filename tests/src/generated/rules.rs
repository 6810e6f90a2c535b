//! Rules of generated pipelines: what they look at, change and keep.

use std::fmt::Write;

use super::{Maker, Ty};

impl Maker {
    /// The days on which a rule is looked at.
    fn days(&mut self) -> &'static str {
        let all = ["", "", "", "  on weekdays\n", "  on saturday, sunday\n", "  on friday, monday\n"];
        all[self.rng.usize(..all.len())]
    }

    pub(super) fn rules(&mut self) -> String {
        let mut text = "decide act for each ch, sub in acted {\n".to_owned();
        let when = if self.chance(2) { "budget >= $0".to_owned() } else { self.bool(2) };
        let _ = writeln!(text, "  when {when}");
        text.push_str(self.days());
        if self.chance(2) {
            let _ = writeln!(text, "  require {}", self.bool(1));
        }
        let _ = writeln!(text, "  then {} via print", self.action());
        match self.rng.u8(..4) {
            0 => drop(writeln!(text, "  keep budget at most {}", self.expr(Ty::Money, 1))),
            1 => text.push_str("  keep budget at least $2\n"),
            2 => text.push_str("  keep budget between $0.50 and $1000\n"),
            _ => {}
        }
        match self.rng.u8(..5) {
            0 => drop(writeln!(text, "  keep total budget at most {}", self.literal(Ty::Money))),
            1 => text.push_str("  keep total budget at most $100\n"),
            2 => text.push_str("  keep total budget unchanged\n"),
            _ => {}
        }
        if self.chance(3) {
            let end = if self.chance(2) { "lowest" } else { "highest" };
            let _ = writeln!(text, "  at most {} per run, {end} {} first", self.rng.u8(1..4), self.expr(Ty::Money, 1));
        }
        let _ =
            writeln!(text, "}}\nalert tell for each ch, sub in acted {{\n  when {}\n{}}}", self.bool(2), self.days());
        // It rests on a table of which nothing is said: it is reported whatever is broken elsewhere.
        text.push_str("alert aside for each ch in sums { when m0 >= $0 }\n");
        let _ = writeln!(text, "alert sure for each ch, sub in sured {{ when {} }}", self.surely());
        text
    }

    fn action(&mut self) -> String {
        let amount = match self.rng.u8(..3) {
            0 => "20%".to_owned(),
            1 => "33.3%".to_owned(),
            _ => self.literal(Ty::Money),
        };
        match self.rng.u8(..8) {
            0 => "change budget by +20%".to_owned(),
            1 => "change budget by -7.5%".to_owned(),
            2 => {
                let sign = if self.rng.bool() { "+" } else { "-" };
                format!("change budget by {sign}{}", self.literal(Ty::Money).trim_start_matches('-'))
            }
            3 => format!("change budget to {}", self.expr(Ty::Money, 1)),
            4 => format!("move {amount} of budget to m0"),
            5 => format!("move {amount} of m0 to budget"),
            _ => {
                let ends = ["highest", "lowest"].map(|end| format!("{end} {}", self.expr(Ty::Money, 1)));
                let [from, to] = if self.rng.bool() { ends } else { [ends[1].clone(), ends[0].clone()] };
                format!("move {amount} of budget from {from} to {to}")
            }
        }
    }
}
