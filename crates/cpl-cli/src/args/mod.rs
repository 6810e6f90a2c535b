//! What was typed.

mod as_of;
mod ledger;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use cpl_check::Setting;
use cpl_model::clock::AsOf;
use jiff::Timestamp;

use as_of::as_of;
pub use ledger::*;

/// From a growth team's question to action: one constraint, one question, one person who decides.
#[derive(Debug, Parser)]
#[command(name = "cpl", version, max_term_width = 100)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Write without colour (so does the environment's `NO_COLOR`).
    #[arg(long, global = true)]
    pub no_color: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run pipelines: the dashboard, the decisions, the alerts; effects are sent to their targets.
    Run(RunArgs),
    /// Show what a run would do, in the same report; nothing is sent or changed.
    Plan(PlanOnlyArgs),
    /// Carry out a plan that `cpl plan --out` kept: exactly that, or nothing where something moved since.
    Apply(ApplyArgs),
    /// Show what was decided, and what became of it: the newest first.
    Log(LogArgs),
    /// Report what a pipeline did over a time: decisions, errors of the data, how fast it acted, and whether it held up.
    Report(ReportArgs),
    /// Let a decision be carried out that awaits an approval: the next run of its window does it.
    Approve(DecisionArgs),
    /// Say of a decision that awaits an approval, or is not sent yet, that it is not carried out.
    Reject(DecisionArgs),
    /// Say what became of effects of which nobody knows: a person looked it up.
    Settle(SettleArgs),
    /// Take back what a decision changed, or all decisions of a run: what still is as they left it gets the value that it had.
    Undo(UndoArgs),
    /// Take a decision anew that came to nothing, in the next run of its window.
    Redo(DecisionArgs),
    /// Send nothing, until `cpl resume`: of one pipeline, or of all of a workspace.
    Pause(PauseArgs),
    /// End a pause.
    Resume(PauseArgs),
    /// Verify the ledger of a workspace: whether each row is as it was written.
    Doctor(DoctorArgs),
    /// Copy the ledger of a workspace, all of it verified, into a new folder.
    Backup(BackupArgs),
    /// Put a copy of a ledger back where the ledger is gone or damaged.
    Restore(BackupArgs),
    /// Report what is wrong with pipelines; reads no data.
    Check(CheckArgs),
    /// Format pipelines.
    Fmt(FmtArgs),
    /// Explain a code, with a file that causes it and how to mend it, or a decision: the rule as it was, the values, what became
    /// of it; without either, list the codes.
    Explain(ExplainArgs),
    /// Run the tests of pipelines, on the rows they give; nothing is fetched, sent or changed.
    Test(TestArgs),
    /// Draw a pipeline's steps.
    Graph(GraphArgs),
    /// Show one table of a pipeline; nothing is decided.
    Show(ShowArgs),
    /// Show why a rule fires for its rows, and why not: each condition with both of its sides, the rows nearest to firing first.
    Why(WhyArgs),
    /// Write the `fetch` that reads a file: names, types, key, and what is not sure of them.
    Infer(InferArgs),
    /// List the connectors that can be fetched from, or show one: its endpoints, their arguments and columns, its secrets.
    Connectors(ConnectorsArgs),
    /// Begin a file: `cpl new connector NAME`.
    New(NewArgs),
    /// Show what each step of a pipeline costs: rows, bytes, time, memory, the columns that are read; nothing is sent or changed.
    Profile(ProfileArgs),
}

/// `cpl run`.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub plan: PlanArgs,
    /// Send effects also in a window that is over: a run of the past sends nothing without it.
    #[arg(long)]
    pub act: bool,
}

/// `cpl plan`.
#[derive(Debug, clap::Args)]
pub struct PlanOnlyArgs {
    #[command(flatten)]
    pub plan: PlanArgs,
    /// Keep the plan in a file: `cpl apply` does exactly that, and refuses where something moved since.
    #[arg(long, value_name = "PLAN", conflicts_with = "replay")]
    pub out: Option<PathBuf>,
    /// Compare with another version of the pipeline, a file or a revision of git, in decisions on the data of today: both as the
    /// first run of the window.
    #[arg(long, value_name = "FILE|REVISION", conflicts_with_all = ["replay", "record", "out"])]
    pub against: Option<PathBuf>,
}

