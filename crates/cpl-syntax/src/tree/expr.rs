//! Expressions as written.

use crate::keywords;
use crate::span::{Name, Span, Spanned};

/// An expression and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its source span, with brackets.
    pub span: Span,
}

/// The forms an expression takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExprKind {
    /// A value written out.
    Literal(Literal),
    /// `"… {hole} …"`.
    Text(Text),
    /// `cac`, or `t.cac` after `join T as t`.
    Path(Path),
    /// A function, an aggregate or a metric with its own filter or window.
    Call(Box<Call>),
    /// `not a`.
    Not(Box<Expr>),
    /// `-a`; a sign `+` leaves no trace.
    Negate(Box<Expr>),
    /// `a and b`, `a or b`.
    Logic(Logic, Box<Expr>, Box<Expr>),
    /// `a + b` and its kin, `??` among them.
    Arith(Spanned<ArithOp>, Box<Expr>, Box<Expr>),
    /// A comparison or another predicate on a value.
    Relation(Box<Expr>, Box<Relation>),
}

/// A column's name, with or without its table: `name`, `table.name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The part before the dot; boxed, since most names have none.
    pub table: Option<Box<Name>>,
    /// The name itself.
    pub name: Name,
}

impl Path {
    /// The column's full name: `x`, or `t.x` after `join … as t`.
    #[must_use]
    pub fn column(&self) -> Name {
        match &self.table {
            None => self.name.clone(),
            Some(table) => Name::new(format!("{}.{}", table.value, self.name.value), table.span.to(self.name.span)),
        }
    }
}

/// `and` or `or`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logic {
    /// Both.
    And,
    /// Either.
    Or,
}

keywords! {
    /// An arithmetic operator.
    ArithOp {
        Add "+",
        Subtract "-",
        Multiply "*",
        Divide "/",
        OrElse "??",
    }
}

keywords! {
    /// `=` and its kin.
    CompareOp {
        Equal "=",
        Unequal "!=",
        Less "<",
        LessOrEqual "<=",
        Greater ">",
        GreaterOrEqual ">=",
    }
}

/// The predicate on the left value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `a < b`.
    Compare(Spanned<CompareOp>, Expr),
    /// `a exceeds b by c`, `a falls below b by c`.
    Exceeds {
        /// `Above` for exceeds, `Below` for falls below.
        direction: Direction,
        /// The value it is compared with.
        than: Expr,
        /// The margin, if there is one.
        by: Option<Box<Expr>>,
    },
    /// `a is surely below b at p`.
    Surely {
        /// On which side of `than` it lies.
        direction: Direction,
        /// The value it is compared with.
        than: Expr,
        /// The least chance, if it is said.
        at: Option<Box<Expr>>,
    },
    /// `a is known`, `a is unknown`.
    Known(bool),
    /// `a is within c of b`.
    Within {
        /// `is not within`.
        inverted: bool,
        /// How far.
        margin: Box<Expr>,
        /// Of what.
        of: Expr,
    },
    /// `a breaks pattern over w by n`.
    BreaksPattern {
        /// The window looked back on.
        over: Option<WindowOver>,
        /// How many robust deviations.
        by: Option<Expr>,
    },
    /// `a in (b, c)`.
    InTuple {
        /// `not in`.
        inverted: bool,
        /// The values.
        values: Vec<Expr>,
    },
    /// `a in last 7 days`.
    InWindow {
        /// `not in`.
        inverted: bool,
        /// The window.
        window: Window,
    },
    /// `a in b to c`.
    InRange {
        /// `not in`.
        inverted: bool,
        /// First value of it.
        from: Expr,
        /// Last value of it.
        to: Box<Expr>,
    },
}

keywords! {
    /// Which side of a goal is good, or which way something goes.
    Direction {
        /// Lower.
        Below "below",
        /// Higher.
        Above "above",
    }
}

