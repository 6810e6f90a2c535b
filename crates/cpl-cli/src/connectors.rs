//! `cpl connectors`: what can be fetched from, and how.

use std::{fmt::Write as _, path::Path};

use cpl_catalog::{Action, Argument, Auth, Connector, ConnectorFile, Credential, Dedupe, Endpoint, Learning};
use cpl_syntax::{
    Span, nearest,
    tree::{self, Expr},
};

use crate::{
    CLEAN, Io, WRONG,
    args::ConnectorsArgs,
    catalogue::{connector_named, connector_names},
    render, workspace,
};

/// Lists the connectors that a pipeline of this folder can name, or shows one.
pub fn connectors(args: &ConnectorsArgs, io: &mut Io<'_>) -> u8 {
    // A pipeline would stand here.
    let workspace = match workspace::workspace(Path::new("pipeline.cpl"), io) {
        Ok(workspace) => workspace,
        Err(wrong) => return render::usage_error(&wrong.message, io),
    };
    let names = connector_names(&workspace, io);
    let text = match &args.name {
        None => {
            let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
            let files = names.iter().filter_map(|name| connector_named(name, &workspace, io));
            files.map(|file| line(&file, widest)).collect()
        }
        Some(name) => match connector_named(name, &workspace, io) {
            Some(file) if args.yaml => file.text,
            Some(file) => match &file.connector {
                Some(connector) if file.diagnostics.is_empty() => page(&file, connector),
                _ => {
                    let _ = writeln!(io.err, "error: {0} has errors: `cpl check {0}` says which", file.path);
                    return WRONG;
                }
            },
            None => {
                let near = nearest(name, names.iter().map(String::as_str));
                let near =
                    near.map_or("`cpl connectors` lists them".to_owned(), |near| format!("did you mean `{near}`?"));
                return render::usage_error(&format!("there is no connector named `{name}`: {near}"), io);
            }
        },
    };
    let _ = write!(io.out, "{text}");
    CLEAN
}

/// A connector in one line, behind a name of so many letters.
fn line(file: &ConnectorFile, widest: usize) -> String {
    match &file.connector {
        Some(connector) if file.diagnostics.is_empty() => {
            let title = connector.title.as_deref().unwrap_or("without a title");
            format!("{:<widest$}  {title}\n", connector.name.as_str())
        }
        _ => format!("{0} has errors: `cpl check {0}` says which\n", file.path),
    }
}

/// All that a pipeline's author needs to know of a connector.
fn page(file: &ConnectorFile, connector: &Connector) -> String {
    let mut page =
        format!("{}: {}\n", connector.name.as_str(), connector.title.as_deref().unwrap_or("without a title"));
    let _ = writeln!(page, "file     {}", file.path);
    if let Some(docs) = &connector.docs {
        let _ = writeln!(page, "docs     {docs}");
    }
    let secrets = secrets(connector);
    if !secrets.is_empty() {
        let _ = writeln!(page, "secrets  {}", secrets.join(", "));
    }
    for endpoint in &connector.endpoints {
        page.push_str(&endpoint_page(file, connector, endpoint));
    }
    for action in &connector.actions {
        page.push_str(&action_page(file, connector, action));
    }
    page
}

/// What a rule does by an action: what it takes, and what is known of a request that is lost.
fn action_page(file: &ConnectorFile, connector: &Connector, action: &Action) -> String {
    let call = format!("{}.{}", connector.name.as_str(), action.name.as_str());
    let mut page = format!("\naction {call}({})\n", parameters(file, &action.arguments));
    if let Some(title) = &action.title {
        let _ = writeln!(page, "  {title}");
    }
    let repeated = match &action.dedupe {
        Dedupe::Key(..) => "sent again with its key",
        Dedupe::Lookup => "looked up",
        Dedupe::Nothing => "left to a person",
    };
    let notes = [
        (action.validate.is_some(), "validated first"),
        (action.read.is_some(), "its value is read before it is sent"),
        (action.confirms, "and after"),
    ];
    let notes: Vec<&str> = notes.iter().filter(|(is_so, _)| *is_so).map(|(_, note)| *note).collect();
    let notes = if notes.is_empty() { String::new() } else { format!("; {}", notes.join(", ")) };
    let _ = writeln!(page, "  a request that is lost is {repeated}{notes}");
    if let Some(learning) = &action.learning {
        let _ = writeln!(page, "  {}", learning_text(file, learning));
    }
    page
}

