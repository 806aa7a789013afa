//! Turns the message files, the help texts and the static files into code, so that a misspelt message or a missing file fails the build.

fn main() {
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    messages::generate(&out);
    help::generate(&out);
    assets::generate(&out);
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=migrations");
}

/// Reads every `src/**/{ko,en}.ftl` and writes one Rust function for each message. Both languages must define the same
/// messages with the same variables, so a template or handler that compiles has its text in Korean and in English.
mod messages {
    use fluent_syntax::{ast, parser};
    use std::{
        collections::{BTreeMap, BTreeSet},
        fmt::Write,
        fs,
        path::{Path, PathBuf},
    };

    /// Message id → the variables it uses.
    type Catalogue = BTreeMap<String, BTreeSet<String>>;

    pub fn generate(out: &Path) {
        println!("cargo:rerun-if-changed=src");
        let (ko_text, ko) = read_language("ko");
        let (en_text, en) = read_language("en");
        compare(&ko, &en);
        fs::write(out.join("ko.ftl"), ko_text).expect("write ko.ftl");
        fs::write(out.join("en.ftl"), en_text).expect("write en.ftl");
        fs::write(out.join("messages.rs"), functions(&en)).expect("write messages.rs");
    }

    fn read_language(language: &str) -> (String, Catalogue) {
        let mut files = Vec::new();
        collect(Path::new("src"), &format!("{language}.ftl"), &mut files);
        files.sort();
        let (mut text, mut catalogue) = (String::new(), Catalogue::new());
        for file in files {
            let source = fs::read_to_string(&file).expect("read a message file");
            let resource = parser::parse(source.as_str()).unwrap_or_else(|(_, errors)| panic!("{}: {errors:?}", file.display()));
            for entry in &resource.body {
                if let ast::Entry::Message(message) = entry {
                    let mut variables = BTreeSet::new();
                    message.value.iter().for_each(|p| pattern_variables(p, &mut variables));
                    let id = message.id.name.to_owned();
                    if catalogue.insert(id.clone(), variables).is_some() {
                        panic!("{}: message {id} is defined twice", file.display());
                    }
                }
            }
            text.push_str(&source);
            text.push('\n');
        }
        (text, catalogue)
    }

    fn collect(folder: &Path, name: &str, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("read src").flatten() {
            let path = entry.path();
            if path.is_dir() {
                collect(&path, name, files);
            } else if path.file_name().is_some_and(|f| f == name) {
                files.push(path);
            }
        }
    }

    fn pattern_variables(pattern: &ast::Pattern<&str>, found: &mut BTreeSet<String>) {
        for element in &pattern.elements {
            if let ast::PatternElement::Placeable { expression } = element {
                expression_variables(expression, found);
            }
        }
    }

    fn expression_variables(expression: &ast::Expression<&str>, found: &mut BTreeSet<String>) {
        match expression {
            ast::Expression::Inline(inline) => inline_variables(inline, found),
            ast::Expression::Select { selector, variants } => {
                inline_variables(selector, found);
                variants.iter().for_each(|v| pattern_variables(&v.value, found));
            }
        }
    }

    fn inline_variables(inline: &ast::InlineExpression<&str>, found: &mut BTreeSet<String>) {
        match inline {
            ast::InlineExpression::VariableReference { id } => {
                found.insert(id.name.to_owned());
            }
            ast::InlineExpression::FunctionReference { arguments, .. } => {
                arguments.positional.iter().for_each(|a| inline_variables(a, found));
            }
            ast::InlineExpression::Placeable { expression } => expression_variables(expression, found),
            _ => {}
        }
    }

    fn compare(ko: &Catalogue, en: &Catalogue) {
        let mut problems = String::new();
        for id in ko.keys().chain(en.keys()).collect::<BTreeSet<_>>() {
            match (ko.get(id), en.get(id)) {
                (Some(_), None) => writeln!(problems, "{id}: missing in English").unwrap(),
                (None, Some(_)) => writeln!(problems, "{id}: missing in Korean").unwrap(),
                (Some(k), Some(e)) if k != e => {
                    writeln!(problems, "{id}: variables differ: ko {k:?}, en {e:?}").unwrap();
                }
                _ => {}
            }
        }
        assert!(problems.is_empty(), "the two languages differ:\n{problems}");
    }

