//! Items: pipeline, let, metric, dashboard, target.

use pest::iterators::Pair;

use super::{Children, Reader, Rule, keyword, literal, unread, vocabulary};
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
            Rule::EOI => {}
            other => unread(other),
        }
    }

    /// `NAME = EXPR`, after the keywords.
    pub(super) fn assignment(&mut self, pair: Pair<'_, Rule>) -> (Name, crate::tree::Expr) {
        let mut children = Children::of(pair);
        (self.new_name(&children.child()), self.expr(children.child()))
    }

    /// A name that is declared here: reserved words are reported.
    pub(super) fn new_name(&mut self, pair: &Pair<'_, Rule>) -> Name {
        let name = self.name(pair);
        if vocabulary::is_reserved(name.as_str()) {
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
        let mut children = Children::of(pair);
        let name = self.new_name(&children.child());
        let mut pipeline = Pipeline {
            name,
            question: None,
            owner: None,
            every: None,
            timezone: None,
            currency: None,
            weeks_start: None,
            retire: None,
            alerts: None,
            span,
        };
        for clause in children {
            self.pipeline_clause(clause, &mut pipeline);
        }
        pipeline
    }

    fn pipeline_clause(&mut self, clause: Pair<'_, Rule>, pipeline: &mut Pipeline) {
        let (rule, span) = (clause.as_rule(), self.span(&clause));
        let mut children = Children::of(clause);
        let inner = children.child();
        match rule {
            Rule::question => {
                let text = self.plain_text(inner);
                self.set_once(&mut pipeline.question, text, span);
            }
            Rule::owner => {
                let text = self.plain_text(inner);
                self.set_once(&mut pipeline.owner, text, span);
            }
            Rule::timezone => {
                let text = self.plain_text(inner);
                self.set_once(&mut pipeline.timezone, text, span);
            }
            Rule::every => {
                let every = self.cadence(inner);
                self.set_once(&mut pipeline.every, every, span);
            }
            Rule::currency_is => {
                let code = self.currency(&inner);
                self.set_once(&mut pipeline.currency, code, span);
            }
            Rule::weeks_start => {
                let day = literal::day(&inner);
                self.set_once(&mut pipeline.weeks_start, day, span);
            }
            Rule::retire => {
                let date = self.name(&inner);
                self.set_once(&mut pipeline.retire, date, span);
            }
            Rule::alerts_to => {
                let target = self.target_ref(inner);
                let limit = children.opt(Rule::digits).map(|digits| self.whole(&digits));
                self.set_once(&mut pipeline.alerts, (target, limit), span);
            }
            other => unread(other),
        }
    }

    /// Sets a clause that may occur once; reports a second one.
    pub(super) fn set_once<T>(&mut self, place: &mut Option<T>, value: T, span: Span) {
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
        let form = Children::of(pair).child();
        let rule = form.as_rule();
        let mut children = Children::of(form);
        let day = children.opt(Rule::weekday).map_or(Day::Monday, |day| literal::day(&day));
        let on = children.opt(Rule::digits).map(|digits| self.whole(&digits));
        let at = children.opt(Rule::at_clock).map(|at| self.name(&Children::of(at).child()));
        let cadence = match rule {
            Rule::every_hour => Cadence::Hour,
            Rule::every_weekday => Cadence::Weekday(at),
            Rule::every_week => Cadence::Week(day, at),
            Rule::every_month => Cadence::Month(on.unwrap_or(Spanned::new(1, span)), at),
            Rule::every_day => Cadence::Day(at),
            other => unread(other),
        };
        Spanned::new(cadence, span)
    }

    fn dashboard(&mut self, pair: Pair<'_, Rule>) -> Dashboard {
        let span = self.span(&pair);
        let mut children = Children::of(pair);
        let from = self.name(&children.child());
        let mut dashboard = Dashboard { from, constraints: vec![], drivers: vec![], over: None, by: None, span };
        for clause in children {
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
                    let window = self.window(Children::of(clause).child());
                    self.set_once(&mut dashboard.over, window, at);
                }
                Rule::by_column => {
                    let by = self.name(&Children::of(clause).child());
                    self.set_once(&mut dashboard.by, by, at);
                }
                other => unread(other),
            }
        }
        dashboard
    }

    fn driver(&mut self, pair: Pair<'_, Rule>) -> Driver {
        let mut children = Children::of(pair);
        let metric = self.name(&children.child());
        let goal = children.next().map(|goal| {
            let mut children = Children::of(goal);
            let direction = keyword(&children.child(), Direction::of_word);
            Goal { direction, bound: self.arith(children.child()) }
        });
        Driver { metric, goal }
    }

    fn target(&mut self, pair: Pair<'_, Rule>) -> Target {
        let mut children = Children::of(pair);
        let name = self.new_name(&children.child());
        let parameters = children
            .opt(Rule::parameters)
            .map(|list| Children::of(list).map(|parameter| self.parameter(parameter)).collect());
        let call = children.child();
        let call_span = self.span(&call);
        let call = self.source(call);
        let settings = children.map(|part| self.setting(part)).collect();
        Target { name, parameters: parameters.unwrap_or_default(), call, call_span, settings }
    }

    /// A call, or only its name.
    pub(super) fn source(&mut self, pair: Pair<'_, Rule>) -> Call {
        match pair.as_rule() {
            Rule::source => self.call(pair),
            _ => Call { callee: self.path(pair), args: Vec::new(), filter: None, over: None },
        }
    }

    fn parameter(&mut self, pair: Pair<'_, Rule>) -> Parameter {
        let mut children = Children::of(pair);
        let name = self.new_name(&children.child());
        let kind = self.column_type(children.child());
        Parameter { name, kind, key: children.opt(Rule::is_key).is_some() }
    }

    pub(super) fn setting(&mut self, pair: Pair<'_, Rule>) -> Setting {
        let mut children = Children::of(pair);
        let name = self.name(&children.child());
        let value = children.child();
        let value = match value.as_rule() {
            Rule::arguments => SettingValue::Arguments(self.arguments(value)),
            _ => SettingValue::Expr(self.expr(value)),
        };
        Setting { name, value }
    }
}