/// `name(args where filter over window)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What is called; with a table before a dot for a connector's endpoint.
    pub callee: Path,
    /// The arguments, in order.
    pub args: Vec<Arg>,
    /// `where …` inside the brackets.
    pub filter: Option<Expr>,
    /// `over …` inside the brackets.
    pub over: Option<WindowOver>,
}

/// One argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// `x`.
    Plain(Expr),
    /// `x by closed_on`.
    By(Expr, Box<Path>),
    /// `separator = ";"`.
    Named(Name, Box<Expr>),
    /// `last 35 days`.
    Window(Window),
    /// `window = last 35 days`.
    NamedWindow(Name, Window),
}

/// Text with holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Its pieces in order; none for `""`.
    pub pieces: Vec<Piece>,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Letters, escapes resolved.
    Letters(String),
    /// `{ … }`.
    Hole(Expr),
}

impl Text {
    /// The text where it has no holes.
    #[must_use]
    pub fn plain(&self) -> Option<String> {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Letters(letters) => Some(letters.as_str()),
                Piece::Hole(_) => None,
            })
            .collect()
    }
}

/// A value written out. Numbers keep the digits that were written, without `_`, `k` and `M` resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// `3`, `0.5`, `10k`.
    Number(String),
    /// `3.2%`: the digits before the sign.
    Percent(String),
    /// `4x`.
    Times(String),
    /// `2 points`.
    Points(String),
    /// `$47`, `30 EUR`.
    Money(String, Currency),
    /// `7 days`.
    Duration(u32, Unit),
    /// `2026-11-20`.
    Date(String),
    /// `2026-11-20T07:00`.
    Datetime(String),
    /// `07:00`.
    Clock(String),
    /// `true`.
    Bool(bool),
    /// `tuesday`.
    Weekday(Day),
    /// `now`, `today`, `yesterday`.
    Word(Word),
}

keywords! {
    /// A moment the window of the run gives.
    Word {
        /// The window's start.
        Now "now",
        /// Its date.
        Today "today",
        /// The day before.
        Yesterday "yesterday",
    }
}

