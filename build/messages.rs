//! Reads every `src/**/{ko,en}.ftl` and writes one Rust function for each message. Both languages must define the same
//! messages with the same variables, so a template or handler that compiles has its text in Korean and in English.
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
