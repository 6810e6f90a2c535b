//! Generated pipelines over generated rows: unknowns, ties, negative money, many decimals, empty groups, nights in
//! which clocks change, ends of months, one row, no row.

mod exprs;
mod rows;
mod rules;
mod zones;

use std::{collections::BTreeMap, fmt::Write};

use fastrand::Rng;
use jiff::civil::Date;

use crate::oracle::Row;
use rows::{COLUMNS, daily, limits, others, spend, touches};
use zones::Zone;

/// When cases play: each day of a week, so that rules meet the days on which they are not looked at.
const FIRST_DAY: Date = Date::constant(2026, 11, 14);
const DAYS: u64 = 7;

/// Tables that are joined: their columns, how many of them are the key, the key on both sides, the types, and whether a
/// row has several partners.
const JOINED: &[Joined] = &[
    Joined { name: "e", columns: &[("day2", Ty::Date), ("gift", Ty::Money)], unique: 0, on: "day = day2" },
    Joined {
        name: "f",
        columns: &[("n2", Ty::Whole), ("ch2", Ty::Text), ("note", Ty::Text)],
        unique: 2,
        on: "n = n2, ch = ch2",
    },
    Joined { name: "g", columns: &[("z2", Ty::Whole), ("grade", Ty::Number)], unique: 1, on: "z = z2" },
    Joined { name: "h", columns: &[("cost", Ty::Money), ("since", Ty::Date)], unique: 1, on: "spend = cost" },
];

/// A table to join.
struct Joined {
    name: &'static str,
    columns: &'static [(&'static str, Ty)],
    /// How many of its first columns tell its rows apart; none do of what is joined with all partners.
    unique: usize,
    on: &'static str,
}

/// A pipeline, its files and the same rows as values.
pub struct Generated {
    /// `main.cpl`.
    pub pipeline: String,
    /// Names and texts of the files it reads.
    pub files: Vec<(String, String)>,
    /// The rows of each fetch.
    pub rows: BTreeMap<String, Vec<Row>>,
    /// The tables that are compared: some of them, and the report of all.
    pub shown: Vec<&'static str>,
    /// Its rows are compared in another order too.
    pub shuffled: bool,
    /// About how many rows of a file are taken at once; none for as many as the engine likes.
    pub part_rows: Option<usize>,
    /// Amounts meet floats: they are exact to a millionth only.
    pub floats: bool,
    /// The pipeline's zone.
    pub zone: &'static str,
    /// The requested day.
    pub as_of: Date,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ty {
    Money,
    Whole,
    Number,
    Ratio,
    Date,
    Moment,
    Text,
    Bool,
}

impl Ty {
    fn written(self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::Whole => "integer",
            Self::Number => "number",
            Self::Ratio => "ratio",
            Self::Date => "date",
            Self::Moment => "datetime",
            Self::Text => "text",
            Self::Bool => "bool",
        }
    }
}

struct Maker {
    rng: Rng,
    columns: Vec<(String, Ty)>,
    floats: bool,
    /// The table is a series by `day`.
    series: bool,
    names: usize,
}

/// The same for the same seed.
#[must_use]
pub fn generated(seed: u64) -> Generated {
    let mut rng = Rng::with_seed(seed);
    let floats = rng.bool();
    let zone = zones::of(seed);
    let night = zone.night();
    let count = *pick(&mut rng, &[0, 1, 2, 5, 12, 30]);
    let mut files = Vec::new();
    let mut rows = BTreeMap::new();
    for (name, count) in [("a", count), ("c", count / 3)] {
        let (text, made) = spend(&mut rng, count, night);
        files.push((format!("{name}.csv"), text));
        rows.insert(name.to_owned(), made);
    }
    let (text, made) = limits(&mut rng, night);
    files.push(("b.csv".to_owned(), text));
    rows.insert("b".to_owned(), made);
    for joined in JOINED {
        let (text, made) = others(&mut rng, joined, count, night);
        files.push((format!("{}.csv", joined.name), text));
        rows.insert(joined.name.to_owned(), made);
    }
    let (text, made) = touches(&mut rng, count, night);
    files.push(("d.csv".to_owned(), text));
    rows.insert("d".to_owned(), made);
    let (text, made) = daily(&mut rng);
    files.push(("p.csv".to_owned(), text));
    rows.insert("p".to_owned(), made);
    // The rows of `a`, of which more is said.
    rows.insert("k".to_owned(), rows["a"].clone());
    let mut maker = Maker { rng, columns: Vec::new(), floats, series: false, names: 0 };
    let pipeline = maker.pipeline(zone);
    let after = i64::try_from(seed % DAYS).unwrap_or(0);
    let as_of = FIRST_DAY.saturating_add(jiff::Span::new().days(after));
    let mut rng = maker.rng;
    Generated {
        pipeline,
        files,
        rows,
        shown: shown(&mut rng),
        shuffled: rng.u8(..3) == 0,
        part_rows: (rng.u8(..4) > 0).then_some(FEW_ROWS),
        floats,
        zone: zone.name,
        as_of,
    }
}

