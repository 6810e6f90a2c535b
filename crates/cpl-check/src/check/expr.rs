//! Expressions: one function a form; the operators have files of their own.

use cpl_syntax::{
    Code, Diagnostic, Name,
    tree::{self, ArithOp},
};

use super::{
    Checker,
    scope::{Place, Scope},
    state::reporter::{Checked, Reported},
};
use cpl_model::{
    program::{Constant, Expr, ExprKind, NEW, Piece},
    types::Type,
};

impl Checker<'_> {
    /// The typed expression; none if an error was reported.
    pub(super) fn expr(&mut self, written: &tree::Expr, scope: &Scope<'_>) -> Checked<Expr> {
        self.count_node(written.span)?;
        self.position.expr_depth += 1;
        let expr = self.check_expr_depth(0, written.span).and_then(|()| self.expr_of(written, scope));
        self.position.expr_depth -= 1;
        if let Ok(expr) = &expr {
            self.analysis.record_type(written.span, expr.ty);
        }
        expr
    }

    fn expr_of(&mut self, written: &tree::Expr, scope: &Scope<'_>) -> Checked<Expr> {
        let span = written.span;
        match &written.kind {
            tree::ExprKind::Literal(literal) => {
                self.no_points(written)?;
                self.literal(literal, span)
            }
            tree::ExprKind::Text(text) => match text.plain() {
                Some(plain) => {
                    let kind = ExprKind::Constant(Constant::Text(plain));
                    Ok(Expr::new(kind, Type::Text, false, span))
                }
                None => {
                    let pieces = self.pieces(text, scope)?;
                    let unknown = pieces.iter().filter_map(Piece::hole).any(|hole| hole.unknown);
                    Ok(Expr::new(ExprKind::Text(pieces), Type::Text, unknown, span))
                }
            },
            tree::ExprKind::Path(path) => {
                self.no_points(written)?;
                self.path(path, scope)
            }
            tree::ExprKind::Call(call) => self.call(call, span, scope),
            tree::ExprKind::Not(inner) => {
                let inner = self.condition(inner, scope)?;
                let unknown = inner.unknown;
                Ok(Expr::new(ExprKind::Not(Box::new(inner)), Type::Bool, unknown, span))
            }
            tree::ExprKind::Negate(inner) => self.negate(inner, span, scope),
            tree::ExprKind::Logic(logic, left, right) => {
                let (left, right) = (self.condition(left, scope), self.condition(right, scope));
                let (left, right) = (left?, right?);
                let unknown = left.unknown || right.unknown;
                let kind = ExprKind::Logic(*logic, Box::new(left), Box::new(right));
                Ok(Expr::new(kind, Type::Bool, unknown, span))
            }
            tree::ExprKind::Arith(op, left, right) => {
                let may_differ = matches!(op.value, ArithOp::Add | ArithOp::Subtract);
                let mut side = |side| if may_differ { self.difference(side, scope) } else { self.expr(side, scope) };
                let (left, right) = (side(left), side(right));
                self.arith(*op, left?, right?, span)
            }
            tree::ExprKind::Relation(left, relation) => self.relation(left, relation, span, scope),
        }
    }

    /// The pieces of a text with holes.
    pub(super) fn pieces(&mut self, text: &tree::Text, scope: &Scope<'_>) -> Checked<Vec<Piece>> {
        let pieces: Vec<_> = text
            .pieces
            .iter()
            .map(|piece| match piece {
                tree::Piece::Letters(letters) => Ok(Piece::Letters(letters.clone())),
                tree::Piece::Hole(hole) => {
                    let hole = self.expr(hole, scope)?;
                    self.no_months(&hole)?;
                    Ok(Piece::Hole(hole))
                }
            })
            .collect();
        pieces.into_iter().collect()
    }

    /// An expression that must be true or false.
    pub(super) fn condition(&mut self, written: &tree::Expr, scope: &Scope<'_>) -> Checked<Expr> {
        let expr = self.expr(written, scope)?;
        if expr.ty == Type::Bool {
            return Ok(expr);
        }
        let help = if expr.ty == Type::Text {
            "compare it with something: `… = \"a\"`, `… in (\"a\", \"b\")`"
        } else {
            "compare it with something: `… > 0`"
        };
        self.fail(
            Diagnostic::new(Code::E0303, format!("a condition was wanted, this is {}", expr.ty))
                .at(written.span, format!("this is {}", expr.ty))
                .help(help),
        )
    }

    /// The conjuncts of a condition, each by itself: `a and b` are two.
    pub(super) fn conjuncts(&mut self, written: &tree::Expr, scope: &Scope<'_>) -> Checked<Vec<Expr>> {
        if let tree::ExprKind::Logic(tree::Logic::And, left, right) = &written.kind {
            let (left, right) = (self.conjuncts(left, scope), self.conjuncts(right, scope));
            return Ok([left?, right?].concat());
        }
        self.condition(written, scope).map(|expr| vec![expr])
    }

    fn negate(&mut self, inner: &tree::Expr, span: cpl_syntax::Span, scope: &Scope<'_>) -> Checked<Expr> {
        let inner = self.expr(inner, scope)?;
        self.no_months(&inner)?;
        let ty = match inner.ty {
            Type::Count => Type::Integer,
            ty if ty.is_amount() || ty == Type::Duration => ty,
            ty => return self.refuse(Code::E0301, format!("{ty} has no negative"), span, format!("this is {ty}")),
        };
        let unknown = inner.unknown;
        Ok(Expr::new(ExprKind::Negate(Box::new(inner)), ty, unknown, span))
    }

    /// What a name means: a column, else a `let`, else a metric.
    fn path(&mut self, path: &tree::Path, scope: &Scope<'_>) -> Checked<Expr> {
        let name = &path.column();
        if let Some(column) = scope.column(name.as_str()) {
            self.analysis.record_use(name.span, column.span);
            let (ty, unknown) = (column.ty?, column.unknown);
            return self.column(name, ty, unknown, scope);
        }
        if let Some(table) = &path.table {
            return self.no_column_of(table, name, scope);
        }
        if let Some(value) = self.let_value(name) {
            return value;
        }
        if self.metrics.contains_key(name.as_str()) {
            return self.metric(name, None, scope);
        }
        if name.as_str() == NEW {
            let message = "`new` is only an argument of an action";
            return self.refuse(Code::E0503, message, name.span, "wanted: `{ budget = new }`, and nothing around it");
        }
        let known = scope.columns.iter().map(|column| column.name.as_str());
        let lets = self.input.file.lets.iter().map(|item| item.name.as_str());
        let metrics = self.input.file.metrics.iter().map(|item| item.name.as_str());
        let known: Vec<&str> = match scope.place {
            Place::Constant => lets.collect(),
            Place::Row => known.chain(lets).collect(),
            Place::Group(_) => known.chain(lets).chain(metrics).collect(),
        };
        self.unknown_name(scope.name_kind, name, known)
    }

    /// `t.x`, where no join `as t` brought an `x`.
    fn no_column_of(&mut self, table: &Name, name: &Name, scope: &Scope<'_>) -> Checked<Expr> {
        let front = format!("{}.", table.as_str());
        let known: Vec<&str> =
            scope.columns.iter().map(|column| column.name.as_str()).filter(|name| name.starts_with(&front)).collect();
        if known.is_empty() && scope.name_kind == "argument" {
            let arguments = scope.columns.iter().map(|argument| argument.name.as_str());
            return self.unknown_name(scope.name_kind, name, arguments);
        }
        // What a join that is wrong would have brought is not known.
        if known.is_empty() && self.position.unknown_columns.is_some() {
            return Err(Reported::earlier());
        }
        if known.is_empty() {
            let message = format!("no table is called `{}` here", table.as_str());
            return self.refuse(Code::E0201, message, table.span, "wanted: the name behind `join … as`");
        }
        self.unknown_name(scope.name_kind, name, known)
    }

    fn column(&mut self, name: &Name, ty: Type, unknown: bool, scope: &Scope<'_>) -> Checked<Expr> {
        if let Place::Group(keys) = scope.place
            && !keys.contains(&name.value)
        {
            return self.fail(
                Diagnostic::new(
                    Code::E0305,
                    format!("`{}` has one value a row, and a group has many rows", name.as_str()),
                )
                .at(name.span, "which of them?")
                .help(format!("say which: `{}`", offered_aggregate(name.as_str(), ty))),
            );
        }
        Ok(Expr::column(name.as_str(), ty, unknown, name.span))
    }

    /// `x ?? y`, and every place where two values must be of one type.
    pub(super) fn or_else(
        &mut self,
        op: tree::ArithOp,
        left: Expr,
        right: Expr,
        span: cpl_syntax::Span,
    ) -> Checked<Expr> {
        debug_assert_eq!(op, ArithOp::OrElse);
        let (left, right) = super::arith::coerce_zero(left, right);
        let Some(ty) = left.ty.common(right.ty) else { return self.mismatch("can't become", &left, &right) };
        let unknown = left.unknown && right.unknown;
        Ok(Expr::new(ExprKind::OrElse(Box::new(left), Box::new(right)), ty, unknown, span))
    }
}

/// The aggregate an analyst most likely means.
fn offered_aggregate(name: &str, ty: Type) -> String {
    match ty {
        Type::Money(_) | Type::Count | Type::Integer | Type::Number => format!("sum({name})"),
        Type::Ratio => format!("mean({name})"),
        _ => format!("last({name})"),
    }
}
