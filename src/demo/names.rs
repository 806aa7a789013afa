//! Names that sound like Korean companies and people. None is real on purpose.
use rand::{Rng, RngExt, seq::IndexedRandom};

const COMPANY_HEADS: [&str; 24] = [
    "한빛",
    "미래",
    "다온",
    "새벽",
    "가람",
    "누리",
    "해솔",
    "푸른",
    "바른",
    "온누리",
    "아라",
    "도담",
    "늘봄",
    "소담",
    "이음",
    "나래",
    "마루",
    "여울",
    "단비",
    "그린",
    "세종",
    "동해",
    "백두",
    "한강",
];
const COMPANY_TAILS: [&str; 12] =
    ["소프트", "물산", "전자", "금융", "로지스", "헬스케어", "에듀", "커머스", "모빌리티", "건설", "식품", "미디어"];
const TEAMS: [&str; 16] = [
    "데이터플랫폼팀",
    "고객경험팀",
    "재무회계팀",
    "물류운영팀",
    "마케팅팀",
    "연구개발팀",
    "영업1팀",
    "영업2팀",
    "인사팀",
    "보안팀",
    "AI추진팀",
    "콘텐츠팀",
    "품질관리팀",
    "해외사업팀",
    "구매팀",
    "디자인팀",
];
const SURNAMES: [&str; 16] = ["김", "이", "박", "최", "정", "강", "조", "윤", "장", "임", "한", "오", "서", "신", "권", "황"];
const GIVEN: [&str; 32] = [
    "민준", "서연", "도윤", "지우", "하준", "서현", "예준", "하은", "주원", "지민", "시우", "수아", "지호", "다은", "준서", "예린", "현우",
    "채원", "건우", "유진", "우진", "소율", "선우", "가은", "은우", "나윤", "태윤", "시은", "승현", "아린", "지훈", "윤서",
];

/// Company number `n`; the first is the demo's own customer with the problem.
pub fn company(n: usize) -> String {
    let head = COMPANY_HEADS[n % COMPANY_HEADS.len()];
    let tail = COMPANY_TAILS[(n / COMPANY_HEADS.len() + n * 5) % COMPANY_TAILS.len()];
    format!("{head}{tail}")
}

/// Team number `n` of a company; the names begin again with a number when they run out.
pub fn team(n: usize) -> String {
    match n / TEAMS.len() {
        0 => TEAMS[n % TEAMS.len()].into(),
        again => format!("{} {}", TEAMS[n % TEAMS.len()], again + 1),
    }
}

pub fn person(rng: &mut impl Rng) -> String {
    format!("{}{}", SURNAMES.choose(rng).expect("not empty"), GIVEN.choose(rng).expect("not empty"))
}

/// An id of the customers' system: the prefix and ten characters.
pub fn id(prefix: &str, rng: &mut impl Rng) -> String {
    const LETTERS: &[u8] = b"0123456789abcdefghijkmnpqrstuvwxyz";
    let tail: String = (0..10).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect();
    format!("{prefix}_{tail}")
}

pub const FIX_REASONS: [&str; 8] = [
    "결제는 완료되었으나 등급이 반영되지 않아 고객 문의가 들어왔습니다.",
    "계약서 기준 크레딧이 지급되지 않았습니다. 영업 담당 확인을 마쳤습니다.",
    "청구 시스템 점검 중 누락된 크레딧을 계약 수량으로 맞춥니다.",
    "연간 계약 갱신 후 등급이 이전 값으로 남아 있어 정정합니다.",
    "장애 보상으로 합의한 크레딧을 반영합니다. (CS-4821)",
    "파일럿 종료에 따라 등급을 무료로 되돌립니다.",
    "부가 서비스 해지 후 크레딧 잔액이 맞지 않아 조정합니다.",
    "신규 계약 활성화 과정에서 등급 적용이 실패했습니다.",
];
pub const GRANT_REASONS: [&str; 5] = [
    "Pro 결제 영수증을 확인했으나 플랜이 적용되지 않았습니다.",
    "행사 참가자에게 약속한 Pro 이용 기간을 반영합니다.",
    "구독 해지 처리가 되지 않아 고객이 정정을 요청했습니다.",
    "결제 수단 변경 중 플랜이 초기화되어 원래대로 되돌립니다.",
    "평가판 연장 승인 건입니다. 담당 영업의 요청을 확인했습니다.",
];
pub const DENIALS: [&str; 4] = [
    "계약서의 수량과 다릅니다. 영업 담당에게 확인한 뒤 다시 요청하세요.",
    "결제 내역이 확인되지 않습니다. 영수증 번호를 사유에 적어 주세요.",
    "이미 다른 요청으로 처리된 건입니다.",
    "보상 한도를 넘습니다. 팀장 승인 기록을 첨부하세요.",
];

/// Why a fix could not wait.
pub const EMERGENCIES: [&str; 3] = [
    "고객사의 배치 작업이 한도 초과로 멈춰 있고, 오전 9시 정산 전까지 복구해야 합니다.",
    "등급이 내려가 고객사 전체의 로그인이 막혔습니다. 승인을 기다리면 중단 시간이 길어집니다.",
    "잘못 빠진 크레딧 때문에 고객사의 실시간 서비스가 중단되어 있습니다.",
];
