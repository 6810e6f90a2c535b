//! Columns of a fetch: where their values are found, and how they are stored.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use cpl_syntax::{
    Code, Diagnostic, Name, Span, Spanned,
    tree::{self, Coarse, ColumnFrom, ColumnType, MoneyOf, MoneyScale, Plain, TimeIn},
};
use jiff::{
    civil::{Date, date},
    fmt::strtime::{self, BrokenDownTime},
    tz::TimeZone,
};

use super::{
    Checker,
    pattern_zone::{in_its_place, is_local_zone, is_utc, literal_zone},
    state::reporter::Checked,
};
use cpl_model::{
    program::{Column, ColumnLocator, Encoding, FetchColumn, Format, Grain, SourceKind},
    types::{Denomination, Type},
};

/// What rows are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// Cells under names.
    Cells,
    /// Records of JSON.
    Json,
    /// Records of JSON within others.
    InnerJson,
}

impl RecordKind {
    /// Of a fetch.
    pub fn of(kind: &SourceKind) -> Self {
        match kind {
            SourceKind::Json { each: Some(_), .. } => Self::InnerJson,
            SourceKind::Ndjson | SourceKind::Json { .. } | SourceKind::Http { .. } => Self::Json,
            _ => Self::Cells,
        }
    }
}

impl Checker<'_> {
    /// One column of a file is one of the fetch.
    fn each_read_once(&mut self, columns: &[FetchColumn]) -> Checked<()> {
        let mut read: HashMap<String, &FetchColumn> = HashMap::new();
        for column in columns.iter().filter(|column| column.locator != ColumnLocator::File) {
            // Of JSON a name and the path to it are one place.
            let place = column.called().trim_start_matches("$.").to_owned();
            let before = *read.entry(place).or_insert(column);
            if before.name != column.name {
                let first = before.span;
                return self.fail(
                    Diagnostic::new(Code::E0202, format!("`{}` of the file is read twice", column.called()))
                        .at(column.span, "the second time")
                        .at(first, "the first time")
                        .help("read it once, and `derive` the other in a transform"),
                );
            }
        }
        Ok(())
    }

    /// What is declared of a fetch's columns: how each is stored, and what it is in the pipeline.
    pub(super) fn contract(&mut self, written: &[tree::Column]) -> Checked<(Vec<FetchColumn>, Vec<Column>)> {
        let columns: Vec<_> = written.iter().map(|column| self.fetch_column(column, written)).collect();
        self.currencies_declared(written)?;
        self.unique(written.iter().map(|column| &column.name).collect(), "a column");
        let columns: Checked<Vec<_>> = columns.into_iter().collect();
        let (mut fetched, columns): (Vec<FetchColumn>, Vec<Column>) = columns?.into_iter().unzip();
        let currencies: HashSet<&str> = columns.iter().filter_map(|column| column.ty.currency_column()).collect();
        for column in &mut fetched {
            column.is_currency = currencies.contains(column.name.as_str());
        }
        self.each_read_once(&fetched)?;
        Ok((fetched, columns))
    }

    fn fetch_column(&mut self, column: &tree::Column, all: &[tree::Column]) -> Checked<(FetchColumn, Column)> {
        self.column_name(&column.name);
        let names_currency = || all.iter().any(|other| other.currency().as_ref() == Some(&column.name.value));
        let never_missing = || matches!(column.from, Some(ColumnFrom::File(_))) || names_currency();
        let (header, locator) = self.locator(column)?;
        let (encoding, ty) = self.encoding(&column.kind)?;
        let ty = self.personal_type(column, ty)?;
        let minor_of = match encoding {
            Encoding::Money(MoneyScale::Minor, _) => ty.currency_column().map(str::to_owned),
            _ => None,
        };
        let optional = column.nullable || (self.input.any_cell_empty && !never_missing());
        let may_lack = self.may_lack(column, never_missing())?;
        let (name, span) = (column.name.value.clone(), column.span);
        let by = self.period_grain(&column.kind.value)?;
        let grain = by.or(grain_of(&encoding)).or((ty == Type::Date).then_some(Grain::Day));
        let unknown = optional || may_lack;
        let typed = Column { name: name.clone(), ty, unknown, span: column.name.span, grain };
        let fetched = FetchColumn {
            name,
            header,
            locator,
            encoding,
            optional,
            may_lack,
            missing: Arc::default(),
            notation: None,
            by,
            is_currency: false,
            account_currency: None,
            is_personal: ty == Type::Personal,
            minor_of,
            minor_digits: Arc::default(),
            span,
        };
        Ok((fetched, typed))
    }

    /// Of a text that is `personal` a hash is read; nothing stands for another value.
    fn personal_type(&mut self, column: &tree::Column, ty: Type) -> Checked<Type> {
        match column.personal {
            None => Ok(ty),
            Some(_) if ty == Type::Text && !matches!(column.from, Some(ColumnFrom::File(_))) => Ok(Type::Personal),
            Some(span) => self.fail(
                Diagnostic::new(Code::E0103, "only a text is hashed where it is read")
                    .at(
                        span,
                        if ty == Type::Text { "this is a file's name".to_owned() } else { format!("this is {ty}") },
                    )
                    .help("declare it as `text personal`, or leave it out where nothing needs it"),
            ),
        }
    }

    /// A column that files may lack is one of a file's own, and names no currency.
    fn may_lack(&mut self, column: &tree::Column, never_missing: bool) -> Checked<bool> {
        if column.optional && never_missing {
            let message = format!("`{}` can't be missing", column.name.as_str());
            return self.refuse(Code::E0107, message, column.span, "a currency's name, and a file's, is always there");
        }
        Ok(column.optional)
    }

    /// How a column's values are located: by name or by path.
    fn locator(&mut self, column: &tree::Column) -> Checked<(String, ColumnLocator)> {
        Ok(match &column.from {
            None => (column.name.value.clone(), ColumnLocator::Named),
            Some(ColumnFrom::Named(name)) if is_path(&name.value) => {
                self.path_of_json(name)?;
                (name.value.clone(), ColumnLocator::Path)
            }
            Some(ColumnFrom::Named(name)) => (name.value.clone(), ColumnLocator::Named),
            Some(ColumnFrom::Outer(path)) => {
                self.path_of_json(path)?;
                (path.value.clone(), ColumnLocator::Outer)
            }
            Some(ColumnFrom::At(name, path)) => {
                self.path_of_json(path)?;
                (name.value.clone(), ColumnLocator::Embedded(path.value.clone()))
            }
            Some(ColumnFrom::File(span)) => {
                if column.kind.value != ColumnType::Plain(Plain::Text) || column.nullable {
                    let label = "wanted: `NAME: text from file`";
                    return self.refuse(Code::E0103, "the name of a file is a text", *span, label);
                }
                (String::new(), ColumnLocator::File)
            }
        })
    }

    /// A path as RFC 9535 writes it.
    pub(super) fn path_of_json(&mut self, path: &Name) -> Checked<()> {
        match cpl_catalog::json_path(&path.value) {
            Ok(()) => Ok(()),
            Err(place) => {
                let label = format!("not understood from its letter {} on", place + 1);
                let diagnostic = Diagnostic::new(Code::E0103, "that is no path into JSON").at(path.span, label);
                self.fail(diagnostic.help("wanted: a path of RFC 9535, such as `$.metrics.clicks`"))
            }
        }
    }

    /// Paths lead into records of JSON; other rows have names, and cells that may hold JSON.
    pub(super) fn paths_lead(&mut self, columns: &[tree::Column], kind: RecordKind) -> Checked<()> {
        let outer = |column: &tree::Column| match &column.from {
            Some(ColumnFrom::Outer(path)) => Some(path.span),
            _ => None,
        };
        if let Some(span) = columns.iter().find_map(outer).filter(|_| kind != RecordKind::InnerJson) {
            return self.fail(
                Diagnostic::new(Code::E0107, "there is no record around these rows")
                    .at(span, "looks into it")
                    .help("say where the rows are in each record: `records \"$.data[*]\" each \"$.actions[*]\"`"),
            );
        }
        if kind != RecordKind::Cells {
            return Ok(());
        }
        let by_path =
            |column: &&tree::Column| matches!(&column.from, Some(ColumnFrom::Named(name)) if is_path(&name.value));
        let Some(column) = columns.iter().find(by_path) else { return Ok(()) };
        let Some(ColumnFrom::Named(path)) = &column.from else { return Ok(()) };
        self.fail(
            Diagnostic::new(Code::E0103, "a path leads into JSON, and these rows are none")
                .at(path.span, "a path")
                .help(format!("where a cell holds JSON: `from \"its column\" at \"{}\"`", path.value)),
        )
    }

    /// The column that names the currencies of an amount is one of text, and never missing.
    fn currencies_declared(&mut self, columns: &[tree::Column]) -> Checked<()> {
        let mut right = Ok(());
        for column in columns {
            let ColumnType::Money(_, MoneyOf::Column(of)) = &column.kind.value else { continue };
            let Some(named) = columns.iter().find(|other| other.name.value == of.value) else {
                right = self.unknown_name("column", of, columns.iter().map(|column| column.name.as_str()));
                continue;
            };
            if named.kind.value != ColumnType::Plain(Plain::Text) || named.nullable || named.personal.is_some() {
                let label = "wanted: a column of `text` that is never missing, such as `USD`";
                let message = format!("`{}` names no currencies", of.as_str());
                right = self.refuse(Code::E0302, message, named.kind.span, label);
            }
        }
        right
    }

    /// The period that a row covers: weeks or months for dates, hours for moments.
    fn period_grain(&mut self, kind: &ColumnType) -> Checked<Option<Grain>> {
        match kind {
            ColumnType::Date(_, Some(by)) => match by.value {
                Coarse::Week => Ok(Some(Grain::Week)),
                Coarse::Month => Ok(Some(Grain::Month)),
                Coarse::Hour => {
                    self.refuse(Code::E0103, "a date has no hours", by.span, "wanted: `by week` or `by month`")
                }
            },
            ColumnType::Datetime(_, _, Some(by)) => match by.value {
                Coarse::Hour => Ok(Some(Grain::Hour)),
                Coarse::Week | Coarse::Month => {
                    let label = "wanted: `by hour`, or a `date by …`";
                    self.refuse(Code::E0103, "a datetime is a moment", by.span, label)
                }
            },
            _ => Ok(None),
        }
    }

    /// How a declared type is stored, and what it is in the pipeline.
    pub(super) fn encoding(&mut self, written: &Spanned<ColumnType>) -> Checked<(Encoding, Type)> {
        Ok(match &written.value {
            ColumnType::Plain(Plain::Text) => (Encoding::Text, Type::Text),
            ColumnType::Plain(Plain::Bool) => (Encoding::Bool, Type::Bool),
            ColumnType::Plain(Plain::Count) => (Encoding::Count, Type::Count),
            ColumnType::Plain(Plain::Integer) => (Encoding::Integer, Type::Integer),
            ColumnType::Plain(Plain::Number) => (Encoding::Float, Type::Number),
            ColumnType::Plain(Plain::Ratio) => (Encoding::Float, Type::Ratio),
            ColumnType::Plain(Plain::Percent) => (Encoding::Percent, Type::Ratio),
            ColumnType::Plain(Plain::Weekday) => (Encoding::Weekday, Type::Weekday),
            ColumnType::Money(scale, of) => self.money_encoding(*scale, of),
            ColumnType::Date(format, _) => (self.date_encoding(format.as_ref())?, Type::Date),
            ColumnType::Datetime(format, encoding, _) => {
                if let Some(format) = format.as_ref().filter(|format| grain_of_pattern(&format.value).is_some()) {
                    let label = "a month or a week; wanted: a `date`";
                    return self.refuse(Code::E0103, "that is no pattern of a moment", format.span, label);
                }
                let encoding = match encoding {
                    TimeIn::UnixSeconds | TimeIn::UnixMilliseconds if format.is_some() => {
                        let message = "seconds since 1970 have no pattern";
                        return self.refuse(Code::E0103, message, written.span, "take the pattern or the unit out");
                    }
                    TimeIn::UnixSeconds => Encoding::UnixSeconds,
                    TimeIn::UnixMilliseconds => Encoding::UnixMilliseconds,
                    TimeIn::Pipeline => {
                        Encoding::Datetime(self.format_without_zone(format.as_ref(), true)?, self.zone.clone())
                    }
                    TimeIn::Zone(zone) => {
                        let found = self.timezone(zone)?;
                        // Letters such as `EST` are those of the zone that is named here.
                        let is_its_own = |format: &Name| literal_zone(&format.value).is_some_and(is_local_zone);
                        let format = match found.iana_name() {
                            Some(name) if is_utc(name) => self.format(format.as_ref())?,
                            _ if format.as_ref().is_some_and(is_its_own) => self.format(format.as_ref())?,
                            _ => self.format_without_zone(format.as_ref(), true)?,
                        };
                        Encoding::Datetime(format, found)
                    }
                };
                (encoding, Type::Datetime)
            }
        })
    }

    /// A day, the first day of a month or a week, or the day of a moment.
    fn date_encoding(&mut self, written: Option<&Name>) -> Checked<Encoding> {
        let format = self.format_without_zone(written, false)?;
        if let Format::Pattern(pattern) = &format
            && grain_of_pattern(pattern) == Some(Grain::Week)
            && self.week_start != tree::Day::Monday
        {
            let message =
                format!("an ISO week begins on monday, and this pipeline's weeks on {}", self.week_start.word());
            let span = written.map_or(Span::default(), |written| written.span);
            return self.refuse(Code::E0103, message, span, "wanted: the dates on which the weeks begin");
        }
        Ok(match format {
            Format::Pattern(pattern) if reads_offset(&pattern) => Encoding::DayOf(pattern, self.zone.clone()),
            format => Encoding::Date(format),
        })
    }

    fn money_encoding(&self, scale: MoneyScale, of: &MoneyOf) -> (Encoding, Type) {
        let currency = match of {
            MoneyOf::Pipeline => self.currency,
            MoneyOf::Fixed(currency) => *currency,
            // Whether its minor units are whole ones is seen in each row: they are read as they stand.
            MoneyOf::Column(column) => {
                let of = Type::Money(Denomination::of_column(column.as_str()));
                return (Encoding::Money(scale, None), of);
            }
        };
        (Encoding::Money(scale, Some(currency)), Type::Money(currency.into()))
    }

    /// The format of times that are not of UTC: a zone that stands in a pattern as letters is read as such, and the time
    /// would be taken for one of another zone. Behind the pattern of a moment its zone may be written.
    fn format_without_zone(&mut self, format: Option<&Name>, is_moment: bool) -> Checked<Format> {
        let Some((format, letters)) = format.and_then(|format| Some((format, literal_zone(&format.value)?))) else {
            return self.format(format);
        };
        let message = format!("`{letters}` in a pattern is read as it stands, and not as a zone");
        let help = in_its_place(letters, is_moment);
        self.reporter.fail(Diagnostic::new(Code::E0103, message).at(format.span, "a time of which zone?").help(help))
    }

    fn format(&mut self, format: Option<&Name>) -> Checked<Format> {
        let Some(format) = format else { return Ok(Format::Iso) };
        if gives_days(&format.value) || grain_of_pattern(&format.value).is_some() {
            return Ok(Format::Pattern(format.value.clone()));
        }
        self.refuse(
            Code::E0103,
            "that is no pattern of a date",
            format.span,
            "wanted: a strftime pattern of a year, a month and a day, such as \"%d/%m/%Y\"",
        )
    }
}

