//! Closed lists of words, each an enum with its words: the one place where each word of the list stands.

/// An enum of keywords, each variant with its word.
#[macro_export]
macro_rules! keywords {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_meta])* #[doc = concat!("`", $word, "`")] $variant,)* }

        impl $name {
            /// Its words, all of them.
            #[allow(dead_code, reason = "not each list is offered")]
            pub const WORDS: &[&str] = &[$($word),*];

            /// The one of that word.
            #[must_use]
            pub fn of_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }

            /// Its word.
            #[must_use]
            #[allow(dead_code, reason = "not each list is shown")]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}
