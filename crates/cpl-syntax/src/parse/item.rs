//! Items: pipeline, let, metric, dashboard, target.

use pest::iterators::Pair;

use super::{Parts, Reader, Rule, literal, refuse};
use crate::{
    codes::Code,
    diagnostic::Diagnostic,
    span::{Name, Span, Spanned},
    tree::{
        Cadence, Call, Currency, Dashboard, Day, Direction, Driver, File, Goal, Let, Metric, Parameter, Pipeline,
        Setting, SettingValue, Target,
    },
};

impl Reader<'_> {
    /// Reads one item into its place in the file.
    pub(super) fn item(&mut self, pair: Pair<'_, Rule>, file: &mut File) {
        match pair.as_rule() {
            Rule::pipeline => file.pipelines.push(self.pipeline(pair)),
            Rule::let_item => {
                let (name, value) = self.assignment(pair);
                file.lets.push(Let { name, value });
            }
            Rule::metric => {
                let (name, value) = self.assignment(pair);
                file.metrics.push(Metric { name, value });
            }
            Rule::fetch => file.fetches.push(self.fetch(pair)),
            Rule::transform => file.transforms.push(self.transform(pair)),
            Rule::dashboard => file.dashboards.push(self.dashboard(pair)),
            Rule::decide => file.decides.push(self.decide(pair)),
            Rule::alert => file.alerts.push(self.alert(pair)),
            Rule::target => file.targets.push(self.target(pair)),
            Rule::test => file.tests.push(self.test(pair)),
            _ => {}
        }
    }

    /// `NAME = EXPR`, behind whatever words.
    pub(super) fn assignment(&mut self, pair: Pair<'_, Rule>) -> (Name, crate::tree::Expr) {
        let mut parts = Parts::of(pair);
        (self.new_name(&parts.child()), self.expr(parts.child()))
    }

    /// A name that is made here: a reserved word is refused.
    pub(super) fn new_name(&mut self, pair: &Pair<'_, Rule>) -> Name {
        let name = self.name(pair);
        if refuse::is_reserved(name.as_str()) {
            self.report(
                Diagnostic::new(Code::E0104, format!("`{}` is a word of the language", name.as_str()))
                    .at(name.span, "can't be a name")
                    .help(format!(
                        "call it `{0}_` or `the_{0}`; a column's real name stays: `… from \"{0}\"`",
                        name.as_str()
                    )),
            );
        }
        name
    }

    fn pipeline(&mut self, pair: Pair<'_, Rule>) -> Pipeline {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let name = self.new_name(&parts.child());
        let mut pipeline = Pipeline {
            name,
            question: None,
            owner: None,
            every: None,
            timezone: None,
            currency: None,
            retire: None,
            alerts: None,
            span,
        };
        for clause in parts {
            self.pipeline_clause(clause, &mut pipeline);
        }
        pipeline
    }

    fn pipeline_clause(&mut self, clause: Pair<'_, Rule>, pipeline: &mut Pipeline) {
        let (rule, span) = (clause.as_rule(), self.span(&clause));
        let mut parts = Parts::of(clause);
        let inner = parts.child();
        match rule {
            Rule::question => {
                let text = self.plain_text(inner);
                self.once(&mut pipeline.question, text, span);
            }
            Rule::owner => {
                let text = self.plain_text(inner);
                self.once(&mut pipeline.owner, text, span);
            }
            Rule::timezone => {
                let text = self.plain_text(inner);
                self.once(&mut pipeline.timezone, text, span);
            }
            Rule::every => {
                let every = self.cadence(inner);
                self.once(&mut pipeline.every, every, span);
            }
            Rule::currency_is => {
                let code = self.currency(&inner);
                self.once(&mut pipeline.currency, code, span);
            }
            Rule::retire => {
                let date = self.name(&inner);
                self.once(&mut pipeline.retire, date, span);
            }
            _ => {
                let target = self.target_ref(inner);
                let limit = parts.opt(Rule::digits).map(|digits| self.whole(&digits));
                self.once(&mut pipeline.alerts, (target, limit), span);
            }
        }
    }

    /// A clause that may stand once.
    pub(super) fn once<T>(&mut self, place: &mut Option<T>, value: T, span: Span) {
        if place.is_some() {
            let word = span.of(self.text).split_whitespace().next().unwrap_or_default();
            self.report(
                Diagnostic::new(Code::E0107, format!("`{word}` stands here twice"))
                    .at(span, "the second one")
                    .help("leave one of them"),
            );
        } else {
            *place = Some(value);
        }
    }

    fn currency(&mut self, pair: &Pair<'_, Rule>) -> Name {
        let name = self.name(pair);
        if Currency::of_code(name.as_str()).is_none() {
            self.report(
                Diagnostic::new(Code::E0103, format!("`{}` is no currency that cpl knows", name.as_str()))
                    .at(name.span, "wanted: an ISO 4217 code in capitals, such as `USD`"),
            );
        }
        name
    }

    fn cadence(&mut self, pair: Pair<'_, Rule>) -> Spanned<Cadence> {
        let span = self.span(&pair);
        let form = Parts::of(pair).child();
        let rule = form.as_rule();
        let mut parts = Parts::of(form);
        let day = parts.opt(Rule::weekday).map_or(Day::Monday, |day| literal::day(&day));
        let on = parts.opt(Rule::digits).map(|digits| self.whole(&digits));
        let at = parts.opt(Rule::at_clock).map(|at| self.name(&Parts::of(at).child()));
        let cadence = match rule {
            Rule::every_hour => Cadence::Hour,
            Rule::every_weekday => Cadence::Weekday(at),
            Rule::every_week => Cadence::Week(day, at),
            Rule::every_month => Cadence::Month(on.unwrap_or(Spanned::new(1, span)), at),
            _ => Cadence::Day(at),
        };
        Spanned::new(cadence, span)
    }

    fn dashboard(&mut self, pair: Pair<'_, Rule>) -> Dashboard {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let from = self.name(&parts.child());
        let mut dashboard = Dashboard { from, constraints: vec![], drivers: vec![], over: None, by: None, span };
        for clause in parts {
            let (rule, at) = (clause.as_rule(), self.span(&clause));
            match rule {
                Rule::constraint => {
                    let driver = self.driver(clause);
                    dashboard.constraints.push(driver);
                }
                Rule::driver => {
                    let driver = self.driver(clause);
                    dashboard.drivers.push(driver);
                }
                Rule::over => {
                    let window = self.window(Parts::of(clause).child());
                    self.once(&mut dashboard.over, window, at);
                }
                _ => {
                    let by = self.name(&Parts::of(clause).child());
                    self.once(&mut dashboard.by, by, at);
                }
            }
        }
        dashboard
    }

    fn driver(&mut self, pair: Pair<'_, Rule>) -> Driver {
        let mut parts = Parts::of(pair);
        let metric = self.name(&parts.child());
        let goal = parts.next().map(|goal| {
            let mut parts = Parts::of(goal);
            let direction = if parts.child().as_str() == "below" { Direction::Below } else { Direction::Above };
            Goal { direction, bound: self.arith(parts.child()) }
        });
        Driver { metric, goal }
    }

    fn target(&mut self, pair: Pair<'_, Rule>) -> Target {
        let mut parts = Parts::of(pair);
        let name = self.new_name(&parts.child());
        let parameters = parts
            .opt(Rule::parameters)
            .map(|list| Parts::of(list).map(|parameter| self.parameter(parameter)).collect());
        let call = parts.child();
        let call_span = self.span(&call);
        let call = self.source(call);
        let settings = parts.map(|part| self.setting(part)).collect();
        Target { name, parameters: parameters.unwrap_or_default(), call, call_span, settings }
    }

    /// A call, or the name of one alone.
    pub(super) fn source(&mut self, pair: Pair<'_, Rule>) -> Call {
        match pair.as_rule() {
            Rule::source => self.call(pair),
            _ => Call { callee: self.path(pair), args: Vec::new(), filter: None, over: None },
        }
    }

    fn parameter(&mut self, pair: Pair<'_, Rule>) -> Parameter {
        let mut parts = Parts::of(pair);
        let name = self.new_name(&parts.child());
        let kind = self.column_type(parts.child());
        Parameter { name, kind, key: parts.opt(Rule::is_key).is_some() }
    }

    pub(super) fn setting(&mut self, pair: Pair<'_, Rule>) -> Setting {
        let mut parts = Parts::of(pair);
        let name = self.name(&parts.child());
        let value = parts.child();
        let value = match value.as_rule() {
            Rule::arguments => SettingValue::Arguments(self.arguments(value)),
            _ => SettingValue::Expr(self.expr(value)),
        };
        Setting { name, value }
    }
}