/// The tables of every pipeline.
const TABLES: [&str; 7] = ["plain", "grouped", "dated", "acted", "touched", "hourly", "odd"];

/// Rows of a part: so few that most files have several parts.
const FEW_ROWS: usize = 3;

/// Each call of the program takes its time: two tables a case.
fn shown(rng: &mut Rng) -> Vec<&'static str> {
    let mut tables = TABLES.to_vec();
    rng.shuffle(&mut tables);
    tables.truncate(2);
    tables
}

fn pick<'t, T>(rng: &mut Rng, of: &'t [T]) -> &'t T {
    &of[rng.usize(..of.len())]
}

impl Maker {
    fn pipeline(&mut self, zone: &Zone) -> String {
        let retire = if self.chance(15) { "2026-11-10" } else { "2027-02-28" };
        let mut text = format!("pipeline p {{ retire {retire}  timezone \"{}\" }}\n", zone.name);
        let columns: Vec<String> = COLUMNS.iter().map(|(name, _, written)| format!("{name}: {written}")).collect();
        let checks = self.fetched_checks();
        for (name, file, checks) in [("a", "a", ""), ("c", "c", ""), ("k", "a", checks.as_str())] {
            let _ = writeln!(
                text,
                "fetch {name} from csv(\"{file}.csv\") {{ columns {{ {} }}  time day{checks} }}",
                columns.join(", ")
            );
        }
        text.push_str("fetch b from csv(\"b.csv\") { columns { ch: text, limit: money?, w: number? }  key ch }\n");
        for Joined { name, columns, .. } in JOINED {
            let columns: Vec<String> = columns.iter().map(|(name, ty)| format!("{name}: {}?", ty.written())).collect();
            let _ = writeln!(text, "fetch {name} from csv(\"{name}.csv\") {{ columns {{ {} }} }}", columns.join(", "));
        }
        let _ = writeln!(text, "transform plain from a {{\n{}}}", self.plain());
        let _ = writeln!(text, "transform grouped from a {{\n{}}}", self.grouped());
        let _ = writeln!(text, "transform dated from a {{\n{}}}", self.dated());
        text.push_str(
            "fetch d from csv(\"d.csv\") { columns { id: count, who: text, then: datetime, worth: money? }  key id }\n",
        );
        let _ = writeln!(text, "transform touched from a {{\n{}}}", self.touched());
        let _ = writeln!(text, "transform hourly from a {{\n{}}}", self.hourly(zone));
        let _ = writeln!(text, "transform sured from a {{\n{}}}", self.sured());
        text.push_str("fetch p from csv(\"p.csv\") { columns { day: date, ch: text, n: count, spend: money } }\n");
        let _ = writeln!(text, "transform odd from p {{\n{}}}", self.odd());
        let _ = writeln!(text, "transform acted from k {{\n{}}}", self.acted());
        text.push_str("transform sums from a { group by ch { m0 = sum(spend) } }\n");
        text.push_str("transform counted from k { group by ch { there = count() } }\n");
        text + &self.rules()
    }

    fn start(&mut self) {
        self.columns = COLUMNS.iter().map(|(name, ty, _)| ((*name).to_owned(), *ty)).collect();
        self.series = false;
    }

    /// Stages that go row by row, joins, unions, orders.
    fn plain(&mut self) -> String {
        self.start();
        let mut text = self.stages(3);
        if self.chance(3) {
            let by = pick(&mut self.rng, &["spend", "n desc", "day, x desc", "ch desc"]).to_string();
            let _ = writeln!(text, "  sort {by}");
            if self.chance(2) {
                let per = if self.chance(2) { " per sub" } else { "" };
                let _ = writeln!(text, "  take {}{per}", self.rng.u8(1..6));
            }
        }
        text
    }