/// What `cpl run` and `cpl plan` share.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// The pipelines' files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How the report is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub window_args: WindowArgs,
    /// Explain all quiet rows, and not only the three of each rule that are nearest to firing.
    #[arg(long)]
    pub all: bool,
    /// Keep in a new folder what servers and databases answer: the columns that are read, personal ones hashed.
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Read what was recorded in a folder instead of servers and databases, as of its date and with its settings: nothing is sent
    /// or changed.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["record", "as_of", "settings"])]
    pub replay: Option<PathBuf>,
}

/// `cpl check`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "a flag each")]
pub struct CheckArgs {
    /// Files, and folders whose `.cpl` files are all checked.
    #[arg(required = true, value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    /// How diagnostics are written.
    #[arg(long, value_enum, default_value_t)]
    pub format: DiagnosticFormat,
    /// Exit with 1 for warnings too; hints change no exit code.
    #[arg(long)]
    pub strict: bool,
    /// Change in the files what can have been meant in one way only.
    #[arg(long)]
    pub fix: bool,
    /// Show what `--fix` would change, and change nothing.
    #[arg(long, conflicts_with = "format")]
    pub diff: bool,
    /// Report secrets of its fetches that are not set as well.
    #[arg(long)]
    pub secrets: bool,
    #[command(flatten)]
    pub window_args: WindowArgs,
}

/// How diagnostics are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DiagnosticFormat {
    /// For people.
    #[default]
    Text,
    /// A list of objects.
    Json,
    /// SARIF 2.1.0, for the tools that read what analysers find.
    Sarif,
    /// Lines that GitHub's workflows put next to the code.
    Github,
}

/// `cpl explain`.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// The code (E0301, W0201), or the beginning of a decision's id.
    #[arg(value_name = "CODE|DECISION")]
    pub code: Option<String>,
    /// Of a decision: a pipeline's file, or a folder, whose workspace it is of.
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    pub path: PathBuf,
    /// How it is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `cpl test`.
#[derive(Debug, clap::Args)]
pub struct TestArgs {
    /// Files, and folders whose `.cpl` files are all tested.
    #[arg(required = true, value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    /// Only tests whose title holds this.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// How the results are written.
    #[arg(long, value_enum, default_value_t)]
    pub format: Results,
}

/// How the results of tests are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Results {
    /// For people.
    #[default]
    Text,
    /// XML as that of `JUnit`.
    Junit,
}

/// `cpl fmt`.
#[derive(Debug, clap::Args)]
pub struct FmtArgs {
    /// Files, and folders whose `.cpl` files are all written anew; `-` for the standard input, to the output.
    #[arg(required = true, value_name = "FILE|DIR|-")]
    pub paths: Vec<PathBuf>,
    /// List files that would be changed, and change nothing; exit with 1 if there are any.
    #[arg(long)]
    pub check: bool,
    /// Show what would change, and change nothing.
    #[arg(long)]
    pub diff: bool,
}

/// `cpl graph`.
#[derive(Debug, clap::Args)]
pub struct GraphArgs {
    /// The pipeline's file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How it is drawn.
    #[arg(long, value_enum, default_value_t)]
    pub format: Drawing,
    #[command(flatten)]
    pub window_args: WindowArgs,
}

/// `cpl show`.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// The pipeline's file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The table: a fetch or a transform.
    #[arg(value_name = "TABLE")]
    pub table: String,
    /// How it is written; all but text are at full precision.
    #[arg(long, value_enum, default_value_t)]
    pub format: TableFormat,
    /// At most so many rows; else a hundred for people and all for machines.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    #[command(flatten)]
    pub window_args: WindowArgs,
}

/// `cpl why`.
#[derive(Debug, clap::Args)]
pub struct WhyArgs {
    /// The pipeline's file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The rule: a `decide` or an `alert`.
    #[arg(value_name = "RULE")]
    pub rule: String,
    /// Only the rows that this value names: a channel, a campaign.
    #[arg(value_name = "KEY")]
    pub key: Option<String>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub window_args: WindowArgs,
}

/// `cpl infer`.
#[derive(Debug, clap::Args)]
pub struct InferArgs {
    /// The files: CSV, Excel, JSON, lines of JSON, Parquet, by the ending of their names; an address, `https://…`, which is
    /// asked; or an endpoint of a connector, `'crm.signups(last 7 days)'`, whose columns are written.
    #[arg(required = true, value_name = "FILE|URL|CONNECTOR.ENDPOINT(…)")]
    pub files: Vec<PathBuf>,
    /// The window that starts on this date, or is under way then: 2026-11-20, 2026-11-20T09:30.
    #[arg(long, value_name = "DATE", value_parser = as_of)]
    pub as_of: Option<AsOf>,
}

