# SPDX-License-Identifier: Apache-2.0
"""The comparison with other runtimes: see README.md in this folder."""
