# SPDX-License-Identifier: Apache-2.0
"""The command line as its users meet it, on real input."""