/// `cpl new`.
#[derive(Debug, clap::Args)]
pub struct NewArgs {
    /// Of what.
    #[command(subcommand)]
    pub kind: NewKind,
}

/// What can be begun.
#[derive(Debug, Subcommand)]
pub enum NewKind {
    /// `connectors/NAME.yaml`, which passes `cpl check` and says what goes where.
    Connector {
        /// Its name: small letters, digits and `_`.
        name: String,
    },
}

/// `cpl connectors`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct ConnectorsArgs {
    /// What to do with one; without it they are shown.
    #[command(subcommand)]
    pub command: Option<ConnectorsCommand>,
    /// The connector: stripe, shopify.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Print its file, to begin one of your own with it.
    #[arg(long, requires = "name")]
    pub yaml: bool,
}

/// What to do with a connector.
#[derive(Debug, Subcommand)]
pub enum ConnectorsCommand {
    /// Ask for the first page of an endpoint: show what is sent, secrets struck out, and what is read of the answer.
    Try(TryArgs),
}

/// `cpl connectors try`.
#[derive(Debug, clap::Args)]
pub struct TryArgs {
    /// The call, as a pipeline would write it: `'stripe.charges(last 7 days)'`.
    #[arg(value_name = "NAME.ENDPOINT(…)")]
    pub call: String,
    /// At most so many rows.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub limit: usize,
    /// The zone of its days: `Europe/Berlin`.
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// The currency of its money: EUR.
    #[arg(long, value_name = "CODE")]
    pub currency: Option<String>,
    /// The window that starts on this date, or is under way then: 2026-11-20, 2026-11-20T09:30.
    #[arg(long, value_name = "DATE", value_parser = as_of)]
    pub as_of: Option<AsOf>,
}

/// `cpl profile`.
#[derive(Debug, clap::Args)]
pub struct ProfileArgs {
    /// The pipeline's file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How it is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub window_args: WindowArgs,
}

/// Which window, and with which constants.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct WindowArgs {
    /// The window that starts on this date, or is under way then: 2026-11-20, 2026-11-20T09:30.
    #[arg(long, value_name = "DATE", value_parser = as_of)]
    pub as_of: Option<AsOf>,
    /// Another value for a `let`: `'target_cac=$45'`, in quotes that keep the shell from it.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    pub settings: Vec<Setting>,
}

/// How a report or diagnostics are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// How a plan is drawn.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Drawing {
    /// Lines of text, batch by batch.
    #[default]
    Text,
    /// A Mermaid flowchart.
    Mermaid,
    /// A Graphviz digraph.
    Dot,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// For people.
    #[default]
    Text,
    /// RFC 4180, with a header.
    Csv,
    /// A list of objects.
    Json,
    /// Apache Parquet.
    Parquet,
}

impl WindowArgs {
    /// Those of a recording.
    ///
    /// # Errors
    /// What of them is none.
    #[cfg(feature = "run")]
    pub fn recorded(as_of_text: &str, settings: &[String]) -> Result<Self, String> {
        let settings = settings.iter().map(|text| setting(text)).collect::<Result<_, _>>()?;
        Ok(Self { as_of: Some(as_of(as_of_text)?), settings })
    }

    /// The time, as it can be written on the command line.
    #[cfg(feature = "run")]
    pub fn as_of_text(&self, now: Timestamp) -> String {
        match self.moment(now) {
            AsOf::Date(date) => date.to_string(),
            AsOf::Datetime(time) => time.to_string(),
            AsOf::Moment(moment) => moment.to_string(),
        }
    }

    /// The settings, as they can be written on the command line.
    #[cfg(feature = "run")]
    pub fn settings_text(&self) -> Vec<String> {
        self.settings.iter().map(|Setting { name, value }| format!("{name}={value}")).collect()
    }

    /// What the command line gives, else `now`.
    pub fn moment(&self, now: Timestamp) -> AsOf {
        self.as_of.unwrap_or(AsOf::Moment(now))
    }
}

fn setting(text: &str) -> Result<Setting, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() && !value.trim().is_empty() => {
            Ok(Setting { name: name.trim().to_owned(), value: value.trim().to_owned() })
        }
        _ => Err("wanted: NAME=VALUE, such as 'target_cac=$45'".to_owned()),
    }
}
