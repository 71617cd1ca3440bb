# SPDX-License-Identifier: Apache-2.0
"""The laws of the architecture, as tests on the syntax tree. Each checker is shown to catch a bad example before it is believed."""
