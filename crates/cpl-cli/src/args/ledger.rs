//! What was typed for the commands on a ledger.

use std::path::PathBuf;

use clap::ValueEnum;
use cpl_model::clock::AsOf;

use super::as_of::as_of;

/// `cpl apply`.
#[derive(Debug, clap::Args)]
pub struct ApplyArgs {
    /// The plan.
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Send effects also where its window is over.
    #[arg(long)]
    pub act: bool,
}

/// `cpl log`.
#[derive(Debug, clap::Args)]
pub struct LogArgs {
    /// A pipeline's file, or a folder: its workspace.
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    pub path: PathBuf,
    /// Only what the pipeline of this name decided.
    #[arg(long, value_name = "NAME")]
    pub pipeline: Option<String>,
    /// Show decisions, those too that were held or could not be decided, and not their effects.
    #[arg(long, conflicts_with = "runs")]
    pub decisions: bool,
    /// Show runs.
    #[arg(long, conflicts_with_all = ["rule", "row", "state"])]
    pub runs: bool,
    #[command(flatten)]
    pub seen: SeenArgs,
    /// Only what the rule of this name decided.
    #[arg(long, value_name = "NAME")]
    pub rule: Option<String>,
    /// Only of rows that this value names: a channel, a campaign.
    #[arg(long, value_name = "VALUE")]
    pub row: Option<String>,
    /// Only what is in this state: confirmed, refused, uncertain; of decisions: acts, held.
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// Only of runs that began on this day or later, by UTC: 2026-11-20, 2026-11-20T09:30.
    #[arg(long, value_name = "DATE", value_parser = as_of)]
    pub since: Option<AsOf>,
    /// Only of runs that began before this day.
    #[arg(long, value_name = "DATE", value_parser = as_of)]
    pub until: Option<AsOf>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: u32,
    /// How they are written.
    #[arg(long, value_enum, default_value_t)]
    pub format: LogFormat,
}

/// What runs saw, where it is shown.
#[derive(Debug, clap::Args)]
pub struct SeenArgs {
    /// Show what dashboards showed: the constraint and its drivers, of each window.
    #[arg(long, conflicts_with_all = ["decisions", "runs", "rule", "row", "state"])]
    pub metrics: bool,
    /// Show what alerts found.
    #[arg(long, conflicts_with_all = ["decisions", "runs", "metrics", "rule", "row", "state"])]
    pub alerts: bool,
}

/// `cpl report`.
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// The pipeline's file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// From runs of this day on, by UTC: 30 days before the end, without it.
    #[arg(long, value_name = "DATE", value_parser = as_of)]
    pub since: Option<AsOf>,
    /// Up to runs before this day: up to now, without it.
    #[arg(long, value_name = "DATE", value_parser = as_of)]
    pub until: Option<AsOf>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: ReportFormat,
}

/// How a report over a time is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
    /// For a wiki or a message.
    Markdown,
}

/// How what was decided is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// RFC 4180, with a header.
    Csv,
    /// A list of objects.
    Json,
}

/// `cpl approve`, `cpl reject`, `cpl redo`.
#[derive(Debug, clap::Args)]
pub struct DecisionArgs {
    /// The beginning of the decision's id.
    #[arg(value_name = "DECISION")]
    pub decision: String,
    /// A pipeline's file, or a folder: its workspace.
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    pub path: PathBuf,
    #[command(flatten)]
    pub said: SaidArgs,
}

/// `cpl settle`.
#[derive(Debug, clap::Args)]
pub struct SettleArgs {
    /// The beginning of the decision's id.
    #[arg(value_name = "DECISION")]
    pub decision: String,
    /// What became of its effects.
    #[arg(value_enum)]
    pub outcome: Settled,
    /// A pipeline's file, or a folder: its workspace.
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    pub path: PathBuf,
    #[command(flatten)]
    pub said: SaidArgs,
}

/// What became of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Settled {
    /// It was carried out.
    Confirmed,
    /// It was not.
    Refused,
}

/// `cpl undo`.
#[derive(Debug, clap::Args)]
pub struct UndoArgs {
    /// The beginning of the decision's id, or the number of a run, as `cpl log` shows it: r17.
    #[arg(value_name = "DECISION|RUN")]
    pub decision: String,
    /// A pipeline's file, or a folder: its workspace.
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    pub path: PathBuf,
    /// Show what would be taken back, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub said: SaidArgs,
}

/// `cpl pause`, `cpl resume`.
#[derive(Debug, clap::Args)]
pub struct PauseArgs {
    /// A pipeline's file or its name, or a folder for all pipelines of its workspace.
    #[arg(value_name = "PIPELINE|FILE|DIR", default_value = ".")]
    pub pipeline: PathBuf,
    #[command(flatten)]
    pub said: SaidArgs,
}

/// `cpl doctor`.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// A pipeline's file, or a folder: its workspace.
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    pub path: PathBuf,
}

/// `cpl backup`, `cpl restore`.
#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// The folder of the copy.
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// A pipeline's file, or a folder: its workspace.
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    pub path: PathBuf,
}

/// Who says something, and why.
#[derive(Debug, clap::Args)]
pub struct SaidArgs {
    /// Why: it is kept in the ledger, and shown.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// Who says so; without it the user of this machine.
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}
