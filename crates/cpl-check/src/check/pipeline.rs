//! The item `pipeline`.

use cpl_syntax::{Code, Diagnostic, Name, tree};
use jiff::{
    civil::{Date, Time},
    tz::TimeZone,
};

use super::{
    Checker,
    state::reporter::{Checked, Reported},
};
use cpl_model::clock::{AsOf, Cadence, Clock};

/// The head of a program.
pub struct Head {
    pub name: String,
    pub question: Option<String>,
    pub owner: Option<String>,
    pub every: Cadence,
    pub retire: Option<Date>,
}

impl Checker<'_> {
    pub(super) fn pipeline(&mut self, as_of: AsOf) -> Checked<Head> {
        let pipelines = &self.input.file.pipelines;
        let Some(pipeline) = pipelines.first() else {
            if self.input.file.missing_names.contains("pipeline") {
                return Err(Reported::earlier());
            }
            return self.fail(
                Diagnostic::new(Code::E0107, "the file has no `pipeline`")
                    .help("begin it with `pipeline NAME { question \"…\" }`"),
            );
        };
        if let Some(second) = pipelines.get(1) {
            self.report(
                Diagnostic::new(Code::E0107, "one file is one pipeline")
                    .at(second.name.span, "a second one")
                    .at(pipeline.name.span, "the first one")
                    .help("put it into a file of its own"),
            );
        }
        if let Some(zone) = &pipeline.timezone {
            self.zone = self.timezone(zone).unwrap_or(TimeZone::UTC);
        }
        self.week_start = pipeline.weeks_start.unwrap_or(tree::Day::Monday);
        if let Some((target, limit)) = &pipeline.alerts {
            let at = limit.map_or(target.name.span, |limit| target.name.span.to(limit.span));
            self.unsupported("messages with a weekly budget (`alerts to`)", at);
            self.message_budget(*limit);
        }
        let retire = pipeline.retire.as_ref().map(|date| self.date(date)).transpose();
        let every = self.cadence(pipeline.every.as_ref().map(|every| &every.value));
        // A window that no calendar holds is reported by the run.
        if let Some(clock) = every.ok().and_then(|every| Clock::at(every, &self.zone, as_of).ok()) {
            self.check_retire(pipeline, retire.ok().flatten(), clock.today());
        }
        Ok(Head {
            name: pipeline.name.value.clone(),
            question: pipeline.question.as_ref().map(|text| text.value.clone()),
            owner: pipeline.owner.as_ref().map(|text| text.value.clone()),
            every: every?,
            retire: retire?,
        })
    }

    fn check_retire(&mut self, pipeline: &tree::Pipeline, retire: Option<Date>, today: Date) {
        let Some(written) = &pipeline.retire else {
            if self.input.file.missing_names.contains("retire") {
                return;
            }
            self.report(
                Diagnostic::new(Code::W0102, "the pipeline has no `retire` date")
                    .at(pipeline.name.span, "built to be thrown away, but when?")
                    .help("add `retire DATE`: the day the constraint will have moved"),
            );
            return;
        };
        let Some(date) = retire else { return };
        let year_ahead = today.checked_add(jiff::Span::new().years(1)).unwrap_or(Date::MAX);
        let message = if date < today {
            "the pipeline is past its `retire` date: every decision is held"
        } else if date > year_ahead {
            "the pipeline retires more than a year from now"
        } else {
            return;
        };
        self.report(
            Diagnostic::new(Code::W0102, message)
                .at(written.span, format!("today is {today}"))
                .help("ask again what the constraint is, then set a new date or delete the file"),
        );
    }

    pub(super) fn timezone(&mut self, name: &Name) -> Checked<TimeZone> {
        match TimeZone::get(name.as_str()) {
            Ok(zone) => Ok(zone),
            Err(_) => self.refuse(
                Code::E0103,
                format!("there is no time zone named `{}`", name.as_str()),
                name.span,
                "wanted: an IANA name such as \"America/New_York\"",
            ),
        }
    }

    pub(super) fn date(&mut self, written: &Name) -> Checked<Date> {
        match written.value.parse() {
            Ok(date) => Ok(date),
            Err(_) => self.refuse(Code::E0103, format!("there is no {}", written.value), written.span, "no such day"),
        }
    }

    fn cadence(&mut self, written: Option<&tree::Cadence>) -> Checked<Cadence> {
        Ok(match written {
            None => Cadence::Day(Time::midnight()),
            Some(tree::Cadence::Hour) => Cadence::Hour,
            Some(tree::Cadence::Day(at)) => Cadence::Day(self.time(at.as_ref())?),
            Some(tree::Cadence::Weekday(at)) => Cadence::Weekday(self.time(at.as_ref())?),
            Some(tree::Cadence::Week(day, at)) => Cadence::Week(*day, self.time(at.as_ref())?),
            Some(tree::Cadence::Month(on, at)) => {
                let day = i8::try_from(on.value).ok().filter(|day| (1..=31).contains(day));
                let Some(day) = day else {
                    return self.refuse(Code::E0103, "no month has that day", on.span, "wanted: 1 to 31");
                };
                Cadence::Month(day, self.time(at.as_ref())?)
            }
        })
    }

    fn time(&mut self, written: Option<&Name>) -> Checked<Time> {
        let Some(written) = written else { return Ok(Time::midnight()) };
        match format!("{}:00", written.value).parse() {
            Ok(time) => Ok(time),
            Err(_) => self.refuse(
                Code::E0103,
                format!("there is no {} on a clock", written.value),
                written.span,
                "wanted: 00:00 to 23:59",
            ),
        }
    }
}
