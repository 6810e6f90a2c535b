//! What each state means, as a table.

use crate::state::State;

/// Each state: its name, whether guards count it, whether it is open, whether it needs a person, what may follow.
#[test]
fn each_state() {
    let any = || State::ALL.into_iter().filter(|state| *state != State::Undone).collect::<Vec<_>>();
    let table = [
        (State::Recorded, "recorded", true, true, false, any()),
        (State::Sent, "sent", true, true, true, any()),
        (State::Confirmed, "confirmed", true, false, false, vec![State::Undone]),
        (State::Refused, "refused", false, false, false, Vec::new()),
        (State::Uncertain, "uncertain", true, true, true, any()),
        (State::Superseded, "superseded", false, false, false, Vec::new()),
        (State::Expired, "expired", false, false, false, Vec::new()),
        (State::Drifted, "drifted", true, false, true, any()),
        (State::Held, "held", false, false, false, any()),
        (State::Undone, "undone", true, false, false, Vec::new()),
    ];
    assert_eq!(table.len(), State::ALL.len());
    for (state, word, counts, is_open, needs_person, next) in table {
        assert_eq!(state.word(), word);
        assert_eq!((state.counts(), state.is_open(), state.needs_person()), (counts, is_open, needs_person), "{word}");
        let may_follow: Vec<State> = State::ALL.into_iter().filter(|next| state.may_become(*next)).collect();
        assert_eq!(may_follow, next, "{word}");
    }
}
