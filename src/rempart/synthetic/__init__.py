# SPDX-License-Identifier: Apache-2.0
"""A population with a planted, confounded effect and real dirt, in the form of an SNDS delivery.

Pure: values in, values out. It shares nothing with the rooms that read a delivery or study it, so that they can be judged by it.
Column names, codes and the numbers of the world are the TOML files beside this one, passed in parsed.
"""
