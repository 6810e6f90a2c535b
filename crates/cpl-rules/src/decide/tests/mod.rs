//! Guards, as tables: what is proposed, what bounds it, what is left; and properties that do not know the algorithm.

mod amounts;
mod bounds;
mod changes;
mod context;
mod memory;
mod past;

use cpl_check::{CheckedFile, Setup, tree_to_program};
use cpl_model::{
    clock::AsOf,
    program::{AtMost, Extreme, Program},
    report::{Pairs, State},
    types::{Denomination, Type},
    value::Value,
};
use cpl_plan::rule::{CompiledTotal, ValueRef};
use cpl_syntax::tree::Currency;
use jiff::civil::date;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{
    change::{Leg, ProposedChange},
    guards,
    proposal::Proposal,
};

fn dollars() -> Denomination {
    let Some(dollar) = Currency::of_sign('$') else { panic!("the dollar is in the list") };
    dollar.into()
}

/// A pipeline whose one rule has that guard.
fn program(guard: &str) -> Program {
    let text = format!(
        "pipeline p {{ retire 2027-01-01 }}\n\
         fetch t from csv(\"t.csv\") {{ columns {{ channel: integer, budget: money, low: money?, high: money? }}  key channel }}\n\
         target ads = file(\"ads.jsonl\")\n\
         target shown = print()\n\
         decide raise for each channel in t {{ when budget > $0  then change budget by +10% via ads  {guard} }}\n"
    );
    let (file, _) = cpl_syntax::parse(&text);
    let CheckedFile { program, diagnostics, .. } =
        tree_to_program(&text, &file, Setup::at(AsOf::Date(date(2026, 11, 20))));
    program.unwrap_or_else(|| panic!("{diagnostics:?}"))
}

/// A row whose budget is to go from one amount of cents to another.
fn proposal(name: usize, from: i64, to: i64) -> Proposal {
    let (from, to) = (Decimal::new(from, 2), Decimal::new(to, 2));
    let leg = Leg { column: "budget".to_owned(), from, rises: to >= from, partner: None, is_first_seen: false };
    let change = ProposedChange {
        ty: Type::Money(dollars()),
        legs: vec![leg],
        amount: (to - from).abs(),
        arguments: Vec::new(),
        target: 0,
        step: Some(Decimal::new(1, 2)),
    };
    Proposal {
        key: Pairs(vec![("channel".to_owned(), Value::Integer(i64::try_from(name).unwrap_or(0)))]),
        state: State::Fires,
        reasons: Vec::new(),
        because: Vec::new(),
        conditions: Vec::new(),
        changes: vec![change],
        awaits_approval: false,
        row: vec![Value::Money(from, dollars())],
        rank: Some(Value::Integer(to.mantissa().try_into().unwrap_or(0))),
        generations: Vec::new(),
    }
}

fn total(cap: Option<ValueRef>) -> CompiledTotal {
    CompiledTotal { column: "budget".to_owned(), of: ValueRef(0), cap }
}

/// What a row's budget comes to, in cents; as it was where it is held.
fn after(proposal: &Proposal) -> i64 {
    let change = &proposal.changes[0];
    let leg = &change.legs[0];
    let value = if proposal.state == State::Fires { change.to(leg) } else { leg.from };
    i64::try_from((value * Decimal::ONE_HUNDRED).trunc().mantissa()).unwrap_or(i64::MAX)
}

/// Settles rows under a total cap in cents, or unchanged.
fn settled(rows: &[(i64, i64)], cap: Option<i64>) -> Vec<Proposal> {
    let mut proposals: Vec<Proposal> =
        rows.iter().enumerate().map(|(name, (from, to))| proposal(name, *from, *to)).collect();
    let values: Vec<Vec<Value>> = proposals
        .iter()
        .map(|proposal| {
            let cap = cap.map(|cap| Value::Money(Decimal::new(cap, 2), dollars()));
            proposal.row.iter().cloned().chain(cap).collect()
        })
        .collect();
    let rows: Vec<&Vec<Value>> = values.iter().collect();
    guards::settle(&mut proposals, &[total(cap.map(|_| ValueRef(1)))], &rows);
    proposals
}

