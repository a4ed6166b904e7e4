//! The host's own questions to the store, by the component's way out.

use super::Gate;
use ::http::header::{ACCEPT, USER_AGENT};
use ::http::{HeaderValue, Request, Response, StatusCode, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use std::time::Duration;
use wasmtime_wasi_http::RequestOptions;

/// Answers to such questions are short, and nothing waits for them.
const MAX_BODY: usize = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(30);

impl Gate {
    /// Asks for what stands below the store's path, once. None: no good answer came.
    pub(crate) async fn ask(&self, target: &str, user_agent: &str) -> Option<Response<Bytes>> {
        let door = self.door.as_ref()?;
        let path = format!("{}{target}", door.prefix);
        let uri = Uri::builder().scheme(door.scheme.clone()).authority(door.authority.as_str()).path_and_query(path);
        let mut request = Request::new(());
        *request.uri_mut() = uri.build().ok()?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_str(user_agent).ok()?);
        let sending = self.send(&request, RequestOptions::default()).ok()?;
        let answering = async {
            let (answer, _) = sending.answer().await.ok()?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, MAX_BODY).collect().await.ok()?.to_bytes();
            Some(Response::from_parts(parts, body))
        };
        let answer = tokio::time::timeout(TIMEOUT, answering).await.ok()??;
        (answer.status() == StatusCode::OK).then_some(answer)
    }
}
