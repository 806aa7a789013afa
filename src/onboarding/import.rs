//! Many tenants from one CSV: read in whatever encoding a Korean spreadsheet writes, looked at row by row, and then written down row by
//! row. Each row is a transaction of its own: it is there with all its parts, or nothing of it is.
use super::{
    begin::{NewSold, checked, is_on_the_shelf, owner_of, sold_json, write_down},
    store,
};
use crate::{
    app::App,
    auth::{OnboardingWork, Operator},
    error::{Error, Problem},
    i18n::{Text, msg},
    tenants::{self, NewTenant},
};
use encoding_rs::{EUC_KR, Encoding, UTF_8};
use std::collections::HashMap;

/// Of the file, in bytes and in rows.
pub const LIMIT: usize = 512 * 1024;
pub const LIMIT_TEXT: &str = "512 KiB";
pub const MOST_ROWS: usize = 1_000;

/// The columns, by our name and by what a Korean spreadsheet calls them.
pub const COLUMNS: [(&str, &str); 12] = [
    ("biz_reg_no", "사업자등록번호"),
    ("company", "상호"),
    ("slug", "주소이름"),
    ("region", "지역"),
    ("time_zone", "시간대"),
    ("plan", "요금제"),
    ("ai_services", "AI서비스"),
    ("contract_number", "계약번호"),
    ("expected_amount", "결제금액"),
    ("contact_name", "담당자"),
    ("contact_email", "이메일"),
    ("note", "메모"),
];
/// Those without which nobody can be onboarded.
const REQUIRED: [&str; 8] =
    ["biz_reg_no", "company", "slug", "plan", "contract_number", "expected_amount", "contact_name", "contact_email"];

/// What became of one row, or would.
pub struct Row {
    /// As a spreadsheet counts them: the head is line 1.
    pub line: u64,
    pub company: String,
    pub slug: String,
    /// What is wrong with it; nothing: it was, or would be, written down.
    pub problems: Vec<Problem>,
    /// The onboarding, once it is there.
    pub id: Option<i64>,
}

/// A file as it was read.
pub struct Report {
    pub rows: Vec<Row>,
    /// `UTF-8`, `EUC-KR` (as CP949), `UTF-16LE` or `UTF-16BE`.
    pub encoding: &'static str,
}

impl Report {
    pub fn accepted(&self) -> usize {
        self.rows.iter().filter(|row| row.problems.is_empty()).count()
    }

    pub fn refused(&self) -> usize {
        self.rows.len() - self.accepted()
    }
}

/// The file's text: by its byte order mark, as UTF-8 if it is that, and otherwise as what Korean spreadsheets write (CP949).
pub fn decode(bytes: &[u8]) -> Result<(String, &'static str), Text> {
    if bytes.len() > LIMIT {
        return Err(msg::import_too_large(LIMIT_TEXT));
    }
    let encoding = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None if Encoding::utf8_valid_up_to(bytes) == bytes.len() => UTF_8,
        None => EUC_KR,
    };
    let (text, _, broken) = encoding.decode(bytes);
    if broken || text.contains('\0') {
        return Err(msg::import_unreadable());
    }
    Ok((text.into_owned(), encoding.name()))
}

/// A row's cells by the names of their columns.
type Cells = HashMap<&'static str, String>;

/// The rows of a text, each with its line; or what is wrong with all of it.
fn read(text: &str) -> Result<Vec<(u64, Cells)>, Text> {
    // a line's number is that of its own beginning, and not of the break before it
    let text = text.replace("\r\n", "\n");
    // Excel in Korean writes commas, other programs semicolons or tabs
    let head = text.lines().next().unwrap_or_default();
    let delimiter = [b',', b'\t', b';'].into_iter().max_by_key(|d| head.bytes().filter(|b| b == d).count()).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let names: Vec<Option<&'static str>> = reader.headers().map_err(|_| msg::import_unreadable())?.iter().map(column).collect();
    let missing: Vec<_> = REQUIRED.into_iter().filter(|name| !names.contains(&Some(name))).collect();
    if !missing.is_empty() {
        return Err(msg::import_columns_missing(missing.join(", ")));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|_| msg::import_unreadable())?;
        if record.iter().all(str::is_empty) {
            continue;
        }
        if rows.len() == MOST_ROWS {
            return Err(msg::import_too_many(MOST_ROWS));
        }
        let line = record.position().map_or(0, csv::Position::line);
        let cells = names.iter().zip(record.iter()).filter_map(|(name, cell)| Some(((*name)?, unguarded(cell))));
        rows.push((line, cells.collect()));
    }
    if rows.is_empty() { Err(msg::import_empty()) } else { Ok(rows) }
}

