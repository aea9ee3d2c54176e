//! A renderer of every type of code.

use crate::code::{CodeType, Renderer};

/// A reservation's id with everything that XML escapes.
pub(super) const HEAD_ID: &str = "<a&\"b'>";

/// The query of the samples' links: what CSV quotes and XML escapes.
pub(super) const SUFFIX: &str = "?lot=A,1&who='me'";

/// A renderer and what it is.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) code_type: CodeType,
    pub(super) renderer: Renderer,
}

/// One sample of every type, and of what a type may lack.
pub(super) fn all() -> Vec<Sample> {
    vec![
        Sample {
            name: "sgtin",
            code_type: CodeType::Sgtin,
            renderer: Renderer::sample(CodeType::Sgtin, SUFFIX),
        },
        Sample {
            name: "sscc",
            code_type: CodeType::Sscc,
            renderer: Renderer::sample(CodeType::Sscc, ""),
        },
        Sample {
            name: "short code",
            code_type: CodeType::ShortCode,
            renderer: Renderer::sample(CodeType::ShortCode, ""),
        },
    ]
}
