# SPDX-License-Identifier: Apache-2.0
"""What a host or a node may hold, by its declaration and the rules; what a host can infer; what it could hand over. Pure."""