    fn functions(catalogue: &Catalogue) -> String {
        let (mut free, mut methods) = (String::new(), String::new());
        for (id, variables) in catalogue {
            let name = id.replace('-', "_").to_lowercase();
            let parameters = variables.iter().map(|v| format!("{}: impl IntoArg", v.to_lowercase())).collect::<Vec<_>>().join(", ");
            let arguments = variables.iter().map(|v| v.to_lowercase()).collect::<Vec<_>>().join(", ");
            let pairs = variables.iter().map(|v| format!("(\"{v}\", {}.arg())", v.to_lowercase())).collect::<Vec<_>>().join(", ");
            writeln!(free, "pub fn {name}({parameters}) -> Text {{ Text::new(\"{id}\", vec![{pairs}]) }}").unwrap();
            let comma = if parameters.is_empty() { "" } else { ", " };
            writeln!(methods, "    pub fn {name}(self{comma}{parameters}) -> String {{ self.say(&{name}({arguments})) }}").unwrap();
        }
        let ids = catalogue.keys().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ");
        format!("{free}\nimpl Lang {{\n{methods}}}\n\n/// Every message id, in order.\npub const IDS: &[&str] = &[{ids}];\n")
    }
}

/// Renders `docs/help/<topic>.<ko|en>.md` to HTML. Both languages have the same headings in the same order, and the English
/// ones give both their ids: a link to a section still leads there after the language was changed.
mod help {
    use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Parser, Tag, TagEnd, html};
    use std::{fmt::Write, fs, path::Path};

    /// In the order in which they are read.
    const TOPICS: [&str; 13] = [
        "start",
        "inbox",
        "requests",
        "deciding",
        "policy",
        "customers",
        "onboarding",
        "catalog",
        "addons",
        "ledger",
        "access",
        "keyboard",
        "api",
    ];

    struct Text {
        title: String,
        lead: String,
        /// Level and id of each heading below the title.
        headings: Vec<(HeadingLevel, String)>,
        html: String,
    }

    pub fn generate(out: &Path) {
        println!("cargo:rerun-if-changed=docs/help");
        for entry in fs::read_dir("docs/help").expect("read docs/help").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let known = TOPICS.iter().any(|topic| ["ko", "en"].iter().any(|lang| name == format!("{topic}.{lang}.md")));
            assert!(known, "docs/help/{name} belongs to no topic of build.rs");
        }
        let mut table = String::from("pub const TOPICS: &[Topic] = &[\n");
        for topic in TOPICS {
            let en = read(topic, "en", None);
            let ko = read(topic, "ko", Some(&en));
            let said = |t: &Text| format!("Article {{ title: {:?}, lead: {:?}, html: {:?} }}", t.title, t.lead, t.html);
            writeln!(table, "    Topic {{ name: {topic:?}, ko: {}, en: {} }},", said(&ko), said(&en)).unwrap();
        }
        table.push_str("];\n");
        fs::write(out.join("help.rs"), table).expect("write help.rs");
    }

    fn read(topic: &str, language: &str, english: Option<&Text>) -> Text {
        let path = format!("docs/help/{topic}.{language}.md");
        let source = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        // plain CommonMark: no tables, whose columns would be aligned by inline styles
        let events: Vec<Event> = Parser::new(&source).collect();
        let (title, body) =
            cut(&events, |tag| matches!(tag, TagEnd::Heading(HeadingLevel::H1))).unwrap_or_else(|| panic!("{path}: no title"));
        let lead = cut(body, |tag| *tag == TagEnd::Paragraph).map(|(lead, _)| lead).unwrap_or_default();
        let lead = lead.split_inclusive(". ").next().unwrap_or_default().trim().to_owned();
        let mut text = Text { title, lead, headings: Vec::new(), html: String::new() };
        let mut shown = Vec::new();
        for (at, event) in body.iter().enumerate() {
            shown.push(match event {
                Event::Html(html) | Event::InlineHtml(html) => panic!("{path}: HTML is not for help texts: {html}"),
                Event::Start(Tag::Link { dest_url, .. }) if !dest_url.starts_with('/') => panic!("{path}: {dest_url} leads elsewhere"),
                Event::Start(Tag::Image { .. }) => panic!("{path}: images are not for help texts"),
                Event::Start(Tag::Heading { level, .. }) => {
                    let (own, _) = cut(&body[at..], |tag| matches!(tag, TagEnd::Heading(_))).expect("a heading ends");
                    let id = match english {
                        Some(english) => english.headings.get(text.headings.len()).filter(|(l, _)| l == level).map(|(_, id)| id.clone()),
                        None => Some(slug(&own)),
                    };
                    let id = id.unwrap_or_else(|| panic!("{path}: “{own}” has no counterpart in English"));
                    text.headings.push((*level, id.clone()));
                    Event::Start(Tag::Heading { level: *level, id: Some(id.into()), classes: Vec::new(), attrs: Vec::new() })
                }
                // what scrolls can be reached by keyboard
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented)) => {
                    Event::Html(CowStr::from("<pre tabindex=\"0\"><code>"))
                }
                Event::End(TagEnd::CodeBlock) => Event::Html(CowStr::from("</code></pre>\n")),
                other => other.clone(),
            });
        }
        html::push_html(&mut text.html, shown.into_iter());
        let expected = english.map_or(text.headings.len(), |english| english.headings.len());
        assert_eq!(text.headings.len(), expected, "{path}: not as many headings as in English");
        text
    }

    /// The text up to the first such end, and what comes after it.
    fn cut<'e, 's>(events: &'e [Event<'s>], ends: impl Fn(&TagEnd) -> bool) -> Option<(String, &'e [Event<'s>])> {
        let end = events.iter().position(|event| matches!(event, Event::End(tag) if ends(tag)))?;
        let words = events[..end].iter().map(|event| match event {
            Event::Text(text) | Event::Code(text) => text,
            Event::SoftBreak => " ",
            _ => "",
        });
        Some((words.collect(), &events[end + 1..]))
    }

    /// `Conflicts (409)` → `conflicts-409`.
    fn slug(text: &str) -> String {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
    }
}

