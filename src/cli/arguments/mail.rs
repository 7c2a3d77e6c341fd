//! The arguments of `tenantry mail`.

use clap::{Subcommand, ValueEnum};

#[derive(Subcommand)]
pub(in crate::cli) enum MailCommand {
    /// List the letters, with the variables of their templates
    ///
    /// An app has templates of its own in mail/: NAME.subject, NAME.txt, and NAME.html where the HTML is not to follow from
    /// the text; layout.txt and layout.html are around all of them. Every template may also show product, url and console.
    #[command(after_help = "Example:\n  tenantry mail list --app shop")]
    List,
    /// Print a letter with made-up data
    #[command(after_help = "Examples:\n  tenantry mail preview invitation\n  \
                            tenantry mail preview invoice_final --app shop --part html > letter.html")]
    Preview {
        /// The letter
        name: String,
        /// What of it
        #[arg(long, value_enum, default_value_t = Part::Text)]
        part: Part,
    },
}

/// A part of a letter.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Part {
    /// Subject and text
    Text,
    /// The page
    Html,
}
