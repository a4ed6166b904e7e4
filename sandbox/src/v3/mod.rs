//! Version 3: `{data, meta}`, ISO 8601 dates, the filter grammar with colons.

mod customers;
mod nested;
mod products;

use serde_json::{Map, Value};

use crate::answer::{Context, Segments};
use crate::http::Response;
use crate::paging::Page;
use crate::refusal::Refusal;

pub(crate) fn route(context: &Context<'_>, path: &Segments<'_>) -> Result<Response, Refusal> {
    match path {
        ["customers"] => customers::list(context),
        ["customers", "addresses"] => nested::addresses(context),
        ["customers", "attribute-values"] => nested::attribute_values(context),
        ["customers", "form-field-values"] => nested::form_field_values(context),
        ["catalog", "products"] => products::list(context),
        ["catalog", "products", id] => products::one(context, id.parse().map_err(|_| Refusal::not_found())?),
        ["catalog", "variants"] => nested::variants(context),
        _ => Err(Refusal::not_found()),
    }
}

fn page(context: &Context<'_>) -> Result<Page, Refusal> {
    Page::v3(&context.query, context.store.options.caps.v3_limit, &context.store.quirks)
}

fn body(data: impl Into<Value>, meta: Map<String, Value>) -> Response {
    Response::json(200, &Value::from(object! { "data": data.into(), "meta": meta }))
}

/// The names in `include`, each of which must be one of `known`.
fn includes<'a>(context: &'a Context<'_>, known: &[&str]) -> Result<Vec<&'a str>, Refusal> {
    let include = context.query.list("include");
    match include.iter().find(|name| !known.contains(name)) {
        Some(unknown) => Err(Refusal::parameter("include", &format!("{unknown} cannot be included"))),
        None => Ok(include),
    }
}

/// Applies `include_fields` and `exclude_fields`; `always` stays whatever they say (common query parameters reference).
fn trim(context: &Context<'_>, fields: &mut Map<String, Value>, always: &[&str]) {
    if context.query.get("include_fields").is_some() {
        let wanted = context.query.list("include_fields");
        fields.retain(|name, _| wanted.contains(&name.as_str()) || always.contains(&name.as_str()));
    }
    let unwanted = context.query.list("exclude_fields");
    fields.retain(|name, _| !unwanted.contains(&name.as_str()) || always.contains(&name.as_str()));
}
