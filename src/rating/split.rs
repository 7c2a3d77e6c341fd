//! Splitting an amount so that the parts add up to it: by largest remainder.

/// Splits `total` in the ratio of `weights`: each part is its exact share rounded down or up, and all of them add up to
/// `total`. Among equal remainders the first ones get the rest. Weights below nothing count as nothing; if all are
/// nothing, the first part gets all.
pub fn split(total: i64, weights: &[i64]) -> Vec<i64> {
    let weights: Vec<i128> = weights.iter().map(|weight| i128::from((*weight).max(0))).collect();
    let sum: i128 = weights.iter().sum();
    if sum == 0 {
        let mut parts = vec![0; weights.len()];
        if let Some(first) = parts.first_mut() {
            *first = total;
        }
        return parts;
    }
    let size = i128::from(total.unsigned_abs());
    let exact: Vec<i128> = weights.into_iter().map(|weight| size * weight).collect();
    let parts = apportion(&exact, sum, size);
    parts.into_iter().map(|part| i64::try_from(part).unwrap_or(i64::MAX) * total.signum()).collect()
}

/// Whole parts of `exact / unit` that add up to `total`, which is the sum of them all rounded to a neighbour.
pub(super) fn apportion(exact: &[i128], unit: i128, total: i128) -> Vec<i128> {
    let mut parts: Vec<i128> = exact.iter().map(|exact| exact / unit).collect();
    // Less than one for each part.
    let left = usize::try_from(total - parts.iter().sum::<i128>()).unwrap_or_default();
    let mut order: Vec<usize> = (0..exact.len()).collect();
    order.sort_by(|one, other| (exact[*other] % unit).cmp(&(exact[*one] % unit)).then(one.cmp(other)));
    for index in order.into_iter().take(left) {
        parts[index] += 1;
    }
    parts
}