/// Bundles and hashes `static/`: one stylesheet (the vendored sheet in its own layer under ours), one script, and every
/// other file as it is. Text is compressed once, here, so that serving it costs nothing.
mod assets {
    use sha2::{Digest, Sha256};
    use std::{fmt::Write, fs, path::Path};

    /// Each is a layer of its own, and a later one wins over an earlier one.
    const STYLES: [&str; 11] =
        ["tokens", "base", "layout", "components", "lists", "overlays", "charts", "diff", "pages", "utilities", "print"];
    /// One closure around all, so that they share what `base` defines and the page sees none of it.
    const SCRIPTS: [&str; 14] = [
        "base",
        "times",
        "live",
        "preferences",
        "session",
        "drafts",
        "forms",
        "lookup",
        "buttons",
        "lists",
        "palette",
        "keys",
        "upload",
        "export",
    ];

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
            file("verify.py", "text/x-python; charset=utf-8"),
            script(),
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

    fn text(path: &str) -> String {
        String::from_utf8(file(path, "").body).unwrap_or_else(|_| panic!("static/{path} is not UTF-8"))
    }

    fn script() -> Asset {
        let own = SCRIPTS.map(|name| text(&format!("js/{name}.js"))).join("\n");
        // comments are for whoever reads the sources
        let own: String = own.lines().map(str::trim).filter(|line| !line.starts_with("//")).flat_map(|line| [line, "\n"]).collect();
        let body = format!("{}\n(() => {{\n\"use strict\";\n{own}}})();\n", text("vendor/htmx.js"));
        Asset { name: "app.js".into(), mime: "text/javascript", body: body.into_bytes() }
    }

    fn stylesheet(fonts: &[Asset]) -> Asset {
        let mut css = format!("@layer vendor, {};\n", STYLES.join(", "));
        writeln!(css, "@layer vendor {{\n{}\n}}", text("vendor/basecoat.css")).unwrap();
        for style in STYLES {
            writeln!(css, "@layer {style}{{{}}}", terse(&text(&format!("css/{style}.css")))).unwrap();
        }
        for font in fonts {
            css = css.replace(&format!("/static/fonts/{}", font.name), &format!("/static/{}", hashed(font)));
        }
        Asset { name: "app.css".into(), mime: "text/css", body: css.into_bytes() }
    }

    /// Takes out what only people read: comments, indentation, spaces around punctuation. Strings stay as they are.
    fn terse(css: &str) -> String {
        let code: String =
            css.split("/*").enumerate().map(|(i, s)| if i == 0 { s } else { s.split_once("*/").expect("a comment ends").1 }).collect();
        let squeeze = |code: &str| {
            let mut code = code.split_whitespace().collect::<Vec<_>>().join(" ");
            for sign in ["{", "}", ";", ",", ">"] {
                code = code.replace(&format!(" {sign}"), sign).replace(&format!("{sign} "), sign);
            }
            code.replace(": ", ":").replace(";}", "}")
        };
        let parts = code.split('"').enumerate().map(|(i, part)| if i % 2 == 0 { squeeze(part) } else { part.to_owned() });
        parts.collect::<Vec<_>>().join("\"")
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
}
