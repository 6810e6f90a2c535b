//! Every code a diagnostic can bear. A code is never reused for another meaning.
//!
//! `E01` how a file is written · `E02` names · `E03` types and units · `E04` tables, keys and joins ·
//! `E05` dashboard and rules · `E06` connector files · `E09` what this version can't run yet · `E10` data as it is read ·
//! `E11` a run · `E12` tests · `W` warnings · `H` hints.

use crate::severity::Severity;

macro_rules! codes {
    ($($code:ident $title:literal,)*) => {
        /// A stable code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $(#[doc = $title] $code,)* }

        impl Code {
            /// The code as written: `E0301`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$code => stringify!($code),)* }
            }

            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// What it means, in a few words.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$code => $title,)* }
            }

            /// Its page: the meaning, an example file, the diagnostic it causes, and the fix.
            #[must_use]
            pub fn page(self) -> &'static str {
                match self {
                    $(Self::$code => include_str!(concat!("../../../grammar/codes/", stringify!($code), ".md")),)*
                }
            }
        }
    };
}

codes! {
    E0101 "the text is not cpl",
    E0102 "items of a list stand side by side without a separator",
    E0103 "a literal that can't be",
    E0104 "a reserved word as a name",
    E0105 "comparisons do not chain",
    E0106 "a hole where none may be",
    E0107 "a clause is missing or stands twice",
    E0108 "brackets or operators nest too deep",
    E0109 "more than a pipeline may hold",
    E0201 "an unknown name",
    E0202 "a name used twice",
    E0203 "tables form a cycle",
    E0204 "a name with two meanings",
    E0205 "an unexpected argument, or a missing one",
    E0301 "units do not fit",
    E0302 "money of two currencies",
    E0303 "a condition was wanted",
    E0304 "a ratio against a bare number",
    E0305 "an aggregate where there is none",
    E0306 "a sum of ratios",
    E0307 "a constant was wanted",
    E0308 "a function's arguments do not fit",
    E0401 "the table's key",
    E0402 "a join that may fan out",
    E0403 "a column of both sides",
    E0404 "no one date to go by",
    E0405 "take without an order",
    E0406 "nothing says when figures settle",
    E0407 "nothing tells how sure a value is",
    E0501 "the dashboard",
    E0502 "a rule's rows",
    E0503 "an action",
    E0504 "a secret where none may stand",
    E0601 "a YAML file that can't be read",
    E0602 "names and values of a connector file, or of `cpl.yaml`",
    E0603 "a request that can't be sent as written",
    E0604 "a connector that can't be used",
    E0901 "not in this version yet",
    E1001 "no file there",
    E1002 "a file that can't be read",
    E1003 "a column is not in the file",
    E1004 "a header twice",
    E1005 "a value that does not fit",
    E1006 "a row with another number of fields",
    E1007 "a file without a header",
    E1008 "a server that does not answer",
    E1009 "a server that refuses",
    E1010 "an answer that is no JSON",
    E1011 "a secret that is not set",
    E1012 "pages that do not go on as they should",
    E1013 "a long report that can't be read",
    E1014 "a recording of something else",
    E1015 "a value that holds a secret",
    E1101 "the run could not be finished",
    E1102 "an effect could not be written",
    E1103 "rows of a join fan out",
    E1104 "a value too large to compute with",
    E1105 "an option that does not fit the pipeline",
    E1106 "a ledger that can't be used",
    E1107 "effects that were not carried out",
    E1108 "a plan that can't be applied",
    E1201 "a test failed",
    W0101 "not required for the decision",
    W0102 "no end is set",
    W0201 "a change that compounds",
    W0202 "a cut without a floor",
    W0203 "a change without a guard",
    W0204 "a ratio without a minimum count",
    W0205 "a dated source that may be stale",
    W0206 "a day that is not over",
    W0207 "a mean of means",
    W0208 "more messages than anybody acts on",
    W0209 "a missing partner against zero",
    W0210 "one series may stop unnoticed",
    W0211 "rules that take turns",
    W0212 "a sum that passes over unknown values",
    W0213 "files or pages whose rows may overlap",
    W0214 "percentages of a workbook",
    W0215 "a sum behind a join with several partners",
    W0216 "days of another time zone",
    W0217 "a change that a platform has to learn anew",
    W0218 "two files that are one pipeline",
    W0301 "a silence without a reason",
    W0302 "a silence that silences nothing",
    W0901 "checked, and refused by a run",
    H0201 "a rate as if it were exact",
}

impl Code {
    /// The first letter tells it: `E` is an error, `W` a warning, `H` a hint.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self.as_str().as_bytes()[0] {
            b'W' => Severity::Warning,
            b'H' => Severity::Hint,
            _ => Severity::Error,
        }
    }
}
