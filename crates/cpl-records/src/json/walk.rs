//! What stands at the end of a path's steps, in one pass over the text: it is handed out as it stands, and all else is
//! passed over.

use std::{borrow::Cow, fmt, ops::ControlFlow};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::steps::Step;

/// The name under which `serde_json` hands out numbers, where they keep their digits.
pub const NUMBER: &str = "$serde_json::private::Number";

/// What was met on the way.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Something stands at the end of the steps.
    pub found: bool,
    /// A name of the steps that an object on the way has twice.
    pub twice: Option<String>,
}

/// Hands out each value at the end of the steps, and of a list its elements; where `nulls` is false, none that is null itself.
/// Once the sink has enough, the rest is still checked for being JSON.
pub fn each_at<'t>(
    text: &'t str,
    steps: &[Step],
    nulls: bool,
    sink: &mut dyn FnMut(&'t str) -> ControlFlow<()>,
) -> Result<Walked, serde_json::Error> {
    let (steps, within) = match steps.split_last() {
        Some((Step::Every, steps)) => (steps, true),
        _ => (steps, false),
    };
    let mut walk =
        Walk { walked: Walked::default(), within, nulls, full: false, whole: false, met: 0, handed_out: 0, sink };
    walk.run(text, steps)?;
    // To see where a value ends that is no list takes a pass of its own.
    if walk.whole {
        walk.met = 0;
        walk.run(text, steps)?;
    }
    Ok(walk.walked)
}

#[expect(clippy::struct_excessive_bools, reason = "what is wanted, and how far it is")]
struct Walk<'w, 't> {
    walked: Walked,
    /// The last step is `[*]`, and the one before it is the last that is taken here.
    within: bool,
    nulls: bool,
    full: bool,
    /// Values are looked at as a whole: one that is no list was met.
    whole: bool,
    /// Values that were met in this pass, and those that were handed out in any.
    met: usize,
    handed_out: usize,
    sink: &'w mut dyn FnMut(&'t str) -> ControlFlow<()>,
}

impl<'t> Walk<'_, 't> {
    fn run(&mut self, text: &'t str, steps: &[Step]) -> Result<(), serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        At { walk: self, steps }.deserialize(&mut deserializer)?;
        deserializer.end()
    }

    /// Hands out an element of a list at the end; one that `[*]` leads to may be a list itself.
    fn hand_out_element(&mut self, element: &'t str) -> Result<(), serde_json::Error> {
        if self.within && element.starts_with('[') {
            return self.hand_out_elements(element);
        }
        if self.within && !self.nulls && element == "null" {
            return Ok(());
        }
        self.hand_out(element);
        Ok(())
    }

    fn hand_out_elements(&mut self, list: &'t str) -> Result<(), serde_json::Error> {
        let elements: Vec<&'t RawValue> = serde_json::from_str(list)?;
        for element in elements {
            self.hand_out(element.get());
        }
        Ok(())
    }

    fn hand_out(&mut self, value: &'t str) {
        self.met += 1;
        if self.met > self.handed_out {
            self.handed_out += 1;
            self.full = self.full || (self.sink)(value).is_break();
        }
    }
}

/// A value from which these steps are still to be taken.
struct At<'a, 'w, 't> {
    walk: &'a mut Walk<'w, 't>,
    steps: &'a [Step],
}

impl<'t> DeserializeSeed<'t> for At<'_, '_, 't> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        if !self.steps.is_empty() || !self.walk.whole {
            return deserializer.deserialize_any(self);
        }
        self.walk.walked.found = true;
        let value = <&'t RawValue>::deserialize(deserializer)?.get();
        if value.starts_with('[') {
            return self.walk.hand_out_elements(value).map_err(D::Error::custom);
        }
        if self.walk.nulls || value != "null" {
            self.walk.hand_out(value);
        }
        Ok(())
    }
}

impl At<'_, '_, '_> {
    /// A value that is neither a list nor an object.
    fn scalar(self) {
        if self.steps.is_empty() && !self.walk.within {
            self.walk.whole = true;
        }
    }
}

impl<'t> Visitor<'t> for At<'_, '_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { walk, steps } = self;
        let Some((step, rest)) = steps.split_first() else {
            walk.walked.found = true;
            while !walk.full && !walk.whole {
                match list.next_element::<&'t RawValue>()? {
                    Some(element) => walk.hand_out_element(element.get()).map_err(A::Error::custom)?,
                    None => return Ok(()),
                }
            }
            return pass_over_elements(&mut list);
        };
        for index in 0.. {
            let wanted = match step {
                Step::Name(_) => false,
                Step::Index(wanted) => index == *wanted,
                Step::Every => true,
            };
            let more = if wanted {
                list.next_element_seed(At { walk: &mut *walk, steps: rest })?.is_some()
            } else {
                list.next_element::<IgnoredAny>()?.is_some()
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'t>>(self, mut object: A) -> Result<(), A::Error> {
        let Self { walk, steps } = self;
        let Some((step, rest)) = steps.split_first() else {
            return walk_members(walk, object);
        };
        let mut met = false;
        while let Some(wanted) = object.next_key_seed(Is(step))? {
            if !wanted {
                object.next_value::<IgnoredAny>()?;
                continue;
            }
            if let (true, Step::Name(name)) = (met, step) {
                walk.walked.twice = Some(name.clone());
            }
            met = true;
            object.next_value_seed(At { walk: &mut *walk, steps: rest })?;
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.scalar();
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.scalar();
        Ok(())
    }
}

/// An object at the end: `[*]` leads to what its members are.
fn walk_members<'t, A: MapAccess<'t>>(walk: &mut Walk<'_, 't>, mut object: A) -> Result<(), A::Error> {
    walk.whole |= !walk.within;
    let mut empty = true;
    while let Some(name) = object.next_key::<Cow<'t, str>>()? {
        // A number of any digits comes as an object of this one name.
        if name == NUMBER {
            object.next_value::<IgnoredAny>()?;
            return Ok(());
        }
        empty = false;
        walk.walked.found |= walk.within;
        if walk.whole || walk.full {
            object.next_value::<IgnoredAny>()?;
        } else {
            let member = object.next_value::<&'t RawValue>()?;
            walk.hand_out_element(member.get()).map_err(A::Error::custom)?;
        }
    }
    // An object without members is there as well.
    walk.walked.found |= walk.within && empty;
    Ok(())
}

fn pass_over_elements<'t, A: SeqAccess<'t>>(list: &mut A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Whether a member's name is the one of a step.
struct Is<'s>(&'s Step);

impl<'t> DeserializeSeed<'t> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(match self.0 {
            Step::Name(wanted) => wanted == name,
            Step::Index(_) => false,
            Step::Every => true,
        })
    }
}
