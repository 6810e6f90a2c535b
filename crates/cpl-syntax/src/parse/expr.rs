//! Expressions: one table of precedence, one function a rule.

use pest::iterators::Pair;

use super::{Children, Reader, Rule, exact, keyword, limits::MAX_OPERATORS, literal, unread};
use crate::{
    codes::Code,
    diagnostic::Diagnostic,
    span::{Span, Spanned},
    tree::{
        Arg, ArithOp, Call, CompareOp, Direction, Expr, ExprKind, Literal, Logic, Path, Period, Relation, WhichPeriod,
        Window, WindowKind, WindowOver,
    },
};

/// Of the operators in `arith`, loosest first: `??`, then `+ -`, then `* /`.
fn binding(op: ArithOp) -> u8 {
    match op {
        ArithOp::OrElse => 0,
        ArithOp::Add | ArithOp::Subtract => 1,
        ArithOp::Multiply | ArithOp::Divide => 2,
    }
}

impl Reader<'_> {
    pub(super) fn expr(&mut self, pair: Pair<'_, Rule>) -> Expr {
        self.logic(pair, Logic::Or)
    }

    /// A chain of `or`, or of `and`: the same shape, one level apart.
    fn logic(&mut self, pair: Pair<'_, Rule>, logic: Logic) -> Expr {
        let operators = self.deeper(&pair);
        let mut children = Children::of(pair);
        let mut left = self.operand(children.child(), logic);
        for part in children.take(operators) {
            let right = self.operand(part, logic);
            let span = left.span.to(right.span);
            left = Expr { kind: ExprKind::Logic(logic, Box::new(left), Box::new(right)), span };
        }
        self.operators -= operators;
        left
    }

    fn operand(&mut self, pair: Pair<'_, Rule>, logic: Logic) -> Expr {
        match logic {
            Logic::Or => self.logic(pair, Logic::And),
            Logic::And => self.negation(pair),
        }
    }

    fn negation(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let mut children = Children::of(pair);
        let inverted = children.all(Rule::inverted).len() % 2 == 1;
        let inner = self.comparison(children.child());
        if inverted { Expr { kind: ExprKind::Not(Box::new(inner)), span } } else { inner }
    }

    fn comparison(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let mut children = Children::of(pair);
        let left = self.arith(children.child());
        let Some(relation) = children.next() else { return left };
        if let Some(second) = children.next() {
            self.chained(&left, &relation, &second);
        }
        let relation = self.relation(relation);
        Expr { kind: ExprKind::Relation(Box::new(left), Box::new(relation)), span }
    }

    /// `$10 < cac < $47`: two comparisons, the first turned round so that both begin with what is compared.
    fn chained(&mut self, left: &Expr, first: &Pair<'_, Rule>, second: &Pair<'_, Rule>) {
        const TURNED: [(&str, &str); 6] =
            [("<=", ">="), (">=", "<="), ("<", ">"), (">", "<"), ("!=", "!="), ("=", "=")];
        let (a, b, c) = (left.span.of(self.text), self.span(first).of(self.text), self.span(second));
        let found = TURNED.iter().find_map(|(sign, turned)| Some((turned, b.strip_prefix(sign)?.trim_start())));
        let diagnostic = Diagnostic::new(Code::E0105, "comparisons do not chain").at(c, "a second comparison");
        let Some((turned, middle)) = found else { return self.report(diagnostic) };
        let two = format!("{middle} {turned} {a} and {middle} {}", c.of(self.text));
        // `not` takes only the first of them.
        let negated = self.text[..left.span.start].trim_end().ends_with("not");
        let two = if negated { format!("({two})") } else { two };
        self.report(diagnostic.help(format!("write `{two}`")).fix(left.span.to(c), two));
    }

    fn relation(&mut self, pair: Pair<'_, Rule>) -> Relation {
        let rule = pair.as_rule();
        let mut children = Children::of(pair);
        match rule {
            Rule::rel_compare => {
                let op = children.child();
                Relation::Compare(
                    Spanned::new(keyword(&op, CompareOp::of_word), self.span(&op)),
                    self.arith(children.child()),
                )
            }
            Rule::rel_exceeds => self.exceeds(Direction::Above, children),
            Rule::rel_falls => self.exceeds(Direction::Below, children),
            Rule::rel_surely => {
                if let Some(not) = children.opt(Rule::inverted) {
                    let not = self.span(&not);
                    self.report(
                        Diagnostic::new(Code::E0101, "`is not surely` can be meant in two ways")
                            .at(not, "not sure of it, or sure that it is not?")
                            .help("write `not` ahead of it all, `not cac is surely below $47`, which few customers make true; or `cac is surely above $47`"),
                    );
                }
                Relation::Surely {
                    direction: keyword(&children.child(), Direction::of_word),
                    than: self.arith(children.child()),
                    at: children.next().map(|at| Box::new(self.arith(at))),
                }
            }
            Rule::rel_known => Relation::Known(children.child().as_str() == "known"),
            Rule::rel_within => Relation::Within {
                inverted: children.opt(Rule::inverted).is_some(),
                margin: Box::new(self.arith(children.child())),
                of: self.arith(children.child()),
            },
            Rule::rel_breaks => Relation::BreaksPattern {
                over: children.opt(Rule::span_over).map(|over| self.window_over(over)),
                by: children.next().map(|by| self.arith(by)),
            },
            Rule::rel_in => {
                let inverted = children.opt(Rule::inverted).is_some();
                self.within(inverted, children.child())
            }
            other => unread(other),
        }
    }

    fn exceeds(&mut self, direction: Direction, mut children: Children<'_>) -> Relation {
        let than = self.arith(children.child());
        Relation::Exceeds { direction, than, by: children.next().map(|by| Box::new(self.arith(by))) }
    }

    fn within(&mut self, inverted: bool, pair: Pair<'_, Rule>) -> Relation {
        match pair.as_rule() {
            Rule::window => Relation::InWindow { inverted, window: self.window(pair) },
            Rule::range => {
                let mut children = Children::of(pair);
                let from = self.arith(children.child());
                Relation::InRange { inverted, from, to: Box::new(self.arith(children.child())) }
            }
            Rule::tuple => {
                Relation::InTuple { inverted, values: exact(Children::of(pair).map(|value| self.arith(value))) }
            }
            other => unread(other),
        }
    }

    /// A chain of arithmetic operators.
    pub(super) fn arith(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let operators = self.deeper(&pair);
        let mut children = Children::of(pair);
        let mut waiting: Vec<(Expr, Spanned<ArithOp>)> = Vec::new();
        let mut right = self.signed(&mut children);
        for _ in 0..operators {
            let Some(infix) = children.next() else { break };
            let op = Spanned::new(keyword(&infix, ArithOp::of_word), self.span(&infix));
            self.no_comment(op.span);
            while waiting.last().is_some_and(|(_, before)| binding(before.value) >= binding(op.value)) {
                right = fold(&mut waiting, right);
            }
            waiting.push((right, op));
            right = self.signed(&mut children);
        }
        while !waiting.is_empty() {
            right = fold(&mut waiting, right);
        }
        self.operators -= operators;
        right
    }

    fn signed(&mut self, children: &mut Children<'_>) -> Expr {
        let signs = children.all(Rule::prefix);
        let start = signs.first().map(|sign| self.span(sign));
        if let Some(first) = start {
            self.no_comment(first);
        }
        let negative = signs.iter().filter(|sign| sign.as_str() == "-").count() % 2 == 1;
        let inner = self.primary(children.child());
        let span = start.map_or(inner.span, |start| start.to(inner.span));
        if negative { Expr { kind: ExprKind::Negate(Box::new(inner)), span } } else { Expr { span, ..inner } }
    }

    /// `30 -- a month`: a comment of another language would be subtracted.
    fn no_comment(&mut self, sign: Span) {
        if sign.of(self.text) == "-" && self.text[sign.end..].starts_with('-') {
            let diagnostic = Diagnostic::new(Code::E0101, "a comment begins with `#`, and goes to the end of the line");
            let diagnostic = diagnostic.at(Span::new(sign.start, sign.end + 1), "taken away twice?");
            self.report(diagnostic.help("write `#`, or `+` where the sign is meant twice"));
        }
    }

    fn primary(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::group_expr => self.expr(Children::of(pair).child()).kind,
            Rule::call => ExprKind::Call(Box::new(self.call(pair))),
            Rule::path => ExprKind::Path(self.path(pair)),
            _ => self.literal(pair),
        };
        Expr { kind, span }
    }

    pub(super) fn path(&mut self, pair: Pair<'_, Rule>) -> Path {
        let mut names: Vec<_> = Children::of(pair).map(|part| self.name(&part)).collect();
        let name = names.pop().unwrap_or(Spanned::new(String::new(), crate::Span::default()));
        Path { table: names.pop().map(Box::new), name }
    }

    pub(super) fn call(&mut self, pair: Pair<'_, Rule>) -> Call {
        let mut children = Children::of(pair);
        let callee = self.path(children.child());
        let args = children.opt(Rule::args).or_else(|| children.opt(Rule::options));
        let args = args.map(|args| exact(Children::of(args).map(|arg| self.arg(arg))));
        let filter = children.opt(Rule::filter).map(|filter| self.expr(Children::of(filter).child()));
        let over = children.opt(Rule::windowed).map(|over| self.window_over(Children::of(over).child()));
        Call { callee, args: args.unwrap_or_default(), filter, over }
    }

    fn arg(&mut self, pair: Pair<'_, Rule>) -> Arg {
        let mut children = Children::of(pair);
        let first = children.child();
        match first.as_rule() {
            Rule::window => Arg::Window(self.window(first)),
            Rule::named_arg => {
                let mut children = Children::of(first);
                let (name, value) = (self.name(&children.child()), children.child());
                match value.as_rule() {
                    Rule::window => Arg::NamedWindow(name, self.window(value)),
                    _ => Arg::Named(name, Box::new(self.expr(value))),
                }
            }
            _ => {
                let value = self.expr(first);
                match children.next() {
                    Some(by) => Arg::By(value, Box::new(self.path(by))),
                    None => Arg::Plain(value),
                }
            }
        }
    }

    pub(super) fn window(&mut self, pair: Pair<'_, Rule>) -> Window {
        let span = self.span(&pair);
        let mut children = Children::of(pair);
        let first = children.child();
        let mut settled = None;
        let kind = if first.as_rule() == Rule::digits {
            settled = children.opt(Rule::settled).map(|settled| self.span(&settled));
            WindowKind::Last(self.whole(&first).value, literal::unit(&children.child()))
        } else {
            WindowKind::Period(keyword(&first, WhichPeriod::of_word), keyword(&children.child(), Period::of_word))
        };
        Window { kind, settled, span }
    }

    fn window_over(&mut self, pair: Pair<'_, Rule>) -> WindowOver {
        let mut children = Children::of(pair);
        let length = children.child();
        let window = if length.as_rule() == Rule::window {
            self.window(length)
        } else {
            let span = self.span(&length);
            let kind = match self.duration(length) {
                Literal::Duration(length, unit) => WindowKind::Last(length, unit),
                _ => WindowKind::Last(0, crate::tree::Unit::Day),
            };
            Window { kind, settled: None, span }
        };
        WindowOver { window, before: children.opt(Rule::before).is_some() }
    }

    /// The number of operators of a chain that are converted. Each is a level of the tree: a chain that would make the
    /// tree too deep is reported and cut. The caller subtracts the number from `operators` again.
    fn deeper(&mut self, pair: &Pair<'_, Rule>) -> usize {
        // Operands, and an operator between each two.
        let signs = |part: &Pair<'_, Rule>| part.as_rule() == Rule::prefix;
        let operators = pair.clone().into_inner().filter(|part| !signs(part)).count() / 2;
        let room = MAX_OPERATORS - self.operators;
        let span = self.span(pair);
        let already_reported =
            |before: &Diagnostic| before.code == Code::E0108 && before.labels[0].span.to(span) == before.labels[0].span;
        if operators > room && !self.diagnostics.last().is_some_and(already_reported) {
            self.report(
                Diagnostic::new(Code::E0108, format!("more than {MAX_OPERATORS} operators in one expression"))
                    .at(span, "this chain")
                    .help("name parts of it with `let` or `derive`"),
            );
        }
        let taken = operators.min(room);
        self.operators += taken;
        taken
    }
}

/// Joins the last waiting left side with `right`.
fn fold(waiting: &mut Vec<(Expr, Spanned<ArithOp>)>, right: Expr) -> Expr {
    let Some((left, op)) = waiting.pop() else { return right };
    let span = left.span.to(right.span);
    Expr { kind: ExprKind::Arith(op, Box::new(left), Box::new(right)), span }
}
