//! A report's decisions → what is sent to servers.

use std::{collections::BTreeMap, time::Duration};

use cpl_connect::Secrets;
use cpl_effects::{EffectLine, Paid, ServerEffect, ServerRead, ServerRequest, line};
use cpl_model::{
    method::Method,
    program::{
        ActionRead, CallArgument, ConnectorLimits, Constant, Credential, Dedupe, Encoding, Expr, KeepTotal, Program,
        Target, TargetKind,
    },
    report::{Change, Decision, RunReport},
    types::{Denomination, Type},
    value::Value,
};
use cpl_plan::bind::BoundPlan;
use cpl_rules::decimal;
use cpl_syntax::tree::MoneyScale;

use crate::{RunError, request_builder::RequestBuilder};

/// The header of an idempotency key (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// How long the server of a target without a connector is waited for.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Makes what is sent to servers.
pub struct ServerEffects<'m> {
    plan: &'m BoundPlan,
    /// Nothing is looked up in them: what is recorded names them.
    secrets: Secrets,
}

/// Whether effects of a target are sent to a server.
pub fn is_of_server(target: &Target) -> bool {
    match target.kind {
        TargetKind::Print | TargetKind::File(_) | TargetKind::Email(_) => false,
        TargetKind::Slack(_) | TargetKind::Webhook { .. } | TargetKind::Http(_) | TargetKind::Action(_) => true,
    }
}

impl<'m> ServerEffects<'m> {
    /// Of a pipeline.
    pub fn of(plan: &'m BoundPlan) -> Self {
        Self { plan, secrets: Secrets::placeholders() }
    }

    /// What is sent of a change; none where its target is no server.
    ///
    /// # Errors
    /// Where a value of it can't be computed, or can't stand where it is sent.
    pub fn effect(
        &self,
        decision: &Decision,
        position: usize,
        report: &RunReport,
        window: &str,
    ) -> Result<Option<ServerEffect>, RunError> {
        let change = &decision.changes[position];
        let target = self.plan.program().target(&change.target);
        let key = format!("{}-{position}", decision.id);
        let line = || line(decision, position, change, report, window);
        let made = match &target.kind {
            TargetKind::Print | TargetKind::File(_) | TargetKind::Email(_) => return Ok(None),
            TargetKind::Slack(address) => plain(address, message(&line(), decision, change), None, key),
            TargetKind::Webhook { address, key: signed_with } => {
                let body = serde_json::to_value(line()).unwrap_or_else(|error| unreachable!("plain values: {error}"));
                plain(address, body, signed_with.clone(), key)
            }
            TargetKind::Http(request) => {
                let request = self.builder(target, change, &BTreeMap::new(), &key).recorded(request)?;
                let (dedupe, limits) = (Dedupe::None, ConnectorLimits { timeout: Some(TIMEOUT), ..Default::default() });
                effect(request, key, dedupe, limits)
            }
            TargetKind::Action(call) => {
                let given: BTreeMap<String, Expr> = call
                    .call
                    .arguments
                    .iter()
                    .filter_map(|(name, argument)| match argument {
                        CallArgument::Value(value) => Some((name.clone(), value.clone())),
                        CallArgument::Window(_) => None,
                    })
                    .collect();
                let (builder, action) = (self.builder(target, change, &given, &key), &call.action);
                let mut made =
                    effect(builder.recorded(&action.request)?, key, action.dedupe.clone(), action.limits.clone());
                if let Some(read) = &action.read {
                    made.read = Some(self::read(read, builder.recorded(&read.request)?, change));
                }
                // The server must not take the effect for one that came already.
                let own_key = format!("{}-validation", made.idempotency_key);
                let builder = self.builder(target, change, &given, &own_key);
                made.validate = action.validate.as_ref().map(|request| builder.recorded(request)).transpose()?;
                ServerEffect {
                    success: action.success.clone(),
                    confirms: action.confirms,
                    errors: action.errors.clone(),
                    ..made
                }
            }
        };
        Ok(Some(ServerEffect { paid: paid(decision, change, self.plan.program()), ..made }))
    }

    fn builder(
        &self,
        target: &Target,
        change: &Change,
        given: &BTreeMap<String, Expr>,
        key: &str,
    ) -> RequestBuilder<'_> {
        let mut arguments = given.clone();
        for (name, value) in &change.arguments.0 {
            let ty = target.parameters.iter().find(|parameter| parameter.name == *name).map(|parameter| parameter.ty);
            if let Some((constant, own)) = constant(value) {
                arguments.insert(name.clone(), Expr::constant(constant, ty.unwrap_or(own), target.span));
            }
        }
        let key = Expr::constant(Constant::Text(key.to_owned()), Type::Text, target.span);
        arguments.insert("idempotency_key".to_owned(), key);
        RequestBuilder::of_effect(self.plan, &self.secrets, target.span, arguments)
    }
}

