//! Where targets are, and what the things there are called: the same for all pipelines of a workspace, so that their guards
//! meet.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use cpl_model::{
    program::{Credential, Expr, ExprKind, Piece, Program, Target, TargetKind},
    resource::Resource,
};

/// Where the targets of a pipeline are: the same for all pipelines of a workspace.
#[derive(Clone, Debug)]
pub struct Places(BTreeMap<String, Place>);

/// Where a target is.
#[derive(Clone, Debug)]
struct Place {
    name: String,
    /// Its address, where it is a request: what fills it names the thing there.
    address: Vec<PlacePiece>,
}

/// A piece of an address.
#[derive(Clone, Debug)]
enum PlacePiece {
    Letters(String),
    /// A parameter.
    Filled(String),
}

impl Places {
    /// Those of a pipeline in that folder, in the workspace of that root. A file's does not depend on its window.
    #[must_use]
    pub fn of(program: &Program, folder: &Path, root: &Path) -> Self {
        let root = resolve(root);
        let name = |target: &Target| match &target.kind {
            TargetKind::File(path) => {
                let file = resolve(&folder.join(path.at("{window}")));
                format!("file:{}", file.strip_prefix(&root).unwrap_or(&file).display())
            }
            // Somebody reads the report, and does what it says.
            TargetKind::Print => format!("print:{}", program.name),
            TargetKind::Slack(address) => format!("slack:{}", named(address)),
            TargetKind::Email(address) => format!("email:{}", named(address)),
            TargetKind::Webhook { address, .. } => format!("webhook:{}", named(address)),
            TargetKind::Http(request) => format!("http:{:?} {}", request.method, shown(&written(&request.address))),
            TargetKind::Action(call) => {
                // What names the thing says all of it.
                let given = call.call.arguments.iter().filter(|_| !target.has_keys());
                let given = given.filter_map(|(name, argument)| Some(format!(" {name}={}", argument.raw()?)));
                format!("action:{}.{}{}", call.call.connector, call.call.name, given.collect::<String>())
            }
        };
        let place = |target: &Target| {
            let address = match &target.kind {
                TargetKind::Http(request) => written(&request.address),
                _ => Vec::new(),
            };
            Place { name: name(target), address }
        };
        Self(program.targets.iter().map(|target| (target.name.clone(), place(target))).collect())
    }

    /// What names a resource in all pipelines of a workspace: of a request its address as it is filled, whatever a pipeline calls
    /// what fills it.
    ///
    /// # Panics
    /// Where the pipeline has no such target.
    #[must_use]
    pub fn resource_name(&self, resource: &Resource) -> String {
        let Place { name, address } = self.of_target(resource.target());
        let mut left: Vec<&(String, String)> = resource.key().iter().collect();
        let mut filled = String::new();
        for piece in address {
            match piece {
                PlacePiece::Letters(letters) => filled.push_str(letters),
                PlacePiece::Filled(parameter) => match resource.key().iter().find(|(name, _)| name == parameter) {
                    Some((_, value)) => {
                        left.retain(|(name, _)| name != parameter);
                        filled.push_str(value);
                    }
                    None => filled.push_str("{}"),
                },
            }
        }
        let name = if address.is_empty() { name } else { &format!("http:{filled}") };
        serde_json::json!([name, left]).to_string()
    }

    /// Whether what goes there is handed over to somebody who carries it out: nobody says whether that was done.
    #[must_use]
    pub fn is_handed_over(place: &str) -> bool {
        place.starts_with("file:") || Self::is_printed(place)
    }

    /// Whether what goes there is only shown in the report.
    #[must_use]
    pub fn is_printed(place: &str) -> bool {
        place.starts_with("print:")
    }

    /// Where a target is, by its name in the pipeline.
    ///
    /// # Panics
    /// Where the pipeline has no such target.
    #[must_use]
    pub fn place(&self, target: &str) -> &str {
        &self.of_target(target).name
    }

    fn of_target(&self, target: &str) -> &Place {
        self.0.get(target).unwrap_or_else(|| unreachable!("a target of the pipeline"))
    }
}

/// An address, or the name of the secret that is one.
fn named(address: &Credential) -> &str {
    let (Credential::Plain(text) | Credential::Secret(text)) = address;
    text
}

/// An address; what is computed in it is named by the columns that it is made of.
fn written(address: &[Piece]) -> Vec<PlacePiece> {
    let piece = |piece: &Piece| match piece {
        Piece::Letters(letters) => PlacePiece::Letters(letters.clone()),
        Piece::Hole(Expr { kind: ExprKind::Column(name), .. }) => PlacePiece::Filled(name.clone()),
        Piece::Hole(hole) => PlacePiece::Letters(format!("{{{}}}", hole.columns().join(","))),
    };
    address.iter().map(piece).collect()
}

/// An address without what fills it.
fn shown(address: &[PlacePiece]) -> String {
    let piece = |piece: &PlacePiece| match piece {
        PlacePiece::Letters(letters) => letters.clone(),
        PlacePiece::Filled(_) => "{}".to_owned(),
    };
    address.iter().map(piece).collect()
}

/// What a path means once its links are followed, as far as it is there.
pub fn resolve(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for there in path.ancestors() {
        if let (Ok(found), Ok(rest)) = (there.canonicalize(), path.strip_prefix(there)) {
            return rest.components().fold(found, |path, part| match part {
                Component::ParentDir => path.parent().map(Path::to_owned).unwrap_or(path),
                Component::CurDir => path,
                part => path.join(part),
            });
        }
    }
    path
}
