# SPDX-License-Identifier: Apache-2.0
"""An attacker's suite against our own way out: what discloses must be stopped, what is safe must pass."""
