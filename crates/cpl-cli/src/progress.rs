//! A progress line on the terminal, shown after half a second.

use std::{
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long a run stays silent.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the sign turns.
const TICK: Duration = Duration::from_millis(100);

/// What is shown: cut off where the terminal is narrow.
const LINE: &str = "{spinner} {wide_msg} {elapsed}";

/// A progress line; it is cleared on drop.
pub struct Progress {
    bar: ProgressBar,
    end: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Silent for half a second; for ever where `shown` is false.
    pub fn new(shown: bool) -> Self {
        let style = ProgressStyle::with_template(LINE).unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_style(style);
        let end = shown.then(|| {
            let (end, ended) = channel();
            let bar = bar.clone();
            let waits = thread::spawn(move || {
                if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                    bar.enable_steady_tick(TICK);
                }
            });
            (end, waits)
        });
        Self { bar, end }
    }

    /// Shows the current step.
    pub fn set_message(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((end, waits)) = self.end.take() {
            let _ = end.send(());
            let _ = waits.join();
        }
        self.bar.finish_and_clear();
    }
}