#[test]
fn totals() {
    // What is proposed of each row in cents, the cap; what each row comes to.
    type Case = (&'static [(i64, i64)], Option<i64>, &'static [i64]);
    let cases: &[Case] = &[
        (&[(100, 120), (100, 120)], Some(300), &[120, 120]),
        (&[(100, 120), (100, 120)], Some(220), &[110, 110]),
        (&[(100, 120), (100, 120)], Some(200), &[100, 100]),
        // Over the cap already: no room for rises, and cuts make some.
        (&[(100, 120), (100, 80)], Some(200), &[120, 80]),
        (&[(100, 120), (100, 120)], Some(150), &[100, 100]),
        (&[(100, 140), (100, 80)], None, &[120, 80]),
        (&[(100, 110), (100, 60)], None, &[110, 90]),
        (&[(100, 110), (100, 110)], None, &[100, 100]),
        // Rises by a third each: a whole cent is the smallest step.
        (&[(100, 101), (100, 101), (100, 101)], Some(302), &[100, 100, 100]),
        // What comes to nothing is held, and leaves its room to the others.
        (&[(10_000, 10_001), (10_000, 20_000)], Some(25_000), &[10_000, 15_000]),
        // Amounts whose product has too many digits.
        (
            &[(0, 100_000_000_000_000_000), (0, 100_000_000_000_000_000)],
            Some(100_000_000_000_000_000),
            &[50_000_000_000_000_000, 50_000_000_000_000_000],
        ),
        // Cents that can't be shared are given back, by the side that is larger: by its largest change, once.
        (&[(3_000, 4_000), (3_000, 4_000), (3_000, 4_000), (9_000, 7_000)], None, &[3_666, 3_666, 3_666, 7_002]),
        (&[(3_000, 2_000), (3_000, 2_000), (3_000, 2_000), (7_000, 9_000)], None, &[2_334, 2_334, 2_334, 8_998]),
        (
            &[(3_000, 4_000), (3_000, 4_000), (3_000, 4_000), (9_000, 8_000), (9_000, 8_000)],
            None,
            &[3_666, 3_666, 3_666, 8_002, 8_000],
        ),
    ];
    for (rows, cap, wanted) in cases {
        let found: Vec<i64> = settled(rows, *cap).iter().map(after).collect();
        assert_eq!(found, *wanted, "{rows:?} under {cap:?}");
    }
}

/// In steps of $5, a row of $101 to $120: it is between two steps now, which only a total that stays as it is minds.
#[test]
fn a_total_that_stays_takes_whole_steps_alone() {
    let unchanged = |column: &str| CompiledTotal { column: column.to_owned(), ..total(None) };
    let table = [
        (unchanged("budget"), State::Held),
        (unchanged("bid"), State::Fires),
        (total(Some(ValueRef(1))), State::Fires),
    ];
    for (total, wanted) in table {
        let mut proposals = vec![proposal(0, 10_100, 12_000), proposal(1, 10_000, 8_000)];
        for change in proposals.iter_mut().flat_map(|proposal| &mut proposal.changes) {
            change.step = Some(Decimal::from(5));
        }
        let cap = Value::Money(Decimal::from(1_000), dollars());
        let values: Vec<Vec<Value>> =
            proposals.iter().map(|proposal| [proposal.row.clone(), vec![cap.clone()]].concat()).collect();
        guards::settle(&mut proposals, std::slice::from_ref(&total), &values.iter().collect::<Vec<_>>());
        assert_eq!(proposals[0].state, wanted, "{total:?}: {:?}", proposals[0].reasons);
    }
}

#[test]
fn at_most_takes_the_wanted_end_first() {
    let cases = [(Extreme::Lowest, [State::Fires, State::Held]), (Extreme::Highest, [State::Held, State::Fires])];
    for (end, wanted) in cases {
        let mut proposals = vec![proposal(0, 100, 110), proposal(1, 100, 120)];
        let first = cpl_model::program::Expr::column("budget", Type::Number, false, cpl_syntax::Span::default());
        guards::at_most(&mut proposals, &AtMost { limit: 1, first: Some((end, first)) }, 0);
        assert_eq!(proposals.iter().map(|proposal| proposal.state).collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn at_most_counts_what_was_done_in_the_window() {
    for (limit, done, fires) in [(3, 0, 3), (3, 1, 2), (3, 3, 0), (3, 9, 0)] {
        let mut proposals: Vec<_> = (0..4).map(|channel| proposal(channel, 100, 110)).collect();
        guards::at_most(&mut proposals, &AtMost { limit, first: None }, done);
        let firing = proposals.iter().filter(|proposal| proposal.state == State::Fires).count();
        assert_eq!(firing, fires, "{done} of {limit} were done");
    }
}

fn rows() -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((0i64..100_000, 0i64..150_000), 1..12)
}

proptest! {
    /// The total after is within the cap, or no larger than it was where it was beyond the cap; nothing is turned
    /// round, and nothing goes further than it was proposed.
    #[test]
    fn a_total_stays_within_its_cap(rows in rows(), cap in 0i64..600_000) {
        let found: Vec<i64> = settled(&rows, Some(cap)).iter().map(after).collect();
        let before: i64 = rows.iter().map(|(from, _)| from).sum();
        prop_assert!(found.iter().sum::<i64>() <= cap.max(before), "{found:?}");
        for ((from, to), found) in rows.iter().zip(&found) {
            prop_assert!((from.min(to)..=from.max(to)).contains(&found), "{from} to {to} became {found}");
        }
    }

    /// Rises equal cuts, to the cent.
    #[test]
    fn an_unchanged_total_is_unchanged(rows in rows()) {
        let found: Vec<i64> = settled(&rows, None).iter().map(after).collect();
        let before: i64 = rows.iter().map(|(from, _)| from).sum();
        prop_assert_eq!(found.iter().sum::<i64>(), before);
    }

    /// The same rows in another order come to the same, but for who gets the cents that can't be shared.
    #[test]
    fn the_order_of_rows_changes_no_total(rows in rows(), cap in 0i64..600_000) {
        let sum = |rows: &[(i64, i64)]| settled(rows, Some(cap)).iter().map(after).sum::<i64>();
        let turned: Vec<(i64, i64)> = rows.iter().rev().copied().collect();
        prop_assert_eq!(sum(&rows), sum(&turned));
    }
}
