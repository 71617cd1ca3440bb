# SPDX-License-Identifier: Apache-2.0
"""One function per user journey, calling rooms in order: the way of the data is written here, once."""