    fn grouped(&mut self) -> String {
        self.start();
        let mut text = self.stages(2);
        let keys = pick(&mut self.rng, &["ch", "ch, sub", "ok", "day", "weekday(day)", "month_start(day), ch", ""])
            .to_string();
        text.push_str(&self.group(&keys, 5));
        text.push_str(&self.above_total());
        text + &self.filtered(2, 2)
    }

    /// Now and then a condition that must wait for the sum of a whole table.
    fn above_total(&mut self) -> String {
        if !self.chance(3) {
            return String::new();
        }
        let total = *pick(&mut self.rng, &["a.spend", "k.spend", "sums.m0"]);
        format!("  where m0 > total({total}) * {}%\n", self.rng.u8(0..40))
    }

    /// Groups of which each column tells how sure it is.
    fn sured(&mut self) -> String {
        self.start();
        let mut text = if self.chance(2) { self.stages(1) } else { String::new() };
        let of = *pick(&mut self.rng, &["", "where ok", "where spend > $5"]);
        let _ = writeln!(
            text,
            "  group by ch, sub {{ c0 = sum(spend) / sum(n {of}), c1 = sum(n {of}) / sum(n), c2 = sum(n), \
             c3 = count({of}), c4 = mean(x {of}) }}"
        );
        text.push_str("  derive d2 = c2\n");
        if self.chance(2) {
            let _ = writeln!(text, "  sort c3 desc\n  take {}", self.rng.u8(1..9));
        }
        text.push_str("  keep ch, sub, c0, c1, e2 = d2, c3, c4\n");
        text
    }

    /// A series of days or weeks, and what breaks its pattern.
    fn odd(&mut self) -> String {
        let (day, grain) = *pick(&mut self.rng, &[("day", "day"), ("day", "day"), ("week_start", "week_start(day)")]);
        let over = *pick(&mut self.rng, &["", "", " over 28 days", " over 14 weeks"]);
        let over = if day == "day" { over } else { "" };
        let by = *pick(&mut self.rng, &["", " by 2", " by 5"]);
        let value = *pick(&mut self.rng, &["n", "cost", "spend", "profit"]);
        format!(
            "  group by {grain}, ch {{ n = sum(n), spend = sum(spend), cost = sum(spend) / sum(n) }}\n  \
             derive profit = spend - $900\n  derive odd = {value} breaks pattern{over}{by}, u = usual(n{over})\n"
        )
    }

    /// A condition on such a column.
    fn surely(&mut self) -> String {
        let (column, bounds): (&str, &[&str]) = match self.rng.u8(..6) {
            0 => ("c0", &["$2", "$10", "$50"]),
            1 => ("c1", &["10%", "50%", "97%", "c1"]),
            2 => ("e2", &["4", "30", "100"]),
            3 => ("c3", &["2", "5", "12"]),
            4 => ("c4", &["0.5", "2", "10"]),
            _ => ("e2", &["c3", "c4 * 2", "12"]),
        };
        let bound = *pick(&mut self.rng, bounds);
        let by = *pick(&mut self.rng, &["", "", " * 2", " * 0.5"]);
        let side = *pick(&mut self.rng, &["below", "above"]);
        let at = *pick(&mut self.rng, &["", " at 60%", " at 99%"]);
        format!("{column}{by} is surely {side} {bound}{at}")
    }

    /// Once in so many, a condition of that depth.
    fn filtered(&mut self, of: u8, depth: u8) -> String {
        if self.chance(of) { format!("  where {}\n", self.bool(depth)) } else { String::new() }
    }

    /// A series of days, and what other rows of it say.
    fn dated(&mut self) -> String {
        self.start();
        let mut text = self.stages(1);
        let keys = pick(&mut self.rng, &["day", "day, ch", "ch, day", "day, ch, sub"]).to_string();
        text.push_str(&self.group(&keys, 3));
        self.series = true;
        if self.chance(3) {
            text.push_str("  fill gaps\n");
        }
        for _ in 0..self.rng.u8(1..5) {
            let (ty, value) = self.looked_at();
            let name = self.name();
            let _ = writeln!(text, "  derive {name} = {value}");
            self.columns.push((name, ty));
        }
        text + &self.filtered(3, 1)
    }

    /// The newest of what came before.
    fn touched(&mut self) -> String {
        self.start();
        let mut text = if self.chance(2) { "  where at is known\n".to_owned() } else { String::new() };
        let join = if self.chance(3) { "join" } else { "left join" };
        let within = pick(&mut self.rng, &["30 minutes", "3 hours", "1 day", "4 weeks"]).to_string();
        let _ = writeln!(text, "  {join} d on ch = who, latest then before at within {within}");
        self.columns.extend([("id".to_owned(), Ty::Whole), ("worth".to_owned(), Ty::Money)]);
        if self.chance(2) {
            text.push_str(&self.group("ch", 2));
        }
        text
    }

