//! Bundles and hashes `static/`: one stylesheet (the vendored sheet in its own layer under ours), one script, and every
//! other file as it is. Text is compressed once, here, so that serving it costs nothing.
use sha2::{Digest, Sha256};
use std::{fmt::Write, fs, path::Path};

/// Order matters: a later layer wins over an earlier one.
const LAYERS: &str = "@layer vendor, tokens, base, layout, components, pages, utilities, print;\n";
const STYLES: [&str; 7] = ["tokens", "base", "layout", "components", "pages", "utilities", "print"];

struct Asset {
    name: String,
    mime: &'static str,
    body: Vec<u8>,
}

pub fn generate(out: &Path) {
    println!("cargo:rerun-if-changed=static");
    let fonts = ["countersign-sans-latin.woff2", "countersign-sans-hangul.woff2"].map(|f| file(&format!("fonts/{f}"), "font/woff2"));
    let mut assets = vec![
        file("icons.svg", "image/svg+xml"),
        file("favicon.svg", "image/svg+xml"),
        file("js/theme.js", "text/javascript"),
        bundle("app.js", "text/javascript", &["vendor/htmx.js", "js/app.js"]),
        stylesheet(&fonts),
    ];
    assets.extend(fonts);
    let folder = out.join("assets");
    fs::create_dir_all(&folder).expect("create the asset folder");
    let mut table = String::from("pub const ALL: &[Asset] = &[\n");
    let mut names = String::new();
    for asset in &assets {
        let url = hashed(asset);
        fs::write(folder.join(&url), &asset.body).expect("write an asset");
        let compressible = asset.mime != "font/woff2";
        let packed = if compressible {
            fs::write(folder.join(format!("{url}.br")), brotli(&asset.body)).expect("write an asset");
            format!("Some(include_bytes!(concat!(env!(\"OUT_DIR\"), \"/assets/{url}.br\")))")
        } else {
            "None".to_owned()
        };
        writeln!(table, "    Asset {{ url: \"/static/{url}\", mime: \"{}\", plain: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/assets/{url}\")), brotli: {packed} }},", asset.mime).unwrap();
        let constant = asset.name.replace(['.', '-', '/'], "_").to_uppercase();
        writeln!(names, "pub const {constant}: &str = \"/static/{url}\";").unwrap();
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table + &names).expect("write assets.rs");
}

fn file(path: &str, mime: &'static str) -> Asset {
    let body = fs::read(format!("static/{path}")).unwrap_or_else(|e| panic!("static/{path}: {e}"));
    let name = path.rsplit('/').next().expect("a path has a name").to_owned();
    Asset { name, mime, body }
}

fn bundle(name: &str, mime: &'static str, parts: &[&str]) -> Asset {
    let body = parts.iter().flat_map(|p| [file(p, mime).body, b"\n".to_vec()]).flatten().collect();
    Asset { name: name.into(), mime, body }
}

fn stylesheet(fonts: &[Asset]) -> Asset {
    let mut css = String::from(LAYERS);
    let text = |path: &str| String::from_utf8(file(path, "text/css").body).expect("stylesheets are UTF-8");
    writeln!(css, "@layer vendor {{\n{}\n}}", text("vendor/basecoat.css")).unwrap();
    for style in STYLES {
        writeln!(css, "@layer {style} {{\n{}\n}}", text(&format!("css/{style}.css"))).unwrap();
    }
    for font in fonts {
        css = css.replace(&format!("/static/fonts/{}", font.name), &format!("/static/{}", hashed(font)));
    }
    Asset { name: "app.css".into(), mime: "text/css", body: css.into_bytes() }
}

/// `app.css` → `app.3f2a9c81d0.css`: the name changes with the content, so browsers may keep it for ever.
fn hashed(asset: &Asset) -> String {
    let digest = Sha256::digest(&asset.body).iter().take(5).fold(String::new(), |s, b| s + &format!("{b:02x}"));
    let (stem, extension) = asset.name.rsplit_once('.').expect("an asset has an extension");
    format!("{stem}.{digest}.{extension}")
}

fn brotli(body: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    brotli::BrotliCompress(&mut &body[..], &mut packed, &parameters).expect("compress in memory");
    packed
}
