//! Closed lists of words, each an enum with its words.

/// An enum of keywords, each variant with its word.
#[macro_export]
macro_rules! keywords {
    ($(#[$meta:meta])* $name:ident { $($variant:ident $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $(#[doc = concat!("`", $word, "`")] $variant,)* }

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
            #[allow(dead_code, reason = "not each list is told back")]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}