fn column(head: &str) -> Option<&'static str> {
    let head: String =
        head.trim_start_matches('\u{feff}').chars().filter(|c| !c.is_whitespace() && *c != '_').collect::<String>().to_lowercase();
    COLUMNS.into_iter().find(|(name, korean)| head == name.replace('_', "") || head == korean.to_lowercase()).map(|(name, _)| name)
}

/// Our own exports put an apostrophe before what a spreadsheet would take for a formula; coming back, it goes again.
fn unguarded(cell: &str) -> String {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest.to_owned(),
        _ => cell.to_owned(),
    }
}

fn parts(cells: &Cells) -> (NewTenant, NewSold) {
    let of = |name: &str| cells.get(name).cloned().unwrap_or_default();
    let tenant = NewTenant {
        biz_reg_no: of("biz_reg_no"),
        company: of("company"),
        slug: of("slug"),
        region: of("region").to_lowercase(),
        time_zone: of("time_zone"),
    };
    let sold = NewSold {
        plan: of("plan"),
        ai_services: of("ai_services"),
        contract_number: of("contract_number"),
        expected_amount: of("expected_amount"),
        contact_name: of("contact_name"),
        contact_email: of("contact_email"),
        note: of("note"),
    };
    (tenant, sold)
}

/// Looks at every row and, unless it is a trial, writes those down that are well. A file that cannot be read, or is too large, is refused
/// as a whole; after that every row stands for itself.
pub async fn import(app: &App, operator: &Operator<OnboardingWork>, bytes: &[u8], trial: bool) -> Result<Report, Error> {
    let whole = |text: Text| Error::Invalid(vec![Problem::new("file", text)]);
    let (text, encoding) = decode(bytes).map_err(whole)?;
    let mut slugs: HashMap<String, u64> = HashMap::new();
    let mut rows = Vec::new();
    for (line, cells) in read(&text).map_err(whole)? {
        let (tenant, sold) = parts(&cells);
        let mut row = Row { line, company: tenant.company.clone(), slug: tenant.slug.trim().to_owned(), problems: Vec::new(), id: None };
        if let Some(first) = slugs.get(&row.slug).filter(|_| !row.slug.is_empty()) {
            row.problems.push(Problem::new("slug", msg::import_slug_twice(*first)));
        } else {
            slugs.insert(row.slug.clone(), line);
            match one(app, operator, &tenant, &sold, trial).await {
                Ok(id) => row.id = id,
                Err(Error::Invalid(problems)) => row.problems = problems,
                Err(Error::Refused(text)) => row.problems.push(Problem::new("slug", text)),
                Err(other) => return Err(other),
            }
        }
        rows.push(row);
    }
    Ok(Report { rows, encoding })
}

