//! Parts of a source that several threads work on, and whose results come out in the parts' order.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    panic::resume_unwind,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

/// Takes parts; it says whether more are wanted.
pub type Parts<'s, P> = dyn FnMut(P) -> ControlFlow<()> + 's;

/// `cut` hands out parts on a thread of its own, `work` makes something of each on `threads` others, and `take` gets that in
/// the parts' order, until it has enough. Gives back what `cut` does. Few parts are cut ahead; what is made of those behind a
/// slow one waits for it.
pub fn in_order<P: Send, D: Send, C: Send>(
    threads: usize,
    cut: impl FnOnce(&mut Parts<'_, P>) -> C + Send,
    work: impl Fn(P) -> D + Sync,
    take: impl FnMut(D) -> ControlFlow<()>,
) -> C {
    let (to_workers, parts) = sync_channel::<(usize, P)>(threads);
    let (to_taker, done) = sync_channel::<(usize, D)>(threads * 2);
    // Shared only by the workers: when the last of them ends, so does the cutter.
    let parts = Arc::new(Mutex::new(parts));
    thread::scope(|scope| {
        let cutter = scope.spawn(move || {
            let mut number = 0;
            cut(&mut |part| {
                let sent = to_workers.send((number, part));
                number += 1;
                if sent.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
        });
        for _ in 0..threads {
            let (parts, to_taker, work) = (Arc::clone(&parts), to_taker.clone(), &work);
            scope.spawn(move || work_on_each(&parts, &to_taker, work));
        }
        drop((to_taker, parts));
        sorted(done, take);
        // Once nobody takes what is done, the workers end, and the cutter with them.
        cutter.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

fn work_on_each<P, D>(parts: &Mutex<Receiver<(usize, P)>>, to_taker: &SyncSender<(usize, D)>, work: &impl Fn(P) -> D) {
    loop {
        let next = parts.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, part)) = next else { return };
        if to_taker.send((number, work(part))).is_err() {
            return;
        }
    }
}

/// Takes what is done in the order of its numbers.
fn sorted<D>(done: Receiver<(usize, D)>, mut take: impl FnMut(D) -> ControlFlow<()>) {
    let (mut waiting, mut next) = (BTreeMap::new(), 0);
    for (number, one) in done {
        waiting.insert(number, one);
        while let Some(one) = waiting.remove(&next) {
            next += 1;
            if take(one).is_break() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn squares(threads: usize, parts: usize, wanted: usize) -> (Vec<usize>, usize) {
        let (cut, mut taken) = (AtomicUsize::new(0), Vec::new());
        let last = in_order(
            threads,
            |out| {
                for part in 0..parts {
                    cut.fetch_add(1, Ordering::SeqCst);
                    if out(part).is_break() {
                        return part;
                    }
                }
                parts
            },
            |part| part * part,
            |square| {
                taken.push(square);
                if taken.len() == wanted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        assert!(last <= cut.load(Ordering::SeqCst));
        (taken, last)
    }

    #[test]
    fn results_come_in_order_on_however_many_threads() {
        for threads in 1..5 {
            let (taken, last) = squares(threads, 500, usize::MAX);
            assert_eq!((taken, last), ((0..500).map(|part| part * part).collect(), 500), "{threads} threads");
        }
    }

    #[test]
    fn it_ends_where_enough_is_taken() {
        let (taken, last) = squares(3, 1_000_000, 10);
        assert_eq!(taken, (0..10).map(|part| part * part).collect::<Vec<_>>());
        assert!(last < 1_000, "parts are cut ahead without an end: {last}");
    }

    #[test]
    #[should_panic(expected = "the cutter's own")]
    fn a_panic_is_not_lost() {
        in_order(2, |_: &mut Parts<'_, u8>| panic!("the cutter's own"), |part| part, |_| ControlFlow::Continue(()));
    }
}
