# SPDX-License-Identifier: Apache-2.0
"""One file for each process: the only place where a port meets an adapter."""