/// One row. A trial does all of it but the last step, so that it finds whatever the real one would.
async fn one(
    app: &App,
    operator: &Operator<OnboardingWork>,
    tenant: &NewTenant,
    sold: &NewSold,
    trial: bool,
) -> Result<Option<i64>, Error> {
    let (tenant, sold) = checked(tenant, sold)?;
    if trial {
        let mut conn = app.db.read().await?;
        is_on_the_shelf(&mut conn, &sold).await?;
        let digits = tenant.biz_reg_no.digits();
        let known = tenants::company_by_number(&mut conn, digits).await?;
        if let Some(company) = known.filter(|c| c.name != tenant.company) {
            return Err(Error::Invalid(vec![Problem::new("company", msg::company_is_called(&company.name))]));
        }
        if tenants::slug_is_taken(&mut conn, &tenant.slug).await? {
            return Err(Error::Invalid(vec![Problem::new("slug", msg::tenant_slug_taken(&tenant.slug))]));
        }
        return Ok(None);
    }
    let mut change = app.db.begin(operator).await?;
    let owner = owner_of(&mut change, operator.id()).await?;
    let id = write_down(&mut change, &tenant, &sold, operator.id(), owner).await?;
    let onboarding = store::find(&mut change, id).await?.ok_or(Error::NotFound)?;
    change.commit(onboarding.entry("onboarding.drafted").with("imported", true).after(sold_json(&onboarding))).await?;
    Ok(Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "사업자등록번호,상호,주소 이름,요금제,계약번호,결제금액,담당자,이메일";

    #[test]
    fn a_file_is_read_in_every_encoding_that_korean_spreadsheets_write() {
        let text = format!("{HEAD}\r\n124-81-00998,뷁한빛소프트,hanbit,pro-v3,HB-1,\"1,650,000\",김하늘,sky@customer.example\r\n");
        let (cp949, _, lossy) = EUC_KR.encode(&text);
        assert!(!lossy, "CP949 has syllables that KS X 1001 has not");
        let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        for (bytes, name) in [
            (text.clone().into_bytes(), "UTF-8"),
            (format!("\u{feff}{text}").into_bytes(), "UTF-8"),
            (cp949.into_owned(), "EUC-KR"),
            (utf16, "UTF-16LE"),
        ] {
            let (read_text, encoding) = decode(&bytes).unwrap();
            assert_eq!(encoding, name);
            let rows = read(&read_text).unwrap();
            assert_eq!((rows[0].0, &*rows[0].1["company"], &*rows[0].1["expected_amount"]), (2, "뷁한빛소프트", "1,650,000"));
        }
    }

    #[test]
    fn what_is_no_list_of_tenants_is_refused_as_a_whole() {
        let wrong = |text: &str| read(text).unwrap_err().id();
        assert_eq!(wrong(""), "import-columns-missing");
        assert_eq!(wrong("상호,이메일\n한빛,a@b.example\n"), "import-columns-missing");
        assert_eq!(wrong(&format!("{HEAD}\n\n,,,,,,,\n")), "import-empty");
        let many = format!("{HEAD}\n{}", "1,2,3,4,5,6,7,8\n".repeat(MOST_ROWS + 1));
        assert_eq!(wrong(&many), "import-too-many");
        assert_eq!(decode(&[0xff, 0xff, 0x80, 0x00]).unwrap_err().id(), "import-unreadable");
        assert_eq!(decode(&vec![b'a'; LIMIT + 1]).unwrap_err().id(), "import-too-large");
    }

    #[test]
    fn semicolons_tabs_and_our_own_apostrophes_are_understood() {
        for delimiter in [";", "\t"] {
            let text = format!("{}\n1248100998{d}'=한빛{d}a{d}b{d}c{d}d{d}e{d}f\n", HEAD.replace(',', delimiter), d = delimiter);
            assert_eq!(read(&text).unwrap()[0].1["company"], "=한빛");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_sent_gets_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok((text, _)) = decode(&bytes) {
                let _ = read(&text);
                let _ = read(&format!("{HEAD}\n{text}"));
            }
        }

        /// What we wrote ourselves comes back as it was.
        #[test]
        fn a_name_survives_export_and_import(name in "[=+@'-]?[가-힣a-z,;\"]{1,12}") {
            prop_assume!(!name.starts_with('\''));
            let line = crate::page::export::line(["1".into(), name.clone(), "3".into(), "4".into(), "5".into(), "6".into(), "7".into(), "8".into()]).unwrap();
            prop_assert_eq!(&read(&format!("{HEAD}\n{line}")).unwrap()[0].1["company"], &name);
        }
    }
}
