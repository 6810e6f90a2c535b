//! Secrets that a command writes to its output: `op read …`, `vault kv get …`.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use cpl_model::workspace::SecretCommand;
use subprocess::{Exec, Redirection};

use crate::secret::SecretError;

/// The most bytes of what a command writes.
const OUTPUT_BYTES: usize = 1 << 16;
/// The most letters of its complaint that are shown.
const COMPLAINT_LETTERS: usize = 200;

/// The secrets of a command, which is run once for each.
pub struct CommandSecrets {
    command: SecretCommand,
    /// Where it runs.
    folder: PathBuf,
    found: Mutex<BTreeMap<String, Result<String, SecretError>>>,
}

impl CommandSecrets {
    /// One that runs in a folder.
    pub fn new(command: SecretCommand, folder: PathBuf) -> Self {
        Self { command, folder, found: Mutex::default() }
    }

    /// The value of a secret, without the line breaks at its end.
    pub fn find(&self, name: &str) -> Result<String, SecretError> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.entry(name.to_owned()).or_insert_with(|| self.run(name)).clone()
    }

    fn run(&self, name: &str) -> Result<String, SecretError> {
        let mut words = self.command.words_for(name);
        let program = words.next().unwrap_or_default();
        let failed = |why: String| SecretError::Command { program: program.clone(), why };
        let timeout = self.command.timeout;
        let started_at = Instant::now();
        let exec = Exec::cmd(&program).args(words).cwd(&self.folder);
        let started = exec.stdin(Redirection::Null).stdout(Redirection::Pipe).stderr(Redirection::Pipe).start();
        let mut job = started.map_err(|error| failed(error.to_string()))?;
        let read = job.communicate().and_then(|streams| streams.limit_time(timeout).limit_size(OUTPUT_BYTES).read());
        let ended = read.and_then(|(output, complaint)| {
            let all_read = output.len() + complaint.len() < OUTPUT_BYTES;
            // It may still write what nobody reads.
            let left = timeout.saturating_sub(started_at.elapsed());
            let status = if all_read { job.wait_timeout(left)? } else { None };
            Ok((output, complaint, status))
        });
        match ended {
            Ok((output, _, Some(status))) if status.success() => match String::from_utf8(output) {
                Ok(text) => Ok(text.trim_end_matches(['\n', '\r']).to_owned()),
                Err(_) => Err(failed("what it writes is no text".to_owned())),
            },
            Ok((_, complaint, Some(status))) => Err(failed(format!("{status}{}", last_line(&complaint)))),
            ended => {
                let _already_gone = job.kill();
                Err(failed(match ended {
                    Ok((output, complaint, None)) if output.len() + complaint.len() >= OUTPUT_BYTES => {
                        "what it writes is too long for a secret".to_owned()
                    }
                    Err(error) if error.kind() != ErrorKind::TimedOut => error.to_string(),
                    _ => format!("it did not end within {} seconds", timeout.as_secs()),
                }))
            }
        }
    }
}

/// The last line of what a command complains of.
fn last_line(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    match text.lines().rev().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) => format!(": {}", line.chars().take(COMPLAINT_LETTERS).collect::<String>()),
        None => String::new(),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::Duration;

    use super::*;

    fn find(script: &str, seconds: u64) -> Result<String, SecretError> {
        let words = ["sh", "-c", script, "{name}"].map(str::to_owned).to_vec();
        let command = SecretCommand { words, timeout: Duration::from_secs(seconds) };
        CommandSecrets::new(command, PathBuf::from(".")).find("CRM")
    }

    fn why(found: Result<String, SecretError>) -> String {
        match found {
            Err(SecretError::Command { program, why }) => format!("{program}: {why}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_it_writes_is_the_secret() {
        assert_eq!(find("printf 'of %s\\n' $0", 30), Ok("of CRM".to_owned()));
    }

    #[test]
    fn what_fails_is_told_by_its_last_line() {
        assert_eq!(why(find("echo a >&2; echo 'no such item' >&2; exit 3", 30)), "sh: exit code 3: no such item");
        assert_eq!(why(find("exit 1", 30)), "sh: exit code 1");
        assert!(why(find("head -c 70000 /dev/zero | tr '\\0' x", 30)).contains("too long"));
    }

    #[test]
    fn what_does_not_end_is_ended() {
        let started = Instant::now();
        assert_eq!(why(find("sleep 20", 1)), "sh: it did not end within 1 seconds");
        assert!(started.elapsed() < Duration::from_secs(15), "it was waited for");
    }
}
