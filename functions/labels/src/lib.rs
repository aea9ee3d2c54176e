//! `GET /items/unique_code/{id}/label.svg` and `label.png`: a code as a picture, with its human readable text.

mod parameters;

use common::{
    api::{Answer, ApiError, Call, Operation, serve},
    code::Code,
    context::Context,
    operations::unique_code,
    query::parse_query_string,
};
use lambda_http::{Body, Request, Response};
use parameters::Parameters;
use symbols::{Picture, Symbology};

/// Answers one request.
pub async fn handle(context: &Context, request: Request) -> Response<Body> {
    serve(context, request, answer).await
}

async fn answer(context: &Context, call: Call) -> Result<Answer, ApiError> {
    let operation = call.operation();
    if !matches!(operation, Some(Operation::GetLabelSvg | Operation::GetLabelPng)) {
        return Err(call.no_route());
    }
    // Parameters that are no use are refused before anything is read.
    let wanted = Parameters::read(&parse_query_string(&call.query)?)?;
    let code = unique_code::forms(context, call.session(), call.id().ok()).await?;
    let Parameters { symbol, module, quiet_zone, text } = wanted;
    let matrix = symbol.encode(data_of(&code, symbol)?).map_err(|error| ApiError::invalid_query(error.to_string()))?;
    let text = if text { text_of(&code) } else { "" };
    let quiet_zone = quiet_zone.unwrap_or(symbol.quiet_zone());
    let picture = Picture { matrix: &matrix, module, quiet_zone, text };
    Ok(if operation == Some(Operation::GetLabelPng) {
        Answer::Picture { content_type: "image/png", body: Body::Binary(picture.png()) }
    } else {
        Answer::Picture { content_type: "image/svg+xml", body: Body::Text(picture.svg()) }
    })
}

/// What the symbol carries: the data of a barcode, or the link; the code itself if it has no link, as in a `txt`
/// export.
///
/// # Errors
/// `INVALID_QUERY` if a short code is asked for as a GS1 symbol.
fn data_of(code: &Code, symbol: Symbology) -> Result<&str, ApiError> {
    if !symbol.is_gs1() {
        return Ok(if code.digital_link.is_empty() { &code.code } else { &code.digital_link });
    }
    if code.barcode_data.is_empty() {
        return Err(ApiError::invalid_query(format!(
            "A short code is no GS1 key, so \"symbol\" cannot be \"{symbol}\"; use \"qr\""
        )));
    }
    Ok(&code.barcode_data)
}

/// The human readable text: the element string with brackets, or the code itself.
fn text_of(code: &Code) -> &str {
    if code.element_string.is_empty() { &code.code } else { &code.element_string }
}
