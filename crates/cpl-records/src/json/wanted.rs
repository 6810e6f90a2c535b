//! The wanted values of a text of JSON, in one pass over it: a tree of the names and places that lead to them.

use std::fmt;

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::steps::Step;

/// Where values are in a record or a document.
#[derive(Debug, Default)]
pub struct Wanted {
    root: Node,
    count: usize,
}

/// A place on the way to wanted values.
#[derive(Debug, Default)]
struct Node {
    /// The numbers of the wanted values that stand here.
    values: Vec<usize>,
    members: Vec<(String, Node)>,
    elements: Vec<(usize, Node)>,
    /// The elements of the list that is here are wanted.
    is_list: bool,
}

/// The wanted values of one text, as they are written.
#[derive(Debug)]
pub struct Found<'t> {
    /// Each of them, where there is one.
    pub values: Vec<Option<&'t str>>,
    /// The elements of the wanted list; none where there is no list.
    pub elements: Option<Vec<&'t str>>,
    /// A name on the way to one of them that an object has twice.
    pub twice: Option<String>,
}

impl Wanted {
    /// The values at the end of those steps; no step is `Every`.
    pub fn at<'s>(places: impl Iterator<Item = &'s [Step]>) -> Self {
        let mut wanted = Self::default();
        for steps in places {
            let node = steps.iter().fold(&mut wanted.root, |node, step| node.child(step));
            node.values.push(wanted.count);
            wanted.count += 1;
        }
        wanted
    }

    /// The same, with the elements of the list at the end of those steps.
    pub fn with_elements_at(mut self, steps: &[Step]) -> Self {
        steps.iter().fold(&mut self.root, |node, step| node.child(step)).is_list = true;
        self
    }

    /// Those of a text.
    pub fn find<'t>(&self, record: &'t str) -> Result<Found<'t>, serde_json::Error> {
        let mut found = Found { values: vec![None; self.count], elements: None, twice: None };
        let mut deserializer = serde_json::Deserializer::from_str(record);
        Find { node: &self.root, found: &mut found }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(found)
    }
}

impl Node {
    fn child(&mut self, step: &Step) -> &mut Self {
        match step {
            Step::Name(name) => child(&mut self.members, name),
            Step::Index(index) => child(&mut self.elements, index),
            Step::Every => unreachable!("one value is wanted, and not each"),
        }
    }

    fn is_leaf(&self) -> bool {
        self.members.is_empty() && self.elements.is_empty() && !self.is_list
    }
}

fn child<'n, K: Clone + PartialEq>(children: &'n mut Vec<(K, Node)>, key: &K) -> &'n mut Node {
    let at = children.iter().position(|(other, _)| other == key).unwrap_or_else(|| {
        children.push((key.clone(), Node::default()));
        children.len() - 1
    });
    &mut children[at].1
}

/// A value at a place.
struct Find<'f, 't> {
    node: &'f Node,
    found: &'f mut Found<'t>,
}

impl<'t> DeserializeSeed<'t> for Find<'_, 't> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.node.values.is_empty() {
            return deserializer.deserialize_any(self);
        }
        let value = <&RawValue>::deserialize(deserializer)?.get();
        self.node.values.iter().for_each(|number| self.found.values[*number] = Some(value));
        if self.node.is_leaf() {
            return Ok(());
        }
        let mut inside = serde_json::Deserializer::from_str(value);
        inside.deserialize_any(self).map_err(D::Error::custom)
    }
}

impl<'t> Visitor<'t> for Find<'_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut object: A) -> Result<(), A::Error> {
        let Self { node, found } = self;
        // Records name their members mostly in one order: the next is looked for where the last was found.
        let (mut next, mut seen) = (0, SeenMembers::default());
        while let Some(at) = object.next_key_seed(MemberOf { node, next })? {
            let Some(at) = at else {
                object.next_value::<IgnoredAny>()?;
                continue;
            };
            let (name, member) = &node.members[at];
            if seen.is_repeated(at) {
                found.twice.get_or_insert_with(|| name.clone());
            }
            next = at + 1;
            object.next_value_seed(Find { node: member, found: &mut *found })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { node, found } = self;
        if node.is_list {
            return visit_elements(node, found, list);
        }
        for index in 0.. {
            let more = match node.elements.iter().find(|(wanted, _)| *wanted == index) {
                Some((_, element)) => list.next_element_seed(Find { node: element, found: &mut *found })?.is_some(),
                None => list.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A list whose elements are wanted, and maybe values in some of them.
fn visit_elements<'t, A: SeqAccess<'t>>(node: &Node, found: &mut Found<'t>, mut list: A) -> Result<(), A::Error> {
    let mut elements: Vec<&'t str> = Vec::new();
    while let Some(element) = list.next_element::<&'t RawValue>()? {
        if let Some((_, inside)) = node.elements.iter().find(|(wanted, _)| *wanted == elements.len()) {
            let mut deserializer = serde_json::Deserializer::from_str(element.get());
            Find { node: inside, found: &mut *found }.deserialize(&mut deserializer).map_err(A::Error::custom)?;
        }
        elements.push(element.get());
    }
    found.elements = Some(elements);
    Ok(())
}

/// Which members of an object were met.
#[derive(Default)]
struct SeenMembers {
    first: u64,
    further: Vec<usize>,
}

impl SeenMembers {
    /// Notes a member; whether it was met before.
    fn is_repeated(&mut self, at: usize) -> bool {
        if let Some(bit) = u32::try_from(at).ok().and_then(|at| 1_u64.checked_shl(at)) {
            let again = self.first & bit != 0;
            self.first |= bit;
            return again;
        }
        let again = self.further.contains(&at);
        self.further.push(at);
        again
    }
}

/// The number of the wanted member that has a name, where one has it.
struct MemberOf<'n> {
    node: &'n Node,
    next: usize,
}

impl<'t> DeserializeSeed<'t> for MemberOf<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for MemberOf<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let members = &self.node.members;
        let is = |at: &usize| members.get(*at).is_some_and(|(wanted, _)| wanted == name);
        Ok(Some(self.next).filter(is).or_else(|| (0..members.len()).find(is)))
    }
}
