//! Where a fetch reads from: the connector, its path and its options.

use std::sync::Arc;

use cpl_syntax::{
    Code, Diagnostic, Name, Span, keywords,
    tree::{self, Arg, FetchClause},
};

use super::{Checker, scope::Scope, state::reporter::Checked};
use cpl_model::program::{CsvFormat, FetchColumn, NumberNotation, SheetFormat, SourceKind, StoreAddress, TextEncoding};

keywords! {
    /// What a fetch may read.
    Connector {
        Csv "csv",
        Parquet "parquet",
        Ndjson "ndjson",
        Json "json",
        Excel "excel",
        Http "http",
        Sql "sql",
    }
}

keywords! {
    /// Options of `csv`.
    CsvOption {
        Separator "separator",
        Header "header",
        ShortRows "short_rows",
        SkipLines "skip_lines",
        Encoding "encoding",
    }
}

keywords! {
    /// Options of each file: how numbers are written in its texts.
    NumberOption {
        Decimal "decimal",
        Thousands "thousands",
    }
}

keywords! {
    /// Options of `excel`.
    ExcelOption {
        Sheet "sheet",
        SkipLines "skip_lines",
        Merged "merged",
    }
}

const POINTS: NumberNotation = NumberNotation { decimal: b'.', thousands: None };

/// Where a fetch reads from.
pub(super) struct FileSource {
    pub kind: SourceKind,
    pub path: String,
    /// Where the path stands.
    pub span: Span,
    /// How numbers are written in its texts, where that is said.
    pub notation: Option<NumberNotation>,
}

impl FileSource {
    fn of((kind, path, span): (SourceKind, String, Span)) -> Self {
        Self { kind, path, span, notation: None }
    }

    /// One that was reported.
    pub fn unknown(span: Span) -> Self {
        Self::of((SourceKind::Parquet, String::new(), span))
    }
}