    /// A series of hours.
    fn hourly(&mut self, zone: &Zone) -> String {
        self.start();
        // Of a few days: between those that there are lie hundreds of hours.
        let filled = self.chance(4);
        let first = if filled { format!("at in {}", zone.days) } else { "at is known".to_owned() };
        let mut text = format!("  where {first}\n");
        text.push_str(&self.group("hour_start(at), ch", 2));
        if filled {
            text.push_str("  fill gaps\n");
        }
        for _ in 0..self.rng.u8(1..4) {
            let length = pick(&mut self.rng, &["1 hour", "3 hours", "24 hours"]).to_string();
            let (before, name) = (if self.chance(2) { " before" } else { "" }, self.name());
            let value = match self.rng.u8(..4) {
                0 => format!("lag(m0, {length})"),
                1 => format!("change(m0, {length})"),
                2 => format!("sum(m0 over {length}{before})"),
                _ => format!("count(m0 over {length}{before})"),
            };
            let _ = writeln!(text, "  derive {name} = {value}");
        }
        if self.chance(3) {
            let _ = writeln!(text, "  where hour_start in last {} hours", self.rng.u8(1..200));
        }
        text
    }

    fn acted(&mut self) -> String {
        self.start();
        let mut text = self.stages(1);
        let before = self.checks(&["ch, sub", "sub, n", "day, ch, sub, n"]);
        text.push_str(&before);
        text.push_str(&self.group("ch, sub", 3));
        if self.chance(4) {
            text.push_str(&self.above_total());
        }
        if self.chance(3) {
            text.push_str("  left join counted on ch\n");
            self.columns.push(("there".to_owned(), Ty::Whole));
        }
        text.push_str("  derive budget = abs(m0)\n");
        self.columns.push(("budget".to_owned(), Ty::Money));
        let behind = self.checks(&["ch, sub"]);
        text + &behind
    }

    /// What is said of the rows of a fetch. Only rules look at them: where its key is broken, the order of those that
    /// share it is none.
    fn fetched_checks(&mut self) -> String {
        self.start();
        self.checks(&["ch, sub", "day, ch, sub", "sub, n, z", "day, ch, sub, n, z, ok"])
    }

    /// Now and then what must hold of a table here: it does, or does not.
    fn checks(&mut self, keys: &[&str]) -> String {
        let mut text = String::new();
        if self.chance(6) {
            let _ = writeln!(text, "  key {}", pick(&mut self.rng, keys));
        }
        if self.chance(4) {
            text.push_str(&self.fresh());
        }
        if self.chance(4) {
            let _ = writeln!(text, "  expect {}", self.expected());
        }
        // They follow a clause of one line.
        if text.is_empty() { text } else { format!("\n{text}") }
    }

    /// By one of the times there are; where there is none, nothing.
    fn fresh(&mut self) -> String {
        let is_time = |ty: Ty| matches!(ty, Ty::Date | Ty::Moment);
        let times = self.columns.iter().filter(|(_, ty)| is_time(*ty)).map(|(name, _)| name.clone());
        let times: Vec<String> = times.collect();
        if times.is_empty() {
            return String::new();
        }
        let within = *pick(&mut self.rng, &["1 day", "36 hours", "3 days", "2 weeks", "60 days"]);
        format!("  fresh {} within {within}\n", pick(&mut self.rng, &times))
    }

    /// Of each row, or of the whole table.
    fn expected(&mut self) -> String {
        match self.rng.u8(..7) {
            0 => "count() > 1".to_owned(),
            1 => format!("count() < {}", self.rng.u8(1..40)),
            2 => format!("sum({}) >= {}", self.expr(Ty::Money, 1), self.literal(Ty::Money)),
            3 => format!("max({}) is known", self.leaf_column(Ty::Whole)),
            4 => format!("count({} where {}) < 9", self.leaf_column(Ty::Money), self.bool(1)),
            _ => self.bool(1),
        }
    }

