# SPDX-License-Identifier: Apache-2.0
"""Source persons become keyed pseudonyms, shards and ordinals. Pure: keys are given; no identifier leaves this room but as a hash."""