/// An ISO 4217 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The currency of a sign.
    #[must_use]
    pub fn of_sign(sign: char) -> Option<Self> {
        match sign {
            '$' => Some(Self(*b"USD")),
            '€' => Some(Self(*b"EUR")),
            '£' => Some(Self(*b"GBP")),
            '¥' => Some(Self(*b"JPY")),
            _ => None,
        }
    }

    /// The one of that code.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        Self::all().find(|known| known.0 == bytes)
    }

    /// All currencies.
    pub fn all() -> impl Iterator<Item = Self> {
        let codes = Self::BY_MINOR_DIGITS.into_iter().flat_map(|(_, codes)| codes.split_ascii_whitespace());
        codes.filter_map(|code| code.as_bytes().try_into().ok().map(Self))
    }

    /// The currencies in use, by the decimal places of their minor unit (ISO 4217, table A.1). Metals, funds of the
    /// International Monetary Fund, test codes and `XXX` are none.
    const BY_MINOR_DIGITS: [(u32, &str); 4] = [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (
            2,
            "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD \
             CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS \
             GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL \
             MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK \
             PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS \
             TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
        ),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    ];

    /// `USD`.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// `$` where it has a sign of its own.
    #[must_use]
    pub fn sign(&self) -> Option<char> {
        ['$', '€', '£', '¥'].into_iter().find(|sign| Self::of_sign(*sign) == Some(*self))
    }

    /// How exports write it with an amount: its code, and its signs, a longer one ahead of one that it begins with. A
    /// sign that several currencies share is one of each: the declaration says which is meant.
    #[must_use]
    pub fn signs(&self) -> Vec<String> {
        let own = Self::SIGNS.iter().find(|(code, _)| *code == self.code()).map_or("", |(_, signs)| signs);
        let signs = own.split_ascii_whitespace().chain([self.code()]).map(str::to_owned);
        let mut signs: Vec<String> = signs.collect();
        signs.sort_by_key(|sign| std::cmp::Reverse(sign.len()));
        signs
    }

    /// Signs of amounts (Unicode CLDR 46, the symbols and narrow symbols of currencies).
    const SIGNS: [(&str, &str); 40] = [
        ("ARS", "$ AR$"),
        ("AUD", "$ A$ AU$"),
        ("BRL", "R$"),
        ("CAD", "$ C$ CA$"),
        ("CLP", "$ CL$"),
        ("CNY", "¥ CN¥"),
        ("COP", "$ CO$"),
        ("CZK", "Kč"),
        ("DKK", "kr kr."),
        ("EGP", "E£"),
        ("EUR", "€"),
        ("GBP", "£"),
        ("HKD", "$ HK$"),
        ("HUF", "Ft"),
        ("IDR", "Rp"),
        ("ILS", "₪"),
        ("INR", "₹"),
        ("ISK", "kr kr."),
        ("JPY", "¥ JP¥ ￥"),
        ("KRW", "₩"),
        ("KZT", "₸"),
        ("MXN", "$ MX$"),
        ("MYR", "RM"),
        ("NGN", "₦"),
        ("NOK", "kr kr."),
        ("NZD", "$ NZ$"),
        ("PEN", "S/"),
        ("PHP", "₱"),
        ("PLN", "zł"),
        ("RON", "lei"),
        ("RUB", "₽"),
        ("SEK", "kr kr."),
        ("SGD", "$ S$"),
        ("THB", "฿"),
        ("TRY", "₺"),
        ("TWD", "$ NT$"),
        ("UAH", "₴"),
        ("USD", "$ US$"),
        ("VND", "₫"),
        ("ZAR", "R"),
    ];

    /// Decimal places of its minor unit (ISO 4217).
    #[must_use]
    pub fn minor_digits(&self) -> u32 {
        let of = Self::BY_MINOR_DIGITS.into_iter().find(|(_, codes)| codes.contains(self.code()));
        of.map_or(2, |(digits, _)| digits)
    }
}

keywords! {
    /// A unit of time.
    Unit {
        /// Second.
        Second "second",
        /// Minute.
        Minute "minute",
        /// Hour.
        Hour "hour",
        /// Day.
        Day "day",
        /// Week.
        Week "week",
        /// Calendar month.
        Month "month",
    }
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Day {
    /// 1 in ISO 8601.
    Monday = 1,
    /// 2
    Tuesday,
    /// 3
    Wednesday,
    /// 4
    Thursday,
    /// 5
    Friday,
    /// 6
    Saturday,
    /// 7
    Sunday,
}

impl Day {
    /// All of them, Monday first.
    pub const ALL: [Self; 7] =
        [Self::Monday, Self::Tuesday, Self::Wednesday, Self::Thursday, Self::Friday, Self::Saturday, Self::Sunday];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"][self as usize - 1]
    }
}

/// A stretch of complete periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Which.
    pub kind: WindowKind,
    /// The word `settled`: it ends before the periods that still move.
    pub settled: Option<Span>,
    /// Its source span.
    pub span: Span,
}

/// The forms of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowKind {
    /// `last 7 days`.
    Last(u32, Unit),
    /// `this month`, `previous week`.
    Period(WhichPeriod, Period),
}

keywords! {
    /// This one or the one before.
    WhichPeriod {
        /// From its start through yesterday.
        This "this",
        /// The whole calendar one.
        Previous "previous",
    }
}

keywords! {
    /// A calendar period.
    Period {
        /// Monday to Sunday.
        Week "week",
        /// Month.
        Month "month",
        /// Three months.
        Quarter "quarter",
        /// Year.
        Year "year",
    }
}

/// `over 7 days`, `over 28 days before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowOver {
    /// How long.
    pub window: Window,
    /// It ends with the row before.
    pub before: bool,
}
