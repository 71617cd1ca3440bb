# SPDX-License-Identifier: Apache-2.0
"""Padmé padding: how long a sealed plaintext is made, so that its size tells little. Pads nothing itself."""


def padme(length: int) -> int:
    """The padded length in bytes for ``length`` bytes: at most 12 % more.

    Nikitin and others, "Reducing metadata leakage from encrypted files and communication with PURBs", PoPETs 2019, §4.
    """
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    free_bits = max(exponent - exponent.bit_length(), 0)
    mask = (1 << free_bits) - 1
    return (length + mask) & ~mask