    fn stages(&mut self, most: u8) -> String {
        let mut text = String::new();
        for _ in 0..self.rng.u8(0..=most) {
            let stage = match self.rng.u8(..7) {
                0 => format!("where {}", self.bool(2)),
                1 | 2 => {
                    let ty = self.any_type();
                    let (value, name) = (self.expr(ty, 3), self.name());
                    self.columns.push((name.clone(), ty));
                    format!("derive {name} = {value}")
                }
                3 if !self.has("limit") => {
                    self.columns.extend([("limit".to_owned(), Ty::Money), ("w".to_owned(), Ty::Number)]);
                    if self.chance(3) { "join b on ch".to_owned() } else { "left join b on ch".to_owned() }
                }
                4 if self.chance(2) => "union c".to_owned(),
                4 => self.join(),
                5 if self.has("spend") && !self.has("kind") => {
                    self.columns.retain(|(name, _)| name != "spend" && name != "budget");
                    self.columns.extend([("kind".to_owned(), Ty::Text), ("amount".to_owned(), Ty::Money)]);
                    // What follows may want both.
                    let back = "derive spend = amount, budget = abs(amount)";
                    self.columns.extend([("spend".to_owned(), Ty::Money), ("budget".to_owned(), Ty::Money)]);
                    format!("unpivot spend as \"s\", budget as \"b\" into kind, amount\n  {back}")
                }
                _ => format!("derive z = {}", self.expr(Ty::Whole, 2)),
            };
            let _ = writeln!(text, "  {stage}");
        }
        text
    }

    /// A join with a table that was not joined yet.
    fn join(&mut self) -> String {
        let Joined { name, columns, unique, on } = pick(&mut self.rng, JOINED);
        let made = &columns[(*unique).max(1)..];
        if made.iter().any(|(name, _)| self.has(name)) {
            return "where true".to_owned();
        }
        self.columns.extend(made.iter().map(|(name, ty)| ((*name).to_owned(), *ty)));
        let how = if self.chance(3) { "join" } else { "left join" };
        let many = if *unique == 0 { " many" } else { "" };
        format!("{how}{many} {name} on {on}")
    }

    fn group(&mut self, keys: &str, most: u8) -> String {
        let mut items = Vec::new();
        let mut made = Vec::new();
        // Rules look at an amount.
        items.push(format!("m0 = {}", self.aggregate(Ty::Money)));
        made.push(("m0".to_owned(), Ty::Money));
        for _ in 0..self.rng.u8(1..=most) {
            let ty = *pick(&mut self.rng, &[Ty::Money, Ty::Whole, Ty::Number, Ty::Ratio, Ty::Text, Ty::Date]);
            let (name, value) = (self.name(), self.aggregate(ty));
            items.push(format!("{name} = {value}"));
            made.push((name, ty));
        }
        let column = |key: &str| match key {
            "day" => Some(Ty::Date),
            "month_start(day)" => Some(Ty::Date),
            "hour_start(at)" => Some(Ty::Moment),
            "ok" => Some(Ty::Bool),
            "ch" | "sub" => Some(Ty::Text),
            _ => None,
        };
        let keys: Vec<&str> = keys.split(", ").filter(|key| !key.is_empty()).collect();
        self.columns =
            keys.iter().filter_map(|key| Some((key.replace("(day)", "").replace("(at)", ""), column(key)?))).collect();
        self.columns.extend(made);
        let by = if keys.is_empty() { String::new() } else { format!("by {} ", keys.join(", ")) };
        format!("  group {by}{{ {} }}\n", items.join(", "))
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|(column, _)| column == name)
    }

    /// Once in so many.
    fn chance(&mut self, of: u8) -> bool {
        self.rng.u8(..of) == 0
    }

    /// What other rows of the series say.
    fn looked_at(&mut self) -> (Ty, String) {
        let length = pick(&mut self.rng, &["1 day", "3 days", "7 days", "1 week", "1 month"]).to_string();
        let before = if self.chance(2) { " before" } else { "" };
        let filter = if self.chance(4) { format!(" where {}", self.bool(0)) } else { String::new() };
        let money = self.leaf_column(Ty::Money);
        match self.rng.u8(..9) {
            0 => (Ty::Money, format!("lag({money}, {length})")),
            1 => (Ty::Ratio, format!("change({money}, {length})")),
            2 => (Ty::Ratio, format!("share({money})")),
            3 => (Ty::Money, format!("sum({money}{filter} over {length}{before})")),
            4 => (Ty::Money, format!("mean({money}{filter} over {length}{before})")),
            5 => (Ty::Whole, format!("count({money}{filter} over {length}{before})")),
            6 => (Ty::Money, format!("max({money}{filter} over {length}{before}) - {money}")),
            7 => (Ty::Money, format!("median({money} over {length}{before})")),
            _ => (Ty::Money, format!("last({money}{filter} over {length}{before})")),
        }
    }
}
