//! Order statuses.

use fastrand::Rng;

/// The fifteen order statuses by id (orders reference, order statuses).
pub(crate) const STATUSES: [&str; 15] = [
    "Incomplete",
    "Pending",
    "Shipped",
    "Partially Shipped",
    "Refunded",
    "Cancelled",
    "Declined",
    "Awaiting Payment",
    "Awaiting Pickup",
    "Awaiting Shipment",
    "Completed",
    "Awaiting Fulfillment",
    "Manual Verification Required",
    "Disputed",
    "Partially Refunded",
];

/// A status as often as a shop has it: half completed, some incomplete.
pub(super) fn draw(rng: &mut Rng) -> u8 {
    match rng.u32(..100) {
        0..50 => 10,
        50..65 => 2,
        65..73 => 11,
        73..80 => 0,
        80..85 => 5,
        _ => rng.u8(..15),
    }
}
