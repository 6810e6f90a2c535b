//! The wanted values of a text of JSON, in one pass over it: a tree of the names and places that lead to them.

use std::fmt;

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{steps::Step, walk::NUMBER};

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
    list: Option<Elements>,
}

/// What is wanted of the elements of a list.
#[derive(Debug)]
enum Elements {
    /// The text of each.
    Texts,
    /// Values in each of them.
    Values(Box<ElementValues>),
}

/// Values that are wanted in each element of a list.
#[derive(Debug)]
pub struct ElementValues {
    pub wanted: Wanted,
    /// Of each of them whether every element has to have it.
    pub required: Vec<bool>,
}

/// The wanted values of one text, as they are written.
#[derive(Debug)]
pub struct Found<'t> {
    /// Each of them, where there is one.
    pub values: Vec<Option<&'t str>>,
    /// The elements of the wanted list; none where there is no list.
    pub elements: Option<Vec<&'t str>>,
    /// The values in each element of that list, where those are wanted.
    pub records: Option<RecordValues<'t>>,
    /// A name on the way to one of them that an object has twice.
    pub twice: Option<String>,
    /// The last name that was met; none where it is written with escapes, or is that of a number.
    name: Option<&'t str>,
}

/// The wanted values in each element of a list, and where the list is.
#[derive(Debug)]
pub struct RecordValues<'t> {
    /// Of each element in its turn each value, where there is one.
    pub values: Vec<Option<&'t str>>,
    pub count: u64,
    /// The last name that was met before the list; none where there is none, or it is written with escapes.
    pub name: Option<&'t str>,
    /// The first name that was met behind the list; none where there is none.
    pub next_name: Option<&'t str>,
    /// That name is written with escapes.
    pub hides_next_name: bool,
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
        self.node_at(steps).list = Some(Elements::Texts);
        self
    }

    /// The same, with values in each element of that list: where one is no object, or lacks a required value, it is an error.
    pub fn with_values_at(mut self, steps: &[Step], values: ElementValues) -> Self {
        self.node_at(steps).list = Some(Elements::Values(Box::new(values)));
        self
    }

    fn node_at(&mut self, steps: &[Step]) -> &mut Node {
        steps.iter().fold(&mut self.root, |node, step| node.child(step))
    }

    /// Those of a text.
    pub fn find<'t>(&self, record: &'t str) -> Result<Found<'t>, serde_json::Error> {
        let mut found = Found::of(self.count);
        let mut deserializer = serde_json::Deserializer::from_str(record);
        Find { node: &self.root, found: &mut found }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(found)
    }
}

impl Found<'_> {
    /// Nothing yet, of so many values.
    fn of(count: usize) -> Self {
        Self { values: vec![None; count], elements: None, records: None, twice: None, name: None }
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
        self.members.is_empty() && self.elements.is_empty() && self.list.is_none()
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
        while let Some((at, name)) = object.next_key_seed(MemberOf { node, next })? {
            found.meet(name);
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
        match &node.list {
            None => {}
            Some(Elements::Texts) => return visit_elements(node, found, list),
            Some(Elements::Values(values)) => return visit_records(values, found, list),
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

/// A list of objects, in each of which values are wanted.
fn visit_records<'t, A: SeqAccess<'t>>(
    ElementValues { wanted, required }: &ElementValues,
    found: &mut Found<'t>,
    mut list: A,
) -> Result<(), A::Error> {
    let (mut record, name) = (Found::of(wanted.count), found.name);
    let mut records = RecordValues { values: Vec::new(), count: 0, name, next_name: None, hides_next_name: false };
    while list.next_element_seed(FindInObject(Find { node: &wanted.root, found: &mut record }))?.is_some() {
        if record.values.iter().zip(required).any(|(value, required)| *required && value.is_none()) {
            return Err(A::Error::custom("a required value is missing"));
        }
        records.values.extend(record.values.iter_mut().map(Option::take));
        records.count += 1;
    }
    found.twice = found.twice.take().or(record.twice);
    found.records = Some(records);
    Ok(())
}

/// An object at a place: any other value is an error.
struct FindInObject<'f, 't>(Find<'f, 't>);

impl<'t> DeserializeSeed<'t> for FindInObject<'_, 't> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self.0)
    }
}

impl<'t> Found<'t> {
    /// Notes a name.
    fn meet(&mut self, name: Option<&'t str>) {
        match &mut self.records {
            Some(records) if records.next_name.is_none() => {
                (records.next_name, records.hides_next_name) = (name, records.hides_next_name || name.is_none());
            }
            Some(_) => {}
            None => self.name = name,
        }
    }
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

/// The number of the wanted member that has a name, where one has it, and the name as it stands, if it is written
/// without escapes.
struct MemberOf<'n> {
    node: &'n Node,
    next: usize,
}

impl<'t> DeserializeSeed<'t> for MemberOf<'_> {
    type Value = (Option<usize>, Option<&'t str>);

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl MemberOf<'_> {
    fn number(&self, name: &str) -> Option<usize> {
        let members = &self.node.members;
        let is = |at: &usize| members.get(*at).is_some_and(|(wanted, _)| wanted == name);
        Some(self.next).filter(is).or_else(|| (0..members.len()).find(is))
    }
}

impl<'t> Visitor<'t> for MemberOf<'_> {
    type Value = (Option<usize>, Option<&'t str>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'t str) -> Result<Self::Value, E> {
        // A number of any digits comes as an object of this one name, which stands nowhere.
        Ok((self.number(name), (name != NUMBER).then_some(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok((self.number(name), None))
    }
}
