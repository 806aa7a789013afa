//! Business registration numbers (사업자등록번호): ten digits, of which the last is computed from the others.
use crate::i18n::{Text, msg};

const WEIGHTS: [u32; 9] = [1, 3, 7, 1, 3, 7, 1, 3, 5];

/// A number as it is stored: ten digits that check out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BizRegNo(String);

impl BizRegNo {
    /// From what people write: `124-81-00998`, with blanks or without.
    pub fn read(text: &str) -> Result<Self, Text> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace() && !"-–—".contains(*c)).collect();
        if digits.len() != 10 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(msg::biz_reg_no_malformed());
        }
        if !checks_out(&digits) {
            return Err(msg::biz_reg_no_wrong());
        }
        Ok(Self(digits))
    }

    pub fn digits(&self) -> &str {
        &self.0
    }
}

/// `124-81-00998`, as it stands on a certificate; anything else as it is.
pub fn shown(digits: &str) -> String {
    match (digits.get(..3), digits.get(3..5), digits.get(5..)) {
        (Some(office), Some(kind), Some(serial)) if digits.len() == 10 => format!("{office}-{kind}-{serial}"),
        _ => digits.to_owned(),
    }
}

/// Whether ten digits are a number that the tax office could have given: the ninth counts five times, and its tens once more.
pub fn checks_out(digits: &str) -> bool {
    let d: Vec<u32> = digits.chars().filter_map(|c| c.to_digit(10)).collect();
    d.len() == 10 && digits.len() == 10 && d.iter().any(|n| *n > 0) && check_digit(&d[..9]) == d[9]
}

fn check_digit(nine: &[u32]) -> u32 {
    let sum: u32 = nine.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    (10 - (sum + nine[8] * 5 / 10) % 10) % 10
}

/// The number that begins with these nine digits; for the demo and for tests.
pub fn completed(nine: u32) -> String {
    let nine = format!("{:09}", nine % 1_000_000_000);
    let digits: Vec<u32> = nine.chars().filter_map(|c| c.to_digit(10)).collect();
    format!("{nine}{}", check_digit(&digits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_of_companies_that_everybody_knows_check_out() {
        for number in ["124-81-00998", "220-81-62517", "120-81-47521"] {
            assert_eq!(shown(BizRegNo::read(number).unwrap().digits()), number);
        }
        let read = |text: &str| BizRegNo::read(text).unwrap_err().id();
        assert_eq!(read("124-81-00997"), "biz-reg-no-wrong");
        for text in ["", "124-81-0099", "124-81-009989", "abc-81-00998", "１２４８１００９９８", "0000000000000"] {
            assert_eq!(read(text), "biz-reg-no-malformed", "{text}");
        }
        assert_eq!(read("000-00-00000"), "biz-reg-no-wrong");
    }

    proptest! {
        #[test]
        fn one_tenth_digit_completes_nine(nine in 1u32..1_000_000_000) {
            let right = completed(nine);
            prop_assert!(checks_out(&right));
            let tenths = (0..10).filter(|tenth| checks_out(&format!("{}{tenth}", &right[..9]))).count();
            prop_assert_eq!(tenths, 1);
        }

        /// What the tenth digit is for. Five times the ninth would not notice another even one: hence its tens.
        #[test]
        fn one_wrong_digit_is_noticed(nine in 1u32..1_000_000_000, place in 0usize..10, other in 0u32..10) {
            let right = completed(nine);
            let was = right.as_bytes()[place] - b'0';
            prop_assume!(u32::from(was) != other);
            let wrong = format!("{}{other}{}", &right[..place], &right[place + 1..]);
            prop_assert!(!checks_out(&wrong), "{} for {}", wrong, right);
        }

        #[test]
        fn whatever_is_typed_gets_an_answer(text in ".{0,40}") {
            if let Ok(number) = BizRegNo::read(&text) {
                prop_assert_eq!(number.digits().len(), 10);
            }
        }
    }
}
