//! `admin profile preview`: the file that a profile makes of sample codes.

use std::path::PathBuf;

use clap::Args;
use common::{
    code::{
        CharacterSet, CodeRequest, CodeType, PoolSpec, RenderOptions, Renderer, Secret, SerialDefaults, product_path,
    },
    export::{
        Cursor, ExportFile, FileHead, Form, PartPolicy,
        profile::{Particulars, Profile},
    },
    reservation::{ProfileName, Values},
};
use serde::Serialize;

use super::file;
use crate::{
    failure::Failure,
    output::{Output, plain},
};

/// What to preview.
#[derive(Args, Debug)]
pub struct Given {
    /// The profile, as YAML (.yaml, .yml) or JSON (.json), or the name of a built-in one
    file: PathBuf,
    /// The type of the sample codes
    #[arg(long = "type", value_name = "CODE_TYPE", default_value = "sgtin")]
    code_type: CodeType,
    /// The character set of the serials [default: that of a new deployment]
    #[arg(long, value_name = "SET")]
    character_set: Option<CharacterSet>,
    /// Characters of the serials [default: that of a new deployment]
    #[arg(long, value_name = "N")]
    length: Option<u8>,
    /// The product: its key path (/01/09506000134352), or its digits alone [default: a sample]
    #[arg(long, value_name = "PRODUCT")]
    product: Option<String>,
    /// The GS1 Company Prefix of the organisation, with which its products begin
    #[arg(long, value_name = "DIGITS", default_value = PREFIX)]
    company_prefix: String,
    /// How many codes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    rows: u64,
    /// Write the bytes of the file as they are, without escaping what controls a terminal
    #[arg(long)]
    raw: bool,
}

/// The file.
#[derive(Debug, Serialize)]
struct Preview {
    name: String,
    extension: String,
    media_type: String,
    bytes: usize,
    /// Its text. Bytes that are not UTF-8 are decoded by the profile's encoding. Of a sheet, what its labels show.
    text: String,
}

/// Sample keys with the company prefix that GS1 keeps for examples.
const PREFIX: &str = "9506000";

fn sample_product(code_type: CodeType) -> Option<&'static str> {
    match code_type {
        CodeType::Sgtin => Some("/01/09506000134352"),
        CodeType::Grai => Some("/8003/09506000123455"),
        CodeType::Gdti => Some("/253/9506000654324"),
        CodeType::Itip => Some("/8006/095060001343520102"),
        CodeType::Cpi => Some("/8010/9506000AB#-12"),
        CodeType::Sgcn => Some("/255/9506000777771"),
        CodeType::Sscc | CodeType::Giai | CodeType::Gsrn | CodeType::ShortCode => None,
    }
}

/// Shows the file.
///
/// # Errors
/// [`Failure::WrongUse`] for a file with mistakes; [`Failure::Refused`] when codes of the type cannot be shown.
pub(super) fn run(given: &Given, output: &mut Output<'_>) -> Result<(), Failure> {
    let named = given.file.to_str().and_then(ProfileName::parse).and_then(common::export::profile::built_in);
    let profile = match named {
        Some(profile) => profile.clone(),
        None => file::read(&given.file)?,
    };
    let (bytes, labels) = render(&profile, given)?;
    if given.raw {
        return output.raw(&bytes);
    }
    let preview = Preview {
        name: profile.name.to_string(),
        extension: profile.extension.clone(),
        media_type: profile.content_type(),
        bytes: bytes.len(),
        text: labels.unwrap_or_else(|| profile.encoding.decode(&bytes)),
    };
    output.show(&preview, |preview| {
        let lines: Vec<String> = preview.text.split('\n').map(|line| plain(line.trim_end_matches('\r'))).collect();
        lines.join("\n")
    })
}

/// The file, and the labels of a sheet.
fn render(profile: &Profile, given: &Given) -> Result<(Vec<u8>, Option<String>), Failure> {
    let refused = |error: &dyn std::fmt::Display| Failure::Refused(error.to_string());
    let Given { code_type, character_set, length, rows, .. } = *given;
    let company_prefix = Some(given.company_prefix.as_str());
    if given.product.is_some() && !code_type.needs_product() {
        return Err(refused(&format!("Codes of type {code_type} have no product; leave --product out.")));
    }
    let product = given.product.as_deref().map(|product| product_path(code_type, product));
    let product = product.as_deref().or(sample_product(code_type));
    let request = CodeRequest { code_type, product, company_prefix, length, character_set };
    let spec = PoolSpec::resolve(&request, &SerialDefaults::default(), true).map_err(|error| refused(&error))?;
    // Sample codes: nobody is issued one of them.
    let secret = Secret::new(&[b'p'; 32]).map_err(|error| refused(&error))?;
    let options = RenderOptions {
        company_prefix: company_prefix.map(str::to_owned),
        short_code_domain: Some("https://s.example".to_owned()),
        ..RenderOptions::default()
    };
    let renderer =
        Renderer::new(&spec, &secret.pool_key(&spec.namespace), &options).map_err(|error| refused(&error))?;
    let values = Values {
        reference_id: Some("BATCH-2026-001".to_owned()),
        purchase_order: Some("PO-4711".to_owned()),
        organisation_name: Some("Example Ltd".to_owned()),
        reserved_at: Some("2026-01-31T12:00:00.000Z".to_owned()),
    };
    let head = FileHead { reservation: "0190a6b0-1f7a-7000-8000-000000000001", code_type };
    let particulars = Particulars { namespace: &spec.namespace, company_prefix, values: &values };
    profile.check(&renderer, &head, &particulars, rows).map_err(|fault| refused(&fault))?;
    let form = Form::Profile(profile, particulars);
    let file = ExportFile::compile(form, false, renderer, 0, rows, &head, &PartPolicy::default())
        .map_err(|error| refused(&error))?;
    let (mut bytes, mut at) = (Vec::new(), Cursor::START);
    while !file.is_done(at) {
        at = file.write_part(at, &mut bytes).map_err(|error| refused(&error))?;
    }
    let labels = file.labels().map_err(|error| refused(&error))?;
    Ok((bytes, labels))
}
