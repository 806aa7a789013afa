//! Dividing whole won by weights so that nothing is lost: the largest remainders get the won that are left, the earlier of two equal ones first.

/// Shares of `total` in proportion to `weights`; they add up to it. Without any weight there is nothing to share by, and all are 0.
pub(super) fn spread(total: i64, weights: &[i64]) -> Vec<i64> {
    let all: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if all == 0 {
        return vec![0; weights.len()];
    }
    let exact = |weight: &i64| i128::from(total) * i128::from(*weight) * all.signum();
    let mut shares: Vec<i64> = weights.iter().map(|weight| exact(weight).div_euclid(all.abs()) as i64).collect();
    let left = i128::from(total) - shares.iter().map(|share| i128::from(*share)).sum::<i128>();
    let mut places: Vec<usize> = (0..weights.len()).collect();
    places.sort_by_key(|place| std::cmp::Reverse(exact(&weights[*place]).rem_euclid(all.abs())));
    places.into_iter().take(left as usize).for_each(|place| shares[place] += 1);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_earlier_of_two_equal_remainders_is_first() {
        assert_eq!(spread(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(spread(1, &[0, 5, 5]), [0, 1, 0]);
        assert_eq!(spread(7, &[]), [0; 0]);
        assert_eq!(spread(0, &[3, -3]), [0, 0]);
    }

    proptest! {
        #[test]
        fn shares_add_up_and_are_within_a_won_of_what_is_exact(total in -1_000_000_000_i64..1_000_000_000,
            weights in prop::collection::vec(-1_000_000_i64..1_000_000_000, 1..20)) {
            let all: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
            prop_assume!(all != 0);
            let shares = spread(total, &weights);
            prop_assert_eq!(shares.iter().sum::<i64>(), total);
            for (share, weight) in shares.iter().zip(&weights) {
                let off = (i128::from(*share) * all - i128::from(total) * i128::from(*weight)).abs();
                prop_assert!(off < all.abs(), "{share} for {weight} of {all}");
            }
        }
    }
}
