//! The functions of the language.

use cpl_syntax::keywords;

use crate::clock::Grain;

impl Function {
    /// The function that gives the start of a period.
    #[must_use]
    pub fn start_of(grain: Grain) -> Self {
        match grain {
            Grain::Hour => Self::HourStart,
            Grain::Day => Self::DateOf,
            Grain::Week => Self::WeekStart,
            Grain::Month => Self::MonthStart,
        }
    }
}

impl AggFunc {
    /// Whether the aggregate of all rows can be put together from those of parts of them.
    #[must_use]
    pub fn is_merged(self) -> bool {
        !matches!(self, Self::CountDistinct | Self::Median | Self::Quantile | Self::Std)
    }
}

keywords! {
    /// The aggregates that run.
    AggFunc {
        Sum "sum",
        Mean "mean",
        Min "min",
        Max "max",
        Count "count",
        CountDistinct "count_distinct",
        First "first",
        Last "last",
        Median "median",
        Quantile "quantile",
        Std "std",
    }
}

keywords! {
    /// The functions of a row that run.
    Function {
        Abs "abs",
        Round "round",
        Floor "floor",
        Ceil "ceil",
        Least "least",
        Greatest "greatest",
        Sqrt "sqrt",
        Number "number",
        If "if",
        Lower "lower",
        Upper "upper",
        Trim "trim",
        Contains "contains",
        StartsWith "starts_with",
        EndsWith "ends_with",
        DateOf "date_of",
        WeekdayOf "weekday",
        Year "year",
        MonthOf "month",
        DayOfMonth "day_of_month",
        WeekStart "week_start",
        MonthStart "month_start",
        DaysBetween "days_between",
        DaysInMonth "days_in_month",
        HourOf "hour_of",
        HourStart "hour_start",
        QuarterStart "quarter_start",
        HoursBetween "hours_between",
        UnixSeconds "unix_seconds",
        Replace "replace",
        Micros "micros",
        Cents "cents",
        Convert "convert",
    }
}
