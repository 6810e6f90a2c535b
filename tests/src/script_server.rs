//! Servers that a script beside a page runs, each on a port of its own: until they are dropped.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::server::free_port;

/// What is written behind the fence of a script's arguments, before its name.
const FENCE: &str = "python ";
/// The ports that the page and the files beside it name, in the order in which the script is given others.
const PAGE_PORTS: [&str; 3] = [":54321", ":54322", ":54323"];

/// The servers of a script.
pub struct ScriptServers {
    process: Child,
    /// The ports of the page, and those that stand in their place.
    pub ports: Vec<(&'static str, String)>,
}

impl ScriptServers {
    /// Whether a block is the arguments of such a script, and of which.
    #[must_use]
    pub fn script(info: &str) -> Option<&str> {
        info.strip_prefix(FENCE)
    }

    /// Starts a script of the case's folder, and waits until it says that it listens. The connectors beside it are
    /// changed to ask it.
    ///
    /// # Panics
    /// Where it does not begin.
    #[must_use]
    pub fn start(script: &str, arguments: &[String], folder: &Path) -> Self {
        let ports = PAGE_PORTS.map(|of_page| (of_page, format!(":{}", free_port())));
        let mut command = Command::new("python3");
        command.arg(folder.join(script)).arg("--ports").args(ports.iter().map(|(_, port)| &port[1..]));
        command.args(arguments.iter().flat_map(|line| line.split_whitespace())).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{script}: {error}"));
        let mut said = String::new();
        let output = process.stdout.take().unwrap_or_else(|| unreachable!("it is taken once"));
        let read = BufReader::new(output).read_line(&mut said);
        assert!(read.is_ok_and(|length| length > 0), "{script} does not begin");
        let servers = Self { process, ports: ports.to_vec() };
        servers.change_connectors(folder);
        servers
    }

    fn change_connectors(&self, folder: &Path) {
        for entry in fs::read_dir(folder.join("connectors")).into_iter().flatten().flatten() {
            let text = fs::read_to_string(entry.path()).unwrap_or_else(|error| panic!("{error}"));
            let changed = self.ports.iter().fold(text, |text, (of_page, port)| text.replace(of_page, port));
            fs::write(entry.path(), changed).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

impl Drop for ScriptServers {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}
