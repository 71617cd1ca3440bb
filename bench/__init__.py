# SPDX-License-Identifier: Apache-2.0
"""Measurements against peers: `make bench`. One file per bench or group of benches; each is a plain function that is registered."""
