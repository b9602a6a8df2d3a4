//! Takes the files of Swagger UI that `/docs` serves out of the archive of the crate that carries it: nothing is
//! downloaded, neither while building nor while serving.

use std::{
    borrow::Cow,
    env,
    error::Error,
    fs,
    io::{Cursor, Read as _},
    path::PathBuf,
};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// The rest of the archive are sources, maps and other builds of the same.
const FILES: [&str; 5] =
    ["swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png", "oauth2-redirect.html", "oauth2-redirect.js"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo gives no OUT_DIR")?);
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for name in FILES {
        let suffix = format!("/dist/{name}");
        let path = archive.file_names().flatten().find(|path| path.ends_with(&suffix));
        let path = path.map(Cow::into_owned).ok_or_else(|| format!("the archive has no {name}"))?;
        let mut bytes = Vec::new();
        archive.by_name(&path)?.read_to_end(&mut bytes)?;
        fs::write(out.join(name), bytes)?;
    }
    Ok(())
}
