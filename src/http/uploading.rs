//! An attachment on its way in: bytes as they come, written on a thread that may block, some at a time.

use std::sync::Arc;

use hyper::body::Bytes;

use super::app::App;
use super::call::Call;
use super::problem::Problem;
use crate::documents::{StoredAttachment, Upload, UploadOptions};

/// Bytes that are gathered before they are written.
const GATHERED_BYTES: usize = 256 << 10;

/// An upload of a request.
pub struct Uploading {
    app: Arc<App>,
    upload: Option<Upload>,
    gathered: Vec<u8>,
    received: u64,
}

impl Uploading {
    /// Begins one for the document `id`.
    pub async fn begin(call: &Call, id: String, options: UploadOptions) -> Result<Self, Problem> {
        let app = call.app.clone();
        let name = call.name("db").to_owned();
        if options
            .expected_length
            .is_some_and(|bytes| bytes > app.databases.limits().max_attachment_bytes)
        {
            return Err(too_large());
        }
        let begun = app.work({
            let app = app.clone();
            move || Ok::<_, Problem>(super::databases::open(&app, &name)?.upload(&id, options)?)
        });
        let upload = begun.await??;
        Ok(Self { app, upload: Some(upload), gathered: Vec::new(), received: 0 })
    }

    /// Takes the next bytes.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Problem> {
        self.received += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.received > self.app.databases.limits().max_attachment_bytes {
            return Err(too_large());
        }
        self.gathered.extend_from_slice(&bytes);
        if self.gathered.len() < GATHERED_BYTES {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.gathered);
        let Some(mut upload) = self.upload.take() else { return Ok(()) };
        let upload = self.app.work(move || upload.write(&bytes).map(|()| upload)).await??;
        self.upload = Some(upload);
        Ok(())
    }

    /// Ends it: what a document can take.
    pub async fn finish(self) -> Result<StoredAttachment, Problem> {
        let Self { app, upload, gathered, .. } = self;
        let mut upload = upload.ok_or_else(|| Problem::internal("an upload was lost"))?;
        let finish = app.work(move || {
            upload.write(&gathered)?;
            upload.finish()
        });
        Ok(finish.await??)
    }
}

fn too_large() -> Problem {
    Problem::new(413, "attachment_too_large", "the attachment is too large")
}