impl Checker<'_> {
    pub(super) fn source(&mut self, fetch: &tree::Fetch) -> Checked<FileSource> {
        let call = &fetch.source;
        let name = &call.callee.name;
        let mut kind = match Connector::of_word(name.as_str()) {
            Some(Connector::Csv) => SourceKind::Csv(CsvFormat::PLAIN),
            Some(Connector::Parquet) => SourceKind::Parquet,
            Some(Connector::Ndjson) => SourceKind::Ndjson,
            Some(Connector::Json) => SourceKind::Json { records: None, each: None },
            Some(Connector::Excel) => SourceKind::Excel(SheetFormat::default()),
            Some(Connector::Http) => return self.http_source(fetch).map(FileSource::of),
            Some(Connector::Sql) => return self.sql_source(fetch).map(FileSource::of),
            None => return self.unknown_name("connector", name, Connector::WORDS.iter().copied()),
        };
        let (mut path, mut notation) = (None, None);
        let named: Vec<&Name> =
            call.args.iter().filter_map(|arg| if let Arg::Named(name, _) = arg { Some(name) } else { None }).collect();
        self.unique(named, "an option");
        for arg in &call.args {
            match arg {
                Arg::Plain(value) if path.is_none() => path = Some((self.plain_text(value)?, value.span)),
                Arg::Named(name, value) => self.option(&mut kind, &mut notation, name, value)?,
                Arg::Plain(value) | Arg::By(value, _) => {
                    return self.refuse(Code::E0205, "one path is enough", value.span, "unexpected argument");
                }
                Arg::Window(window) | Arg::NamedWindow(_, window) => {
                    return self.refuse(Code::E0205, "a file takes no window", window.span, "unexpected argument");
                }
            }
        }
        let Some((path, span)) = path else {
            let help = format!("wanted: `{}(\"data/file\")`", name.as_str());
            return self.refuse(Code::E0205, "which file?", fetch.source_span, help);
        };
        if ["http://", "https://"].iter().any(|scheme| path.starts_with(scheme)) {
            let message = format!("`{}` reads files, and this is an address", name.as_str());
            return self.refuse(Code::E0205, message, span, "wanted: `http(\"https://…\")`");
        }
        if StoreAddress::is_meant(&path) && StoreAddress::of(&path).is_none() {
            let message = "which file of which bucket?";
            return self.refuse(Code::E0205, message, span, "wanted: such as `s3://bucket/folder/*.csv`");
        }
        if let Some((scheme, _)) = path.split_once("://").filter(|_| !StoreAddress::is_meant(&path)) {
            let message = format!("there is no way to `{scheme}://`");
            return self.refuse(
                Code::E0205,
                message,
                span,
                "wanted: a path, or one that begins with `s3://`, `gs://`, `az://`",
            );
        }
        self.signs_differ(notation, fetch.source_span)?;
        Ok(FileSource { kind, path, span, notation })
    }

    fn option(
        &mut self,
        kind: &mut SourceKind,
        notation: &mut Option<NumberNotation>,
        name: &Name,
        value: &tree::Expr,
    ) -> Checked<()> {
        if let Some(option) = NumberOption::of_word(name.as_str()) {
            return self.number_option(notation.get_or_insert(POINTS), option, value);
        }
        match kind {
            SourceKind::Csv(format) => self.csv_option(format, name, value),
            SourceKind::Excel(format) => self.excel_option(format, name, value),
            _ => self.unknown_option(kind.word(), name, &[]),
        }
    }

    fn unknown_option(&mut self, of: &str, name: &Name, known: &[&'static str]) -> Checked<()> {
        self.unknown_name(&format!("option of `{of}`"), name, known.iter().chain(NumberOption::WORDS).copied())
    }

    fn number_option(
        &mut self,
        notation: &mut NumberNotation,
        option: NumberOption,
        value: &tree::Expr,
    ) -> Checked<()> {
        match option {
            NumberOption::Decimal => notation.decimal = self.decimal_sign(value)?,
            NumberOption::Thousands => notation.thousands = Some(self.thousands_sign(value)?),
        }
        Ok(())
    }

    fn csv_option(&mut self, format: &mut CsvFormat, name: &Name, value: &tree::Expr) -> Checked<()> {
        let Some(option) = CsvOption::of_word(name.as_str()) else {
            return self.unknown_option("csv", name, CsvOption::WORDS);
        };
        match option {
            CsvOption::Separator => format.separator = self.separator(value)?,
            CsvOption::Header => format.header = self.yes_or_no(option.word(), value)?,
            CsvOption::ShortRows => format.short_rows = self.yes_or_no(option.word(), value)?,
            CsvOption::SkipLines => format.skip_lines = self.lines(value)?,
            CsvOption::Encoding => format.encoding = self.text_encoding(value)?,
        }
        Ok(())
    }

    fn excel_option(&mut self, format: &mut SheetFormat, name: &Name, value: &tree::Expr) -> Checked<()> {
        let Some(option) = ExcelOption::of_word(name.as_str()) else {
            return self.unknown_option("excel", name, ExcelOption::WORDS);
        };
        match option {
            ExcelOption::Sheet => format.sheet = Some(self.plain_text(value)?),
            ExcelOption::SkipLines => format.skip_lines = self.lines(value)?,
            ExcelOption::Merged => format.merged = self.yes_or_no(option.word(), value)?,
        }
        Ok(())
    }

    fn separator(&mut self, value: &tree::Expr) -> Checked<u8> {
        let text = self.plain_text(value)?;
        let fits = |byte: &u8| byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r');
        match text.as_bytes() {
            [byte] if fits(byte) => Ok(*byte),
            _ => {
                let label = "wanted: one ASCII character, such as \";\" or \"\\t\"";
                self.refuse(Code::E0103, "that separates nothing", value.span, label)
            }
        }
    }

    /// How many lines stand above the header.
    fn lines(&mut self, value: &tree::Expr) -> Checked<u32> {
        let lines = self.expr(value, &Scope::CONSTANT)?.amount();
        match lines.filter(|lines| lines.fract().is_zero()).and_then(|lines| u32::try_from(lines).ok()) {
            Some(lines) if lines <= 10_000 => Ok(lines),
            _ => self.refuse(Code::E0103, "how many lines?", value.span, "wanted: a whole number such as `2`"),
        }
    }

    fn text_encoding(&mut self, value: &tree::Expr) -> Checked<TextEncoding> {
        let text = self.plain_text(value)?;
        match TextEncoding::of_word(&text.to_ascii_lowercase()) {
            Some(encoding) => Ok(encoding),
            None => {
                let known: Vec<String> = TextEncoding::WORDS.iter().map(|word| format!("\"{word}\"")).collect();
                let label = format!("wanted: one of {}", known.join(", "));
                self.refuse(Code::E0103, "that is no encoding known here", value.span, label)
            }
        }
    }

    fn decimal_sign(&mut self, value: &tree::Expr) -> Checked<u8> {
        match self.plain_text(value)?.as_bytes() {
            [sign @ (b'.' | b',')] => Ok(*sign),
            _ => self.refuse(Code::E0103, "that is no decimal sign", value.span, "wanted: \".\" or \",\""),
        }
    }

    fn thousands_sign(&mut self, value: &tree::Expr) -> Checked<char> {
        let text = self.plain_text(value)?;
        let mut signs = text.chars();
        match (signs.next(), signs.next()) {
            (Some(sign), None) if !sign.is_alphanumeric() && !"+-\"\n\r".contains(sign) => Ok(sign),
            _ => {
                let label = "wanted: one sign, such as \",\", \".\", \" \" or \"'\"";
                self.refuse(Code::E0103, "that sets no digits apart", value.span, label)
            }
        }
    }

    /// The sign before decimals is another one than that between digits.
    fn signs_differ(&mut self, notation: Option<NumberNotation>, span: Span) -> Checked<()> {
        let Some(NumberNotation { decimal, thousands: Some(thousands) }) = notation else { return Ok(()) };
        if thousands != char::from(decimal) {
            return Ok(());
        }
        let other = if decimal == b'.' { "," } else { "." };
        let help = format!("wanted: `decimal=\"{other}\"` as well, or another sign");
        let message = format!("`{thousands}` can't stand before decimals and between digits");
        self.refuse(Code::E0103, message, span, help)
    }

    fn yes_or_no(&mut self, option: &str, value: &tree::Expr) -> Checked<bool> {
        match &value.kind {
            tree::ExprKind::Literal(tree::Literal::Bool(yes)) => Ok(*yes),
            _ => {
                let message = format!("`{option}`: yes or no?");
                self.refuse(Code::E0205, message, value.span, "wanted: `true` or `false`")
            }
        }
    }

    /// `missing "--", "n/a"`: texts that stand for no value in the columns that may have none.
    pub(super) fn missing_texts(&mut self, fetch: &tree::Fetch, columns: &[FetchColumn]) -> Checked<Arc<[String]>> {
        let clauses = fetch.clauses.iter().filter_map(|clause| match clause {
            FetchClause::Missing(texts) => Some(texts),
            _ => None,
        });
        let written: Vec<Name> = clauses.flatten().cloned().collect();
        self.missing_in_columns(&written, columns)
    }

    /// Texts that mean a missing value in those columns that may have one.
    pub(super) fn missing_in_columns(&mut self, written: &[Name], columns: &[FetchColumn]) -> Checked<Arc<[String]>> {
        if let Some(text) = written.iter().find(|text| text.value.trim().is_empty()) {
            let label = "an empty field is missing without that";
            return self.refuse(Code::E0103, "that is no text", text.span, label);
        }
        if let (Some(text), false) = (written.first(), columns.iter().any(|column| column.optional)) {
            return self.fail(
                Diagnostic::new(Code::E0107, "none of these columns may be missing")
                    .at(text.span, "never used")
                    .help("write `?` behind the type of a column in which it may stand"),
            );
        }
        Ok(written.iter().map(|text| text.value.trim().to_owned()).collect())
    }

    /// `rows until "Total"`: of tables of rows that a person reads.
    pub(super) fn rows_until(&mut self, fetch: &tree::Fetch, kind: &SourceKind) -> Checked<Option<String>> {
        let mut until: Option<String> = None;
        for clause in &fetch.clauses {
            let FetchClause::RowsUntil(text) = clause else { continue };
            if !matches!(kind, SourceKind::Csv(_) | SourceKind::Excel(_)) {
                let message = "only `csv` and `excel` have rows below the table";
                return self.refuse(Code::E0107, message, text.span, "never used");
            }
            if until.is_some() {
                return self.refuse(Code::E0107, "`rows until` stands here twice", text.span, "the second one");
            }
            if text.value.trim().is_empty() {
                return self.refuse(Code::E0103, "until which row?", text.span, "wanted: how it begins");
            }
            until = Some(text.value.trim().to_owned());
        }
        Ok(until)
    }
}
