//! Expressions of generated pipelines, by the type of their value.

use super::{Maker, Ty, pick};

impl Maker {
    pub(super) fn any_type(&mut self) -> Ty {
        *pick(&mut self.rng, &[Ty::Money, Ty::Money, Ty::Whole, Ty::Number, Ty::Ratio, Ty::Date, Ty::Text, Ty::Bool])
    }

    pub(super) fn literal(&mut self, ty: Ty) -> String {
        let of: &[&str] = match ty {
            Ty::Money => &["$0", "$1.50", "$12.345678", "$0.01", "$1000"],
            Ty::Whole => &["0", "1", "7", "12"],
            Ty::Number => &["0.5", "2.25", "0.1"],
            Ty::Ratio => &["3.2%", "50%", "1.5x", "0%"],
            Ty::Date => &["2026-11-15", "2026-10-31", "today", "yesterday"],
            Ty::Moment => &["2026-11-01T01:30", "now"],
            Ty::Text => &["\"a\"", "\"b\"", "\"\""],
            Ty::Bool => &["true", "false"],
        };
        pick(&mut self.rng, of).to_string()
    }

    pub(super) fn leaf(&mut self, ty: Ty) -> String {
        let fits: Vec<String> = self.columns.iter().filter(|(_, of)| *of == ty).map(|(name, _)| name.clone()).collect();
        if fits.is_empty() || self.chance(5) { self.literal(ty) } else { pick(&mut self.rng, &fits).clone() }
    }

    pub(super) fn expr(&mut self, ty: Ty, depth: u8) -> String {
        if depth == 0 {
            return self.leaf(ty);
        }
        let d = depth - 1;
        match (ty, self.rng.u8(..9)) {
            (Ty::Bool, _) => self.bool(d),
            (_, 0) if ty != Ty::Moment => format!("if({}, {}, {})", self.bool(d), self.expr(ty, d), self.expr(ty, d)),
            (_, 1) => format!("({} ?? {})", self.expr(ty, d), self.expr(ty, d)),
            (Ty::Money, 2) => format!("({} + {})", self.expr(ty, d), self.expr(ty, d)),
            (Ty::Money, 3) => format!("({} - {})", self.expr(ty, d), self.expr(ty, d)),
            (Ty::Money, 4) => format!("({} * {})", self.expr(ty, d), self.leaf(Ty::Whole)),
            (Ty::Money, 5) => format!("({} / {})", self.expr(ty, d), self.leaf(Ty::Whole)),
            (Ty::Money, 6) if self.floats => format!("({} * {})", self.expr(ty, d), self.expr(Ty::Ratio, d)),
            (Ty::Money, 7) if self.floats => format!("({} / {})", self.expr(ty, d), self.expr(Ty::Number, d)),
            (Ty::Money, _) => {
                let of = pick(&mut self.rng, &["abs(E)", "round(E, 1)", "floor(E)", "ceil(E)", "-(E)", "round(E)"])
                    .to_string();
                of.replace('E', &self.expr(ty, d))
            }
            (Ty::Whole, 2) => format!("({} + {})", self.expr(ty, d), self.expr(ty, d)),
            (Ty::Whole, 3) => format!("({} - {})", self.expr(ty, d), self.expr(ty, d)),
            (Ty::Whole, 4) => format!("({} * {})", self.leaf(ty), self.leaf(ty)),
            (Ty::Whole, 5) => format!("cents({})", self.leaf(Ty::Money)),
            (Ty::Whole, 6) => format!("days_between({}, {})", self.expr(Ty::Date, d), self.expr(Ty::Date, d)),
            (Ty::Whole, _) => {
                let of = ["month(E)", "day_of_month(E)", "days_in_month(E)", "year(E)"];
                pick(&mut self.rng, &of).to_string().replace('E', &self.expr(Ty::Date, d))
            }
            (Ty::Number, 2) => format!("({} + {})", self.expr(ty, d), self.expr(ty, d)),
            (Ty::Number, 3) => format!("({} * {})", self.leaf(ty), self.leaf(ty)),
            (Ty::Number, 4) => format!("sqrt({})", self.expr(ty, d)),
            (Ty::Number, 5) => format!("number({})", self.expr(Ty::Money, d)),
            (Ty::Number, 6) if self.has("at") => format!("hours_between(at, {})", self.leaf(Ty::Moment)),
            (Ty::Number, _) => format!("number({})", self.expr(Ty::Whole, d)),
            (Ty::Ratio, 2) => format!("({} + {})", self.expr(ty, d), self.expr(ty, d)),
            (Ty::Ratio, 3) => format!("({} * {})", self.expr(ty, d), self.expr(ty, d)),
            (Ty::Ratio, 4 | 5) => {
                let below = self.columns.iter().filter(|(_, of)| *of == Ty::Whole).map(|(name, _)| name.clone());
                let below: Vec<String> = below.collect();
                if below.is_empty() {
                    self.leaf(ty)
                } else {
                    format!("({} / {})", self.leaf(Ty::Whole), pick(&mut self.rng, &below))
                }
            }
            (Ty::Ratio, _) => format!("({} / {})", self.expr(Ty::Money, d), self.expr(Ty::Money, d)),
            (Ty::Date, 2) => format!("({} + {} days)", self.expr(ty, d), self.rng.u8(1..9)),
            (Ty::Date, 3) => format!("({} - {} months)", self.leaf(ty), self.rng.u8(1..4)),
            (Ty::Date, 4) => format!("week_start({})", self.expr(ty, d)),
            (Ty::Date, 5) => format!("quarter_start({})", self.expr(ty, d)),
            (Ty::Date, 6) => format!("date_of({})", self.leaf(Ty::Moment)),
            (Ty::Date, _) => format!("month_start({})", self.expr(ty, d)),
            (Ty::Text, 2) => format!("upper({})", self.expr(ty, d)),
            (Ty::Text, 3) => format!("replace({}, \"a\", \"xy\")", self.expr(ty, d)),
            (Ty::Text, 4) => format!("\"{{{}}}-{{{}}}\"", self.leaf_column(Ty::Text), self.leaf_column(Ty::Whole)),
            (Ty::Text, _) => format!("lower({})", self.expr(ty, d)),
            (Ty::Moment, _) => self.leaf(ty),
        }
    }