/// What the platform learns anew, and who says so.
fn learning_text(file: &ConnectorFile, learning: &Learning) -> String {
    let written = |expr: &Expr| file.text.get(expr.span.start..expr.span.end).unwrap_or_default();
    let change = match &learning.restarts_above {
        Some(share) => format!("a change above {}", written(share)),
        None => "a change".to_owned(),
    };
    let events = learning.events.map_or_else(String::new, |events| format!("about {events} events, "));
    format!("after {change} it learns anew: {events}{} ({})", written(&learning.within), learning.source)
}

fn parameters(file: &ConnectorFile, arguments: &[Argument]) -> String {
    let written = |span: Span| file.text.get(span.start..span.end).unwrap_or_default();
    let parameter = |argument: &Argument| format!("{}: {}", argument.name.as_str(), written(argument.span));
    arguments.iter().map(parameter).collect::<Vec<_>>().join(", ")
}

fn endpoint_page(file: &ConnectorFile, connector: &Connector, endpoint: &Endpoint) -> String {
    let written = |span: Span| file.text.get(span.start..span.end).unwrap_or_default();
    let call = format!("{}.{}", connector.name.as_str(), endpoint.name.as_str());
    let mut page = format!("\n{call}({})\n", parameters(file, &endpoint.arguments));
    if let Some(title) = &endpoint.title {
        let _ = writeln!(page, "  {title}");
    }
    let widest = endpoint.columns.iter().map(|column| column.name.as_str().len()).max().unwrap_or(0);
    for column in &endpoint.columns {
        let _ = writeln!(page, "  {:<widest$}  {}", column.name.as_str(), column_type(column, written));
    }
    if !endpoint.key.is_empty() {
        let key: Vec<&str> = endpoint.key.iter().map(cpl_syntax::Spanned::as_str).collect();
        let _ = writeln!(page, "  key {}", key.join(", "));
    }
    for (word, length) in [("late", &endpoint.late), ("restated", &endpoint.restated)] {
        if let Some(length) = length {
            let _ = writeln!(page, "  {word} {}", written(length.span));
        }
    }
    let _ = writeln!(page, "  fetch {} from {call}({})", endpoint.name.as_str(), example(&endpoint.arguments));
    page
}

/// A column's type with its marks.
fn column_type<'t>(column: &tree::Column, written: impl Fn(Span) -> &'t str) -> String {
    let marks = [(column.nullable, "?"), (column.optional, " optional"), (column.personal.is_some(), " personal")];
    let marks: String = marks.iter().filter(|(there, _)| *there).map(|(_, mark)| *mark).collect();
    format!("{}{marks}", written(column.kind.span))
}

/// Arguments as a call may have them.
fn example(arguments: &[Argument]) -> String {
    let needed = arguments.iter().filter(|argument| !argument.ty.optional);
    let values = needed.map(|argument| match &argument.ty.kind {
        None => "last 35 days".to_owned(),
        Some(kind) => match &kind.value {
            tree::ColumnType::Plain(tree::Plain::Text) => format!("{} = \"…\"", argument.name.as_str()),
            _ => format!("{} = …", argument.name.as_str()),
        },
    });
    values.collect::<Vec<_>>().join(", ")
}

/// The names of a connector's secrets.
fn secrets(connector: &Connector) -> Vec<&str> {
    let all = connector.auth.iter().flat_map(|auth| match auth {
        Auth::Bearer(one) => vec![one],
        Auth::Basic { user, password } => std::iter::once(user).chain(password).collect(),
        Auth::Header(all) | Auth::Query(all) => all.values().collect(),
        Auth::Oauth2 { client_id, client_secret, refresh_token, .. } => {
            std::iter::once(client_id).chain(client_secret).chain(refresh_token).collect()
        }
        Auth::GoogleServiceAccount { key, .. } => vec![key],
    });
    let names = all.filter_map(|credential| match credential {
        Credential::Secret(name) => Some(name.as_str()),
        Credential::Plain(_) => None,
    });
    names.collect()
}
