//! The sixteen quantities of an interval read, each with one fixed unit.

/// A quantity of a read. The order is the order of the store's columns and of the `present` bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Channel {
    /// Imported active energy of the interval, Wh (1.0.1.29.0.255).
    ImpWh,
    /// Exported active energy, Wh (1.0.2.29.0.255).
    ExpWh,
    /// Imported apparent energy, `VAh` (1.0.9.29.0.255).
    ImpVah,
    /// Exported apparent energy, `VAh` (1.0.10.29.0.255).
    ExpVah,
    /// Average voltage, 0.01 V (1.0.12.27.0.255).
    VoltCv,
    /// Average current, 0.001 A (1.0.11.27.0.255).
    CurrMa,
    /// Reactive energy, quadrant 1, varh (1.0.5.29.0.255).
    VarhQ1,
    /// Reactive energy, quadrant 2, varh (1.0.6.29.0.255).
    VarhQ2,
    /// Reactive energy, quadrant 3, varh (1.0.7.29.0.255).
    VarhQ3,
    /// Reactive energy, quadrant 4, varh (1.0.8.29.0.255).
    VarhQ4,
    /// Average voltage, phase R, 0.01 V (1.0.32.27.0.255).
    VoltRCv,
    /// Average voltage, phase Y, 0.01 V (1.0.52.27.0.255).
    VoltYCv,
    /// Average voltage, phase B, 0.01 V (1.0.72.27.0.255).
    VoltBCv,
    /// Average current, phase R, 0.001 A (1.0.31.27.0.255).
    CurrRMa,
    /// Average current, phase Y, 0.001 A (1.0.51.27.0.255).
    CurrYMa,
    /// Average current, phase B, 0.001 A (1.0.71.27.0.255).
    CurrBMa,
}

/// DLMS unit codes (Green Book 9, clause 4.3.2) that a channel can have.
pub(super) mod unit {
    pub(in crate::layout) const WATT_HOUR: u8 = 30;
    pub(in crate::layout) const VOLT_AMPERE_HOUR: u8 = 31;
    pub(in crate::layout) const VAR_HOUR: u8 = 32;
    pub(in crate::layout) const AMPERE: u8 = 33;
    pub(in crate::layout) const VOLT: u8 = 35;
}

impl Channel {
    /// How many there are.
    pub const COUNT: usize = 16;

    /// All of them, in order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::ImpWh,
        Self::ExpWh,
        Self::ImpVah,
        Self::ExpVah,
        Self::VoltCv,
        Self::CurrMa,
        Self::VarhQ1,
        Self::VarhQ2,
        Self::VarhQ3,
        Self::VarhQ4,
        Self::VoltRCv,
        Self::VoltYCv,
        Self::VoltBCv,
        Self::CurrRMa,
        Self::CurrYMa,
        Self::CurrBMa,
    ];

    /// Its place in the order.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its bit in a row's `present` mask.
    pub const fn bit(self) -> u16 {
        1 << (self as u16)
    }

    /// The name of the store's column and of the layout's field.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ImpWh => "imp_wh",
            Self::ExpWh => "exp_wh",
            Self::ImpVah => "imp_vah",
            Self::ExpVah => "exp_vah",
            Self::VoltCv => "volt_cv",
            Self::CurrMa => "curr_ma",
            Self::VarhQ1 => "varh_q1",
            Self::VarhQ2 => "varh_q2",
            Self::VarhQ3 => "varh_q3",
            Self::VarhQ4 => "varh_q4",
            Self::VoltRCv => "volt_r_cv",
            Self::VoltYCv => "volt_y_cv",
            Self::VoltBCv => "volt_b_cv",
            Self::CurrRMa => "curr_r_ma",
            Self::CurrYMa => "curr_y_ma",
            Self::CurrBMa => "curr_b_ma",
        }
    }

    /// The channel of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }

    /// Its logical name.
    pub const fn obis(self) -> [u8; 6] {
        let (quantity, kind) = match self {
            Self::ImpWh => (1, 29),
            Self::ExpWh => (2, 29),
            Self::ImpVah => (9, 29),
            Self::ExpVah => (10, 29),
            Self::VoltCv => (12, 27),
            Self::CurrMa => (11, 27),
            Self::VarhQ1 => (5, 29),
            Self::VarhQ2 => (6, 29),
            Self::VarhQ3 => (7, 29),
            Self::VarhQ4 => (8, 29),
            Self::VoltRCv => (32, 27),
            Self::VoltYCv => (52, 27),
            Self::VoltBCv => (72, 27),
            Self::CurrRMa => (31, 27),
            Self::CurrYMa => (51, 27),
            Self::CurrBMa => (71, 27),
        };
        [1, 0, quantity, kind, 0, 255]
    }

    /// The channel of that logical name; group B, the measuring channel of the meter, may be any.
    pub fn of_obis(obis: [u8; 6]) -> Option<Self> {
        let [a, _, quantity, kind, tariff, f] = obis;
        let plain = [a, 0, quantity, kind, tariff, f];
        Self::ALL
            .into_iter()
            .find(|channel| channel.obis() == plain)
    }

    /// DLMS code of its unit.
    pub const fn unit(self) -> u8 {
        match self {
            Self::ImpWh | Self::ExpWh => unit::WATT_HOUR,
            Self::ImpVah | Self::ExpVah => unit::VOLT_AMPERE_HOUR,
            Self::VarhQ1 | Self::VarhQ2 | Self::VarhQ3 | Self::VarhQ4 => unit::VAR_HOUR,
            Self::VoltCv | Self::VoltRCv | Self::VoltYCv | Self::VoltBCv => unit::VOLT,
            Self::CurrMa | Self::CurrRMa | Self::CurrYMa | Self::CurrBMa => unit::AMPERE,
        }
    }

    /// Power of ten of one stored step: 0.01 V is -2.
    pub const fn exponent(self) -> i8 {
        match self.unit() {
            unit::VOLT => -2,
            unit::AMPERE => -3,
            _ => 0,
        }
    }
}