    /// A column, for a hole; a text has no place for a text.
    pub(super) fn leaf_column(&mut self, ty: Ty) -> String {
        let fits: Vec<String> = self.columns.iter().filter(|(_, of)| *of == ty).map(|(name, _)| name.clone()).collect();
        if fits.is_empty() { "1".to_owned() } else { pick(&mut self.rng, &fits).clone() }
    }

    pub(super) fn bool(&mut self, depth: u8) -> String {
        let d = depth.saturating_sub(1);
        let ty = *pick(&mut self.rng, &[Ty::Money, Ty::Whole, Ty::Number, Ty::Ratio, Ty::Date, Ty::Text]);
        let sign = pick(&mut self.rng, &["<", "<=", ">", ">=", "=", "!="]).to_string();
        match self.rng.u8(..12) {
            0 if depth > 0 => format!("({} and {})", self.bool(d), self.bool(d)),
            1 if depth > 0 => format!("({} or {})", self.bool(d), self.bool(d)),
            2 if depth > 0 => format!("not ({})", self.bool(d)),
            3 => format!("{} is known", self.leaf(ty)),
            4 => format!("{} exceeds {} by 15%", self.expr(Ty::Money, d), self.expr(Ty::Money, d)),
            5 => format!("{} falls below {} by $5", self.expr(Ty::Money, d), self.expr(Ty::Money, d)),
            6 => format!("{} is within 20% of {}", self.expr(Ty::Number, d), self.expr(Ty::Number, d)),
            7 => {
                let window = [
                    "in last 7 days",
                    "in this month",
                    "in previous week",
                    "in last 2 months",
                    "in 2026-10-30 to 2026-11-05",
                ];
                let window = pick(&mut self.rng, &window).to_string();
                format!("{} {window}", self.expr(Ty::Date, d))
            }
            8 => format!("{} in (\"a\", \"c\")", self.leaf(Ty::Text)),
            9 => format!("contains({}, \"a\")", self.expr(Ty::Text, d)),
            10 => self.leaf(Ty::Bool),
            _ => {
                let sign = if ty == Ty::Text { if self.rng.bool() { "=" } else { "!=" }.to_owned() } else { sign };
                format!("{} {sign} {}", self.expr(ty, d), self.expr(ty, d))
            }
        }
    }

    pub(super) fn aggregate(&mut self, ty: Ty) -> String {
        let filter = if self.chance(4) { format!(" where {}", self.bool(1)) } else { String::new() };
        let money = self.expr(Ty::Money, 1);
        let number = self.expr(Ty::Number, 1);
        let n = self.rng.u8(..8);
        match (ty, n) {
            (Ty::Money, 0) => format!("mean({money}{filter})"),
            (Ty::Money, 1) => format!("max({money}{filter})"),
            (Ty::Money, 2) => format!("median({money}{filter})"),
            (Ty::Money, 3) => format!("quantile({money}, {}%{filter})", self.rng.u8(0..=100)),
            (Ty::Money, 4) => format!("last({money}{filter})"),
            (Ty::Money, 5) if self.floats => format!("std({money}{filter})"),
            (Ty::Money, 6) => format!("sum({money}{filter}) / count()"),
            (Ty::Money, _) => format!("sum({money}{filter})"),
            (Ty::Whole, 0) => "count()".to_owned(),
            (Ty::Whole, 1) => format!("count({money}{filter})"),
            (Ty::Whole, 2) => format!("count_distinct({}{filter})", self.leaf(Ty::Text)),
            (Ty::Whole, 3) => format!("min({}{filter})", self.expr(Ty::Whole, 1)),
            (Ty::Whole, _) => format!("sum({}{filter})", self.expr(Ty::Whole, 1)),
            (Ty::Number, 0) => format!("mean({}{filter})", self.expr(Ty::Whole, 1)),
            (Ty::Number, 1) => format!("median({number}{filter})"),
            (Ty::Number, 2) => format!("std({number}{filter})"),
            (Ty::Number, 3) => format!("quantile({number}, 90%{filter})"),
            (Ty::Number, _) => format!("sum({number}{filter})"),
            (Ty::Ratio, 0 | 1) => format!("sum({money}{filter}) / sum({})", self.expr(Ty::Money, 1)),
            (Ty::Ratio, _) => format!("mean({}{filter})", self.expr(Ty::Ratio, 1)),
            (Ty::Text, 0) => format!("last({}{filter})", self.leaf(Ty::Text)),
            (Ty::Text, 1) => format!("first({} by x{filter})", self.leaf(Ty::Text)),
            (Ty::Text, _) => format!("max({}{filter})", self.leaf(Ty::Text)),
            _ => format!("min({}{filter})", self.expr(Ty::Date, 1)),
        }
    }
}