/// An effect whose request bears its key.
fn effect(mut request: ServerRequest, key: String, dedupe: Dedupe, limits: ConnectorLimits) -> ServerEffect {
    let header = match &dedupe {
        Dedupe::Key { header, .. } => header.as_str(),
        Dedupe::Lookup | Dedupe::None => IDEMPOTENCY_KEY,
    };
    if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(header)) {
        request.headers.push((header.to_owned(), Credential::Plain(key.clone())));
    }
    ServerEffect {
        request,
        idempotency_key: key,
        success: Vec::new(),
        dedupe,
        read: None,
        validate: None,
        confirms: false,
        errors: Vec::new(),
        limits,
        paid: Paid::ByNone,
    }
}

/// Which cuts pay for a change: those of the other column or row of a move, those of a total that stays.
fn paid(decision: &Decision, change: &Change, program: &Program) -> Paid {
    if !is_rise(change) {
        return Paid::ByNone;
    }
    let rule = program.decisions.iter().find(|rule| rule.name == decision.rule);
    // The room that a cut of the run makes counts for its rises.
    let is_bounded = |total: &KeepTotal| Some(&total.column) == change.column.as_ref();
    if rule.is_some_and(|rule| rule.totals.iter().any(is_bounded)) {
        return Paid::ByRule;
    }
    let is_move = decision.changes.iter().any(|other| other.target == change.target && is_cut(other));
    if is_move { Paid::ByDecision } else { Paid::ByNone }
}

fn is_rise(change: &Change) -> bool {
    decimal(&change.to).zip(decimal(&change.from)).is_some_and(|(to, from)| to > from)
}

fn is_cut(change: &Change) -> bool {
    decimal(&change.to).zip(decimal(&change.from)).is_some_and(|(to, from)| to < from)
}

/// JSON for an address that takes it.
fn plain(address: &Credential, body: serde_json::Value, signed_with: Option<Credential>, key: String) -> ServerEffect {
    let request = ServerRequest {
        method: Method::Post,
        address: address.clone(),
        path: String::new(),
        auth: Vec::new(),
        headers: Vec::new(),
        query: Vec::new(),
        body: Some(body),
        signed_with,
    };
    effect(request, key, Dedupe::None, ConnectorLimits { timeout: Some(TIMEOUT), ..Default::default() })
}

/// A message of Slack: `&`, `<` and `>` are written as its API wants them.
fn message(line: &EffectLine, decision: &Decision, change: &Change) -> serde_json::Value {
    let key: Vec<String> =
        change.row.as_ref().unwrap_or(&decision.key).0.iter().map(|(_, value)| value.to_string()).collect();
    let what = match &change.column {
        Some(column) => format!("{column} {} → {}", change.from.exact(), change.to.exact()),
        None => change.arguments.0.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", "),
    };
    let text = format!("{} of {}: {}: {what}", decision.rule, line.pipeline(), key.join(", "));
    let because = decision.conditions.join(", ");
    let text = if because.is_empty() { text } else { format!("{text} (because {because})") };
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    serde_json::json!({ "text": text })
}

fn read(read: &ActionRead, request: ServerRequest, change: &Change) -> ServerRead {
    let scale = match &read.stored {
        Encoding::Percent => 100,
        Encoding::Money(MoneyScale::Micros, _) => 1_000_000,
        Encoding::Money(MoneyScale::Minor, _) => match read.ty {
            Type::Money(Denomination::One(currency)) => 10_u64.pow(currency.minor_digits()),
            _ => 100,
        },
        _ => 1,
    };
    ServerRead { request, value: read.value.clone(), scale, before: change.from.raw(), after: change.to.raw() }
}

/// A value as an expression holds it, and its type.
fn constant(value: &Value) -> Option<(Constant, Type)> {
    Some(match value {
        Value::Unknown => return None,
        Value::Bool(truth) => (Constant::Bool(*truth), Type::Bool),
        Value::Integer(number) => (Constant::Integer(*number), Type::Integer),
        Value::Number(_) => (Constant::Decimal(decimal(value)?), Type::Number),
        Value::Ratio(_) => (Constant::Decimal(decimal(value)?), Type::Ratio),
        Value::Money(amount, denomination) => (Constant::Decimal(*amount), Type::Money(*denomination)),
        Value::Date(day) => (Constant::Date(*day), Type::Date),
        Value::Datetime(moment, _) => (Constant::Moment(*moment), Type::Datetime),
        Value::Weekday(day) => (Constant::Weekday(*day), Type::Weekday),
        Value::Text(text) => (Constant::Text(text.clone()), Type::Text),
        Value::Duration(micros) => (Constant::Duration(*micros), Type::Duration),
    })
}
