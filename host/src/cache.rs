//! The folder of compiled components.

use crate::files;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use wasmtime::{Cache, CacheConfig, Error};

/// Where compiled components are kept.
#[derive(Clone)]
pub(crate) enum Place {
    /// In the user's cache folder.
    Users,
    Folder(PathBuf),
}

impl Place {
    /// Opens the cache, but only if nobody except this user can write to it: cached code is executed without another check.
    pub(crate) fn open(&self) -> wasmtime::Result<Cache> {
        let folder: Cow<'_, Path> = match self {
            // wasmtime only accepts absolute paths.
            Place::Folder(folder) => std::path::absolute(folder)?.into(),
            Place::Users => {
                let folders = directories_next::ProjectDirs::from("", "", "tap-bigcommerce");
                folders.ok_or_else(|| Error::msg("this user has no home folder"))?.cache_dir().to_owned().into()
            }
        };
        files::make_folder(&folder)?;
        if !files::is_own(&folder)? {
            let text = format!("others than its owner can write to {}, or it is another user's", folder.display());
            return Err(Error::msg(text));
        }
        let mut config = CacheConfig::new();
        config.with_directory(folder);
        Cache::new(config)
    }
}