fn is_path(name: &str) -> bool {
    name == "$" || name.starts_with("$.") || name.starts_with("$[")
}

/// The period that a date of such a pattern stands for, where it is longer than a day.
fn grain_of(encoding: &Encoding) -> Option<Grain> {
    match encoding {
        Encoding::Date(Format::Pattern(pattern)) => grain_of_pattern(pattern),
        _ => None,
    }
}

/// A pattern of only a month or an ISO week: what it reads is that period's first day.
fn grain_of_pattern(pattern: &str) -> Option<Grain> {
    if gives_days(pattern) {
        return None;
    }
    let written = || BrokenDownTime::parse(pattern, strtime::format(pattern, date(2026, 11, 18))?);
    let read = written().ok()?;
    if read.iso_week_year().is_some() && read.iso_week().is_some() {
        return Some(Grain::Week);
    }
    (read.year().is_some() && read.month().is_some() && read.day().is_none()).then_some(Grain::Month)
}

/// Whether a pattern reads an offset or the name of a zone.
fn reads_offset(pattern: &str) -> bool {
    ["%z", "%:z", "%Q", "%:Q"].iter().any(|directive| pattern.contains(directive))
}

/// Whether a day that is written by a strftime pattern and read back is the same day.
fn gives_days(pattern: &str) -> bool {
    let sample = date(2026, 11, 20).at(19, 5, 7, 0);
    let read = || {
        let zoned = sample.to_zoned_datetime(TimeZone::UTC)?;
        let parts = BrokenDownTime::parse(pattern, strtime::format(pattern, &zoned)?)?;
        parts.to_date().or_else(|_| Ok(parts.to_timestamp()?.to_zoned_datetime(TimeZone::UTC).date()))
    };
    let read: Result<Date, jiff::Error> = read();
    read.is_ok_and(|day| day == sample.date())
}
